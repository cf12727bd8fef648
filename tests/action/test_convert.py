"""convert: manifests of other tools become ours, ours become NeMo's, all or nothing."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from project.action.convert import Convert, find_files, lines_of
from project.action.validate import Validate
from project.contract import Example, InputError
from project.data.manifest import Manifest

lhotse = pytest.importorskip("lhotse")

Write = Callable[..., Path]


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """A folder with wav/a.wav (1 s), wav/b.flac (2 s) and wav/deep/c.wav (3 s)."""
    for seconds, name in ((1, "a.wav"), (2, "b.flac"), (3, "deep/c.wav")):
        path = tmp_path / "corpus" / "wav" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, np.random.default_rng(seconds).uniform(-0.5, 0.5, seconds * 8000), 8000)
    return tmp_path / "corpus"


@pytest.fixture
def write(corpus: Path) -> Write:
    def write(records: Iterable[dict[str, Any]], name: str = "theirs.json") -> Path:
        path = corpus / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(record) + "\n" for record in records))
        return path

    return write


def examples(path: Path) -> list[Example]:
    return list(Manifest.open(str(path)))


def test_nemo_there_and_back(write: Write, corpus: Path) -> None:
    theirs = [
        {"audio_filepath": "wav/a.wav", "duration": 1.0, "text": "one", "id": "x", "speaker": "anna", "lang": "en"},
        {"audio_filepath": "wav/b.flac", "duration": 2.0, "text": "two", "id": "y"},
    ]
    path = write(theirs)
    assert Convert([str(path)]).run() == 0
    ours = corpus / "theirs.scansion.jsonl"
    assert [json.loads(line) for line in ours.read_text().splitlines()] == [
        {"id": "x", "media": "wav/a.wav", "duration": 1.0, "text": "one", "group": "anna", "lang": "en"},
        {"id": "y", "media": "wav/b.flac", "duration": 2.0, "text": "two"},
    ]
    assert Convert([str(ours)], to="nemo").run() == 0
    back = corpus / "theirs.scansion.nemo.jsonl"
    assert [json.loads(line) for line in back.read_text().splitlines()] == theirs
    assert Validate([str(ours)]).run() == 0


def test_huggingface_without_durations(write: Write, corpus: Path) -> None:
    path = write(
        [{"file_name": f"wav/{name}", "transcription": name} for name in ("a.wav", "b.flac")], "metadata.jsonl"
    )
    assert Convert([str(path)]).run() == 0
    found = examples(corpus / "metadata.scansion.jsonl")
    assert [(one.id, one.length, one.text) for one in found] == [("a", 1.0, "a.wav"), ("b", 2.0, "b.flac")]


def test_lhotse_cuts_of_parts_become_files(corpus: Path, tmp_path: Path) -> None:
    recording = lhotse.Recording.from_file(corpus / "wav/deep/c.wav")
    said = [
        lhotse.SupervisionSegment(f"s{n}", recording.id, start, 1.0, text=text, speaker="anna")
        for n, (start, text) in enumerate([(0.5, "one"), (1.75, "two")])
    ]
    cuts = lhotse.CutSet.from_manifests(
        recordings=lhotse.RecordingSet.from_recordings([recording]),
        supervisions=lhotse.SupervisionSet.from_segments(said),
    ).trim_to_supervisions()
    cuts.to_file(tmp_path / "cuts.jsonl.gz")
    out = tmp_path / "out" / "o.jsonl"
    assert Convert([str(tmp_path / "cuts.jsonl.gz")], str(out), media="copy").run() == 0
    found = examples(out)
    assert [(one.id, one.text, one.group, one.length) for one in found] == [
        (cut.id, text, "anna", 1.0) for cut, text in zip(cuts, ("one", "two"), strict=True)
    ]
    for cut, one in zip(cuts, found, strict=True):
        samples, rate = soundfile.read(one.media, dtype="float32")
        assert rate == cut.sampling_rate
        np.testing.assert_allclose(samples, cut.load_audio()[0], atol=1e-6)
    assert Validate([str(out)]).run() == 0


def test_parts_without_copies_are_all_named(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(
        [
            {"audio_filepath": "wav/a.wav", "duration": 0.5, "offset": 0.25, "text": "one"},
            {"audio_filepath": "wav/b.flac", "duration": 2.0, "offset": 0.0, "text": "whole"},
            {"audio_filepath": "wav/b.flac", "duration": 1.0, "offset": 0.0, "text": "half"},
        ]
    )
    assert Convert([str(path)]).run() == 2
    shown = capsys.readouterr()
    assert [line.split(": ")[0] for line in shown.out.splitlines()] == [f"{path}:1", f"{path}:3"]
    assert shown.out.count("media=copy cuts parts out") == 2
    assert "2 problems in 3 lines, nothing is written" in shown.err
    assert Convert([str(path)], media="copy").run() == 0


def test_all_bad_lines_are_named_and_nothing_is_written(
    write: Write, corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = {"audio_filepath": "wav/a.wav", "duration": 1.0, "text": "a"}
    path = write([good, {**good, "duration": "x"}, {"audio_filepath": "wav/none.wav", "text": "a"}, {"text": "a"}])
    path.write_text(path.read_text() + "\n\n{broken\n")
    before = sorted(corpus.rglob("*"))
    assert Convert([str(path)], media="copy").run() == 2
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(": ")[0] for line in lines] == [f"{path}:{number}" for number in (2, 3, 4, 7)]
    assert sorted(corpus.rglob("*")) == before


def test_ids_that_come_twice_are_named(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    path = write({"id": "same", "audio_filepath": f"wav/{name}", "duration": 1.0, "text": "a"} for name in ("a", "b"))
    assert Convert([str(path)]).run() == 2
    assert f"{path}:2: same: id is already that of {path}:1: " in capsys.readouterr().out


def test_out_is_where_the_media_are(write: Write, corpus: Path, tmp_path: Path) -> None:
    """A manifest in a folder of its own cannot name what is beside that folder: ours is written above the media."""
    path = write([{"audio_filepath": f"{corpus}/wav/a.wav", "duration": 1.0, "text": "a"}], "lists/train.json")
    assert Convert([str(path)]).run() == 0
    found = corpus / "wav" / "train.scansion.jsonl"
    assert json.loads(found.read_text())["media"] == "a.wav"


def test_media_elsewhere_are_named_by_url_and_said(
    write: Write, corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write([{"audio_filepath": "wav/a.wav", "duration": 1.0, "text": "a"}])
    out = tmp_path / "out" / "o.jsonl"
    assert Convert([str(path)], str(out)).run() == 0
    assert json.loads(out.read_text())["media"] == f"file://{corpus}/wav/a.wav"
    assert "1 media are not below" in capsys.readouterr().err
    assert Validate([str(out)]).run() == 0


@pytest.mark.parametrize("way", ["copy", "link"])
def test_media_come_beside_the_manifest(write: Write, corpus: Path, tmp_path: Path, way: Any) -> None:
    names = ["wav/a.wav", "wav/b.flac", "wav/deep/c.wav"]
    path = write({"audio_filepath": name, "duration": n, "text": "a"} for n, name in enumerate(names, start=1))
    out = tmp_path / "out" / "o.jsonl"
    assert Convert([str(path)], str(out), media=way).run() == 0
    media = [json.loads(line)["media"] for line in out.read_text().splitlines()]
    assert media == ["media/o/a.wav", "media/o/b.flac", "media/o/deep/c.wav"]
    for name, moved in zip(names, media, strict=True):
        assert (out.parent / moved).is_symlink() is (way == "link")
        assert (out.parent / moved).read_bytes() == (corpus / name).read_bytes()
    assert Validate([str(out)]).run() == 0
    with pytest.raises(InputError, match="overwrite=true"):
        Convert([str(path)], str(out), media=way).run()
    assert Convert([str(path)], str(out), media=way, overwrite=True).run() == 0


def test_our_own_manifest_moves_with_its_media(corpus: Path, tmp_path: Path) -> None:
    record = {"id": "a", "media": "wav/a.wav", "duration": 1.0, "symbols": ["A"], "labels": {"x": [1]}, "extra": None}
    (corpus / "ours.jsonl").write_text(json.dumps(record) + "\n")
    out = tmp_path / "out" / "o.jsonl"
    assert Convert([str(corpus / "ours.jsonl")], str(out), media="copy").run() == 0
    assert json.loads(out.read_text()) == {**record, "media": "media/o/a.wav"}


def test_frames_stay_frames(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (corpus / "ours.jsonl").write_text('{"id": "a", "media": "a.npz", "length": 120, "text": "a"}\n')
    assert Convert([str(corpus / "ours.jsonl")]).run() == 0
    assert json.loads((corpus / "ours.scansion.jsonl").read_text())["length"] == 120
    assert Convert([str(corpus / "ours.jsonl")], to="nemo").run() == 2
    assert "NeMo's are in seconds" in capsys.readouterr().out


def test_several_files_make_one_manifest(write: Write, corpus: Path) -> None:
    write([{"audio_filepath": "../wav/a.wav", "duration": 1.0, "text": "a"}], "x/1.json")
    write([{"audio": "../wav/b.flac", "text": "b"}], "x/2.json")
    assert Convert([f"{corpus}/x/*.json"], str(corpus / "all.jsonl")).run() == 0
    assert [one.media for one in examples(corpus / "all.jsonl")] == [f"{corpus}/wav/a.wav", f"{corpus}/wav/b.flac"]


def test_a_said_format_is_taken_at_its_word(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    path = write([{"audio": "wav/a.wav", "text": "a"}])
    assert Convert([str(path)], source="nemo").run() == 2
    assert "no `audio_filepath`" in capsys.readouterr().out


def test_what_is_asked_may_be_wrong(write: Write, corpus: Path) -> None:
    path = write([{"audio_filepath": "wav/a.wav", "duration": 1.0, "text": "a"}])
    with pytest.raises(InputError, match="overwrite=true"):
        Convert([str(path)], str(path)).run()
    with pytest.raises(InputError, match="no such manifest"):
        Convert([str(corpus / "none.json")]).run()
    with pytest.raises(InputError, match="it has no lines"):
        Convert([str(write([], "empty.json"))]).run()
    (corpus / "broken.jsonl.gz").write_bytes(gzip.compress(b"{}\n" * 999)[:-9])
    with pytest.raises(InputError, match=r"broken\.jsonl\.gz: it cannot be read"):
        list(lines_of(corpus / "broken.jsonl.gz"))
    assert find_files([f"{corpus}/*.json"]) == [corpus / "empty.json", corpus / "theirs.json"]


def test_a_byte_order_mark_and_packed_lines_are_no_obstacle(corpus: Path) -> None:
    line = json.dumps({"audio_filepath": "wav/a.wav", "duration": 1.0, "text": "ä"}, ensure_ascii=False)
    (corpus / "bom.jsonl.gz").write_bytes(gzip.compress(b"\xef\xbb\xbf" + line.encode() + b"\r\n"))
    assert Convert([str(corpus / "bom.jsonl.gz")]).run() == 0
    assert examples(corpus / "bom.scansion.jsonl")[0].text == "ä"
