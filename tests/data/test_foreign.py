"""Lines of NeMo, Hugging Face and lhotse, the latter written by lhotse itself."""

from __future__ import annotations

import gzip
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from project.contract import Example, InputError
from project.data.foreign import Entry, detect, name_entries, nemo_record, read_entry, require_nemo, write_nemo

lhotse = pytest.importorskip("lhotse")


def read(record: dict[str, Any], folder: Path | str = "/corpus") -> Entry:
    raw = json.dumps(record).encode()
    return read_entry(raw, "m.jsonl:3", str(folder), detect(raw, "m.jsonl:3"))


@pytest.fixture(scope="module")
def cut(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A cut of three seconds of stereo in which Anna says something from 0.5 to 1.5 s on the left."""
    path = tmp_path_factory.mktemp("lhotse") / "talk.wav"
    soundfile.write(path, np.random.default_rng(0).uniform(-0.5, 0.5, (48000, 2)), 16000)
    recording = lhotse.Recording.from_file(path)
    said = lhotse.SupervisionSegment(
        id="talk-1", recording_id=recording.id, start=0.5, duration=1.0,
        text="hello", speaker="anna", language="English", custom={"mood": "good"},
    )  # fmt: skip
    return lhotse.MonoCut("talk", 0.0, 3.0, 0, [said], recording=recording)


@pytest.fixture(scope="module")
def mono(cut: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The same, mono."""
    path = tmp_path_factory.mktemp("lhotse") / "mono.wav"
    soundfile.write(path, np.zeros(48000), 16000)
    return _mono(cut, path)


def _mono(cut: Any, path: Path) -> Any:
    return lhotse.MonoCut("mono", 0.0, 3.0, 0, cut.supervisions, recording=lhotse.Recording.from_file(path))


@pytest.fixture
def lines(tmp_path: Path) -> Callable[..., list[bytes]]:
    """The lines that lhotse writes of cuts."""

    def lines(*cuts: Any) -> list[bytes]:
        lhotse.CutSet.from_cuts(cuts).to_file(tmp_path / "cuts.jsonl.gz")
        return gzip.decompress((tmp_path / "cuts.jsonl.gz").read_bytes()).splitlines()

    return lines


def test_nemo() -> None:
    entry = read(
        {"audio_filepath": "wav/a.wav", "duration": 2, "text": "a b", "speaker": 7, "lang": "en", "pred": None}
    )
    assert entry.example == Example("", "/corpus/wav/a.wav", 2.0, text="a b", group="7", meta={"lang": "en"})
    assert entry.part is False
    assert read({"audio_filepath": "/x/a.wav", "text": ""}).example.media == "/x/a.wav"
    assert math.isnan(read({"audio_filepath": "a.wav", "text": ""}).example.length)


def test_nemo_offsets() -> None:
    """A NeMo line that begins at zero may or may not be all of its medium: only the medium knows."""
    part = read({"audio_filepath": "a.wav", "duration": 2, "offset": 1.5, "text": "a"})
    assert (part.start, part.part) == (1.5, True)
    assert read({"audio_filepath": "a.wav", "duration": 2, "offset": 0, "text": "a"}).part is None


@pytest.mark.parametrize(
    "record",
    [
        {"audio": "wav/a.wav", "sentence": "a b"},
        {"audio": {"path": "wav/a.wav", "bytes": None}, "transcription": "a b"},
        {"file_name": "wav/a.wav", "transcript": "a b"},
        {"path": "wav/a.wav", "text": "a b"},
    ],
)
def test_huggingface(record: dict[str, Any]) -> None:
    entry = read({**record, "client_id": "anna", "id": 12, "accent": "", "length": 5})
    assert entry.example.media == "/corpus/wav/a.wav"
    assert (entry.example.id, entry.example.text, entry.example.group) == ("12", "a b", "anna")
    assert entry.example.meta == {"accent": "", "original_length": 5}
    assert math.isnan(entry.example.length)


def test_huggingface_takes_the_path_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / "a.mp3").touch()
    entry = read({"audio": {"path": "a.mp3"}, "path": "clips/a.mp3", "sentence": "a"}, tmp_path)
    assert entry.example.media == str(tmp_path / "clips" / "a.mp3")


def test_paths_from_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing lies below the manifest: lhotse writes paths as they were given."""
    (tmp_path / "a.wav").touch()
    monkeypatch.chdir(tmp_path)
    assert read({"audio_filepath": "a.wav", "text": ""}, "/nowhere").example.media == str(tmp_path / "a.wav")
    assert read({"audio_filepath": "s3://c/a.wav", "text": ""}).example.media == "s3://c/a.wav"


def test_lhotse_whole_cut(mono: Any, lines: Callable[..., list[bytes]]) -> None:
    (raw,) = lines(mono)
    assert detect(raw, "") == "lhotse"
    entry = read_entry(raw, "c:1", "/corpus", "lhotse")
    assert entry.example == Example(
        mono.id, mono.recording.sources[0].source, 3.0, text="hello", group="anna",
        meta={"language": "English", "mood": "good"},
    )  # fmt: skip
    assert (entry.part, entry.channel) == (False, None)


def test_lhotse_parts(mono: Any, cut: Any, lines: Callable[..., list[bytes]]) -> None:
    trimmed = next(iter(lhotse.CutSet.from_cuts([mono]).trim_to_supervisions()))
    shorter = mono.truncate(duration=2.0)
    entries = [read_entry(raw, "c:1", "/", "lhotse") for raw in lines(trimmed, shorter, cut)]
    assert [(e.start, e.example.length, e.part, e.channel) for e in entries] == [
        (0.5, 1.0, True, None),
        (0.0, 2.0, True, None),
        (0.0, 3.0, True, 0),  # all of the left channel
    ]


def test_lhotse_without_words_and_of_all_channels(cut: Any, lines: Callable[..., list[bytes]]) -> None:
    entry = read_entry(lines(cut.recording.to_cut())[0], "c:1", "/", "lhotse")
    assert (entry.example.text, entry.part, entry.channel) == (None, False, None)


def test_lhotse_resampling_is_harmless(mono: Any, lines: Callable[..., list[bytes]]) -> None:
    assert read_entry(lines(mono.resample(8000))[0], "c:1", "/", "lhotse").part is False


def test_lhotse_refused(mono: Any, cut: Any, lines: Callable[..., list[bytes]]) -> None:
    twice = mono.append(mono)
    crowded = _mono(mono, Path(mono.recording.sources[0].source))
    crowded.supervisions = [*mono.supervisions, *mono.supervisions]
    halved = mono.truncate(duration=1.0)
    wrong = {"MixedCut": twice, "Speed": mono.perturb_speed(1.1), "2 supervisions": crowded, "beyond the cut": halved}
    for what, one in wrong.items():
        with pytest.raises(InputError, match=f"c:9: {one.id}: .*{what}.*: .*(save_audios|trim_to_supervisions)"):
            read_entry(lines(one)[0], "c:9", "/", "lhotse")


@pytest.mark.parametrize(
    ("record", "what"),
    [
        ({"audio_filepath": ["a.wav"], "text": "a"}, "`audio_filepath` is"),
        ({"audio_filepath": "a.wav", "duration": "2", "text": "a"}, "`duration` is '2'"),
        ({"audio_filepath": "a.wav", "duration": 2, "offset": -1, "text": "a"}, "`offset` is -1"),
        ({"audio_filepath": "a.wav", "duration": 2, "shard_id": 0}, "tar file"),
        ({"audio": {"bytes": "AAAA", "path": None}, "text": "a"}, "inside the line"),
        ({"audio": "a.wav", "text": 5}, "`text` is 5"),
        ({"audio": None, "text": "a"}, "no `audio`"),
        (
            {"type": "MonoCut", "recording": {"id": "a", "sources": [{"type": "command", "source": "cat"}]}},
            "not one file",
        ),
        ({"type": "MonoCut", "id": "x", "recording": {"sources": [{"type": "file", "source": "a"}]}}, "no `duration`"),
    ],
)
def test_what_cannot_be_taken_over_is_refused(record: dict[str, Any], what: str) -> None:
    with pytest.raises(InputError, match=r"^m\.jsonl:3: .*: .*: ") as error:
        read(record)
    assert what in str(error.value)


def test_unknown_formats() -> None:
    with pytest.raises(InputError, match="no format known has the keys wav, txt: say source="):
        detect(b'{"wav": "a.wav", "txt": "a"}', "m:1")
    for raw in (b"id,path", b"[1]"):
        with pytest.raises(InputError, match=r"m:1: .*JSON"):
            detect(raw, "m:1")


def entry(media: str, name: str = "", start: float = 0.0) -> Entry:
    return Entry(f"m:{media}", Example(name, media, 1.0, text="a"), start=start)


def test_names_are_as_short_as_tells_apart() -> None:
    def names(*entries: Entry) -> list[str]:
        return [one.example.id for one in name_entries(entries, "/c")]

    assert names(entry("/c/x/a.wav"), entry("/c/y/b.wav"), entry("/c/z.wav", "z")) == ["a", "b", "z"]
    assert names(entry("/c/x/a.wav"), entry("/c/y/a.wav")) == ["x/a", "y/a"]
    assert names(entry("/c/x/a.wav", start=0.5), entry("/c/x/a.wav")) == ["x/a@0.500-1.500", "x/a@0.000-1.000"]
    assert names(entry("/c/x/a.wav"), entry("s3://b/x.wav", "a")) == ["x/a", "a"]
    with pytest.raises(InputError, match="another line's too: give the lines `id`s"):
        names(entry("/c/a.wav"), entry("/c/a.wav"))


def test_nemo_is_written_as_it_is_read(tmp_path: Path) -> None:
    examples = [
        Example("a", f"{tmp_path}/wav/a.wav", 1.5, text="one", group="anna", meta={"lang": "en"}),
        Example("b", "/elsewhere/b.wav", 2.0, text=""),
        Example("c", "s3://corpus/c.wav", 3.0, text="drei"),
    ]
    write_nemo(tmp_path / "n.json", examples)
    records = [json.loads(line) for line in (tmp_path / "n.json").read_text().splitlines()]
    assert [record["audio_filepath"] for record in records] == ["wav/a.wav", "/elsewhere/b.wav", "s3://corpus/c.wav"]
    back = [read(record, tmp_path).example for record in records]
    assert back == examples


def test_what_nemo_cannot_hold() -> None:
    good = Example("a", "/a.wav", 1.0, text="a")
    for wrong in (
        Entry("m:1", Example("a", "/a.wav", 1.0, symbols=("A",))),
        Entry("m:1", good, unit="frames"),
        Entry("m:1", Example("a", "/a.wav", 1.0, text="a", meta={"offset": 3})),
    ):
        with pytest.raises(InputError, match=r"m:1: a: .*NeMo"):
            require_nemo(wrong)
    require_nemo(Entry("m:1", good))
    assert nemo_record(good, "/") == {"audio_filepath": "a.wav", "duration": 1.0, "text": "a", "id": "a"}
