"""SpeechOcean762 from small folders of its two forms, and the reduced real one where it is at hand."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from project.contract import InputError
from project.corpus.folder import remove
from project.corpus.held_out import held_out
from project.corpus.rater_marks import read_marks
from project.corpus.speechocean import SpeechOcean
from project.data.manifest import Manifest
from project.text.phoneme import PHONES

# Speaker -> official split, gender, age, ids of utterances.
SPEAKERS: dict[str, tuple[str, str, int, list[str]]] = {
    "0001": ("train", "m", 6, ["000010011", "000010035"]),
    "0002": ("train", "f", 9, ["000020001"]),
    "0007": ("train", "f", 24, ["000070001"]),
    "0008": ("train", "m", 31, ["000080001"]),
    "0003": ("test", "m", 7, ["000030012"]),
}
# As they are published: one word has its phones as a text, the other as a list.
WORDS: list[dict[str, Any]] = [
    {
        "text": "CALL",
        "phones": "K AO0 L",
        "phones-accuracy": [2.0, 1.8, 1.8],
        "accuracy": 10,
        "stress": 10,
        "total": 10,
    },
    {
        "text": "BEAR",
        "phones": ["B", "EH0", "R"],
        "phones-accuracy": [2, 0.4, 1.2],
        "accuracy": 6,
        "stress": 5,
        "total": 6,
        "mispronunciations": [{"canonical-phone": "EH", "index": 1, "pronounced-phone": "AH0"}],
    },
]
MARKS = [
    ["K AO0 L", "K {AO0} L", "K AO0 L", "K AO0 L", "K AO0 {L}"],
    ["B (EH0) (R)", "B (EH0) {R}", "B EH0 R", "B (EH0 R)", "B (EH0) {R} [ L ]"],
]
UTTERANCE: dict[str, Any] = {
    "text": "CALL BEAR",
    "accuracy": 8,
    "completeness": 10.0,
    "fluency": 9,
    "prosodic": 9,
    "total": 8,
    "words": WORDS,
}
RATERS = {"accuracy": [7.0, 9.0, 8.0, 8.0, 9.0]}


def sound(path: Path, number: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(number).normal(0, 0.1, 800 + 160 * number)
    soundfile.write(path, noise.astype(np.float32), 16_000, subtype="PCM_16", format="WAV")


class Published:
    """The corpus as it is published, and what its scores are; easy to spoil."""

    def __init__(self, path: Path, resource: str = "") -> None:
        self.path = path
        self.resource = path / resource
        names = [name for *_, ids in SPEAKERS.values() for name in ids]
        self.scores: dict[str, Any] = {name: json.loads(json.dumps(UTTERANCE)) for name in names}
        self.details: dict[str, Any] = {
            name: {**RATERS, "words": [{"text": "x", "phones": marks} for marks in MARKS]} for name in names
        }
        for split in ("train", "test"):
            mine = {name: about for name, about in SPEAKERS.items() if about[0] == split}
            self.table(split, "spk2gender", [f"{name}\t{about[1]}" for name, about in mine.items()])
            self.table(split, "spk2age", [f"{name}\t{about[2]}" for name, about in mine.items()])
            self.table(split, "utt2spk", [f"{one}\t{name}" for name, about in mine.items() for one in about[3]])
            self.table(
                split,
                "wav.scp",
                [f"{one}\tWAVE/SPEAKER{name}/{one}.WAV" for name, about in mine.items() for one in about[3]],
            )
        for number, name in enumerate(names):
            sound(path / f"WAVE/SPEAKER{name[1:5]}/{name}.WAV", number)
        self.write()

    def table(self, split: str, name: str, lines: list[str]) -> None:
        (self.path / split).mkdir(parents=True, exist_ok=True)
        (self.path / split / name).write_text("\n".join(lines) + "\n")

    def write(self, details: bool = True) -> None:
        self.resource.mkdir(parents=True, exist_ok=True)
        (self.resource / "scores.json").write_text(json.dumps(self.scores))
        if details:
            (self.resource / "scores-detail.json").write_text(json.dumps(self.details))


@pytest.fixture
def published(tmp_path: Path) -> Published:
    return Published(tmp_path / "published")


def reduce(published: Published, folder: Path) -> Path:
    """The reduced form of the same utterances."""
    lines: dict[str, list[str]] = {"train": [], "test": []}
    for speaker, (split, gender, age, ids) in SPEAKERS.items():
        for name in ids:
            scores = dict(published.scores[name])
            words = []
            for word, marks in zip(scores.pop("words"), MARKS, strict=True):
                phones = word["phones"].split() if isinstance(word["phones"], str) else word["phones"]
                kept = {key: word[key] for key in ("text", "accuracy", "stress", "total")}
                words.append({**kept, "phones": phones, "phone_scores": word["phones-accuracy"], "rater_phones": marks})
            about = {"speaker": speaker, "gender": gender, "age": age, "text": scores.pop("text")}
            audio = f"audio/{split}/{name}.wav"
            sound(folder / audio, 0)
            line = {"id": name, "audio": audio, **about, "words": words, "scores": scores, "rater_scores": RATERS}
            lines[split].append(json.dumps({**line, "score_source": "rater_median"}) + "\n")
    for split, content in lines.items():
        (folder / f"{split}.jsonl").write_text("".join(content))
    return folder


def read(path: str | Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def make(folder: Path, out: Path, **keys: Any) -> dict[str, list[dict[str, Any]]]:
    return {Path(path).stem: read(path) for path in SpeechOcean(str(folder), **keys).make(str(out))}


@pytest.mark.parametrize("resource", ["", "resource"])
def test_as_published(tmp_path: Path, resource: str) -> None:
    folder = Published(tmp_path / "corpus", resource).path
    seen: list[tuple[int, int]] = []
    manifests = SpeechOcean(str(folder), dev_speakers=2).make(str(tmp_path / "out"), lambda *told: seen.append(told))
    assert [Path(path).name for path in manifests] == ["train.jsonl", "dev.jsonl", "test.jsonl"]
    assert seen[-1] == (12, 12)
    (line,) = read(manifests[2])
    assert line["labels"].pop("words") == [
        {"text": "CALL", "start": 0, "end": 3, "accuracy": 10, "stress": 10, "total": 10},
        {"text": "BEAR", "start": 3, "end": 6, "accuracy": 6, "stress": 5, "total": 6},
    ]
    assert line == {
        "id": "000030012",
        "media": "audio/SPEAKER0003/000030012.WAV",
        "duration": (800 + 160 * 5) / 16_000,
        "text": "CALL BEAR",
        "symbols": ["K", "AO", "L", "B", "EH", "R"],
        "group": "0003",
        "labels": {
            "phone_scores": [2.0, 1.8, 1.8, 2.0, 0.4, 1.2],
            "mispronunciations": [{"place": 4, "heard": "AH"}],
            "accuracy": 8.0,
            "completeness": 10.0,
            "fluency": 9.0,
            "prosodic": 9.0,
            "total": 8.0,
            "rater_accuracy": RATERS["accuracy"],
        },
        "corpus": "speechocean762",
        "gender": "m",
        "age": 7,
        "score_source": "published",
    }
    stored = tmp_path / "out" / line["media"]
    assert stored.read_bytes() == (folder / "WAVE/SPEAKER0003/000030012.WAV").read_bytes()
    assert not stored.is_symlink()


def test_dev_is_children_and_adults_and_the_same_in_both_forms(published: Published, tmp_path: Path) -> None:
    full = make(published.path, tmp_path / "full", dev_speakers=2)
    reduced = make(reduce(published, tmp_path / "reduced"), tmp_path / "out", dev_speakers=0.5)
    for made in (full, reduced):
        assert Counter(line["age"] >= 16 for line in {one["group"]: one for one in made["dev"]}.values()) == {
            0: 1,
            1: 1,
        }
        assert not {line["group"] for line in made["dev"]} & {line["group"] for line in made["train"]}
        assert len(made["train"]) + len(made["dev"]) == 5
    assert {one["id"] for one in full["dev"]} == {one["id"] for one in reduced["dev"]}
    first, second = full["test"][0], reduced["test"][0]
    first["labels"].pop("mispronunciations")  # which the reduced form lacks
    assert first["labels"] == second["labels"]
    assert (second["score_source"], second["symbols"]) == ("rater_median", first["symbols"])
    assert "dev" not in make(published.path, tmp_path / "none", dev_speakers=0)


def test_raters_scores_where_they_are_certain(published: Published, tmp_path: Path) -> None:
    """Marks give lists only if their means are the scores of the phones, which here only one utterance's are."""
    kept = {"phones-accuracy": [2, 0.4, 0.8]}
    published.scores["000030012"]["words"][1] |= kept
    published.details["000010011"]["words"][0]["phones"] = ["K AO0 L"] * 4 + ["K L"]
    published.write()
    made = make(published.path, tmp_path / "out", dev_speakers=0)
    assert made["test"][0]["labels"]["rater_phone_scores"] == [
        [2, 2, 2, 2, 0, 0],
        [2, 1, 2, 2, 0, 1],
        [2, 2, 2, 2, 2, 2],
        [2, 2, 2, 2, 0, 0],
        [2, 2, 1, 2, 0, 1],
    ]
    assert all("rater_phone_scores" not in line["labels"] for line in made["train"])
    (published.path / "scores-detail.json").unlink()
    assert "rater_accuracy" not in make(published.path, tmp_path / "bare", dev_speakers=0)["test"][0]["labels"]


@pytest.mark.parametrize(
    ("marks", "phones", "scores"),
    [
        ("K {AO0} (L)", "K AO L", [2, 1, 0]),
        ("(K AO0) {L R}", "K AO L R", [0, 0, 1, 1]),
        ("[ {AX0} K ] K [L] AO0", "K AO", [2, 2]),
        ("W OO1 N (TS)", "W AH N T S", [2, 2, 2, 0, 0]),
        ("TS", "T", [2]),
        ("TR {IR0} AXR0", "T R IH AH AH R", [2, 2, 1, 1, 2, 2]),
        ("AXR0 AR1", "ER EH R", [2, 2, 2]),
        ("K AO0", "K AO L", None),
        ("K AO0 L", "K AO", None),
        ("", "K", None),
    ],
)
def test_marks(marks: str, phones: str, scores: list[int] | None) -> None:
    assert read_marks(marks, phones.split()) == scores


def test_links_and_a_second_time(published: Published, tmp_path: Path) -> None:
    out = tmp_path / "out"
    made = make(published.path, out, dev_speakers=2, media="link")
    link = out / made["test"][0]["media"]
    assert link.is_symlink()
    assert link.resolve() == published.path / "WAVE/SPEAKER0003/000030012.WAV"
    written = (out / "train.jsonl").stat().st_mtime_ns
    make(published.path, out, dev_speakers=2, media="link")
    assert (out / "train.jsonl").stat().st_mtime_ns == written
    with pytest.raises(InputError, match="made with another dev_speakers"):
        make(published.path, out, dev_speakers=1, media="link")
    published.scores["000030012"]["accuracy"] = 3
    published.write()
    with pytest.raises(InputError, match="made with another utterances"):
        make(published.path, out, dev_speakers=2, media="link")
    remove(str(out))
    assert (published.path / "WAVE/SPEAKER0003/000030012.WAV").is_file()


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ({"phones": "K AX0 L"}, "CALL: phone AX0 is none of the 39"),
        ({"phones": []}, "CALL: `phones` is []"),
        ({"phones-accuracy": [2.0, 1.8]}, "give each of 3 one, 0 to 2"),
        ({"phones-accuracy": [2.0, 1.8, 2.5]}, "give each of 3 one, 0 to 2"),
        ({"mispronunciations": [{"index": 3, "pronounced-phone": "L"}]}, "a mispronunciation is"),
    ],
)
def test_flaws_of_utterances_are_all_told(
    published: Published, tmp_path: Path, capsys: pytest.CaptureFixture[str], word: dict[str, Any], told: str
) -> None:
    published.scores["000010035"]["words"][0] |= word
    del published.scores["000070001"]["accuracy"]
    (published.path / "WAVE/SPEAKER0008/000080001.WAV").unlink()
    published.write()
    with pytest.raises(InputError, match="3 problems, nothing is imported"):
        make(published.path, tmp_path / "out", dev_speakers=2)
    shown = capsys.readouterr().err.splitlines()
    assert any(line.startswith(f"{published.path}/train/wav.scp:2: 000010035: ") and told in line for line in shown)
    assert any("wav.scp:4: 000070001: `accuracy` is None" in line for line in shown)
    assert any("wav.scp:5: 000080001: " in line for line in shown)
    assert not (tmp_path / "out").exists()


def test_flaws_of_folders(published: Published, tmp_path: Path) -> None:
    folder = published.path
    cases: list[tuple[str, str, str]] = [
        ("train/utt2spk", "000010011 0001\n", "wav.scp:2: 000010035: it is not in train/utt2spk"),
        ("train/spk2age", "0001 six\n", "spk2age:1: 0001: the age is 'six'"),
        ("test/wav.scp", "9 WAVE/9.WAV\n", "test/wav.scp:1: 9: it is not in scores.json"),
        ("test/wav.scp", "000030012 a.WAV\n000030012 b.WAV\n", "test/wav.scp:2: 000030012 stands in .*wav.scp:1 too"),
        ("scores.json", "[]", "not an object of objects"),
        ("scores.json", "{", "not JSON"),
        ("scores-detail.json", '{"000030012": {"words": []}}', "000030012: `words` is \\[\\]"),
    ]
    for name, content, told in cases:
        before = (folder / name).read_text()
        (folder / name).write_text(content)
        with pytest.raises(InputError, match=told):
            make(folder, tmp_path / "out")
        (folder / name).write_text(before)
    (folder / "test/spk2gender").unlink()
    with pytest.raises(InputError, match="spk2gender: is missing"):
        make(folder, tmp_path / "out")
    (folder / "scores.json").unlink()
    with pytest.raises(InputError, match=r"neither scores.json nor resource/scores.json"):
        make(folder, tmp_path / "out")


def test_flaws_of_the_reduced_form(published: Published, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = reduce(published, tmp_path / "reduced")
    lines = (folder / "train.jsonl").read_text().splitlines()
    first = json.loads(lines[0])
    cases: list[tuple[dict[str, Any], str]] = [
        ({"words": []}, "train.jsonl:1: 000010011: `words` is"),
        ({"audio": 3}, "train.jsonl:1: `audio` is 3, no text"),
    ]
    for change, told in cases:
        (folder / "train.jsonl").write_text("\n".join([json.dumps(first | change), *lines[1:]]))
        with pytest.raises(InputError, match=told):
            make(folder, tmp_path / "out")
    first["words"][0]["rater_phones"] = ["K AO0 L"] * 4
    repeated = json.dumps(first)
    (folder / "train.jsonl").write_text("\n".join([repeated, *lines[1:], lines[1]]))
    with pytest.raises(InputError, match="2 problems"):
        make(folder, tmp_path / "out", dev_speakers=2)
    shown = capsys.readouterr().err
    assert "train.jsonl:1: 000010011: its words have not 5 raters' `phones` each" in shown
    assert "train.jsonl:6: 000010035: the id stands in" in shown
    (folder / "test.jsonl").unlink()
    (folder / "train.jsonl").write_text(lines[0])
    with pytest.raises(InputError, match=r"test.jsonl: is missing"):
        make(folder, tmp_path / "out")


def test_what_is_asked(published: Published, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"add corpus.folder="):
        SpeechOcean()
    with pytest.raises(InputError, match="there is no such folder"):
        SpeechOcean(str(tmp_path / "nowhere"))
    with pytest.raises(InputError, match="give copy or link"):
        SpeechOcean(str(published.path), media="move")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="lies in the corpus"):
        make(published.path, published.path / "out", dev_speakers=2)
    for number in (4, 1.5, -1):
        with pytest.raises(InputError, match="training has 4 speakers"):
            make(published.path, tmp_path / "out", dev_speakers=number)


def test_held_out_speakers_stay_when_more_are_held_out() -> None:
    kinds = {f"{number:04}": "child" if number % 3 else "adult" for number in range(60)}
    few, many = held_out(kinds, 6), held_out(dict(reversed(kinds.items())), 0.5)
    assert Counter(kinds[name] for name in few) == {"child": 4, "adult": 2}
    assert len(many) == 30
    assert few < many


def test_real_utterances(tmp_path: Path) -> None:
    """125 speakers of training, of whom 20 are dev; the raters' marks fit the scores in nine of ten utterances."""
    shared = Path(os.environ.get("SCANSION_SHARED", Path(__file__).parents[2] / "../shared"))
    folder = shared / "data/speechocean762"
    if not folder.is_dir():
        pytest.skip(f"no SpeechOcean762 at {folder}: set SCANSION_SHARED to the folder that holds data/")
    made = make(folder, tmp_path / "out", media="link")
    groups = {split: {line["group"] for line in lines} for split, lines in made.items()}
    assert {split: len(found) for split, found in groups.items()} == {"train": 105, "dev": 20, "test": 75}
    assert not groups["train"] & groups["dev"]
    assert len(made["test"]) == 150
    assert len(made["train"]) + len(made["dev"]) == 494
    lines = [line for lines in made.values() for line in lines]
    for line in lines:
        assert set(line["symbols"]) <= set(PHONES)
        assert len(line["symbols"]) == len(line["labels"]["phone_scores"]) == line["labels"]["words"][-1]["end"]
        if marks := line["labels"].get("rater_phone_scores"):
            assert np.allclose(np.mean(marks, axis=0), line["labels"]["phone_scores"], atol=0.011)
    assert sum("rater_phone_scores" in line["labels"] for line in lines) == 577
    assert Manifest.open(str(tmp_path / "out/test.jsonl"))[0].labels
