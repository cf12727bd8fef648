"""LibriSpeech from a tiny folder of its form."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from project.contract import InputError
from project.corpus.librispeech import LibriSpeech

UTTERANCES = {
    "train-clean-100": {"103-1240-0000": "CHAPTER ONE MISSUS RACHEL LYNDE", "103-1241-0000": "THAT HAD ITS SOURCE"},
    "dev-clean": {"84-121123-0000": "GO DO YOU HEAR"},
    "dev-other": {"116-288045-0000": "AS I APPROACHED THE CITY"},
    "test-clean": {"61-70968-0000": "HE BEGAN A CONFUSED COMPLAINT", "61-70968-0001": "GIVE NOT SO EARNEST A MIND"},
}
SPEAKERS = """;ID  |SEX| SUBSET           |MINUTES| NAME
61   | M | test-clean       |  8.08 | Paul-Gabriel Wiener
103  | F | train-clean-100  | 25.11 | Karen Savage
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "LibriSpeech"
    for part, utterances in UTTERANCES.items():
        for number, (name, text) in enumerate(utterances.items(), start=1):
            speaker, chapter, _ = name.split("-")
            place = made / part / speaker / chapter
            place.mkdir(parents=True, exist_ok=True)
            soundfile.write(place / f"{name}.flac", np.full(1600 * number, 0.1), 16_000, subtype="PCM_16")
            with (place / f"{speaker}-{chapter}.trans.txt").open("a") as file:
                file.write(f"{name} {text}\n")
    (made / "SPEAKERS.TXT").write_text(SPEAKERS)
    return made


def make(folder: Path, out: Path, **keys: Any) -> dict[str, list[dict[str, Any]]]:
    paths = LibriSpeech(str(folder), **keys).make(str(out))
    return {Path(path).stem: [json.loads(line) for line in Path(path).read_text().splitlines()] for path in paths}


def test_parts_become_splits(folder: Path, tmp_path: Path) -> None:
    made = make(folder, tmp_path / "out")
    assert {split: [line["id"] for line in lines] for split, lines in made.items()} == {
        "train": list(UTTERANCES["train-clean-100"]),
        "dev": list(UTTERANCES["dev-clean"]),
        "test": list(UTTERANCES["test-clean"]),
    }
    assert made["test"][1] == {
        "id": "61-70968-0001",
        "media": "audio/test-clean/61/70968/61-70968-0001.flac",
        "duration": 0.2,
        "text": "GIVE NOT SO EARNEST A MIND",
        "group": "61",
        "corpus": "librispeech",
        "part": "test-clean",
        "gender": "m",
    }
    assert soundfile.info(tmp_path / "out" / made["test"][1]["media"]).frames == 3200
    assert "gender" not in made["dev"][0]  # SPEAKERS.TXT is silent about her


def test_some_parts_alone(folder: Path, tmp_path: Path) -> None:
    (folder / "SPEAKERS.TXT").unlink()
    made = make(folder, tmp_path / "out", parts={"dev": ["dev-clean", "dev-other"], "train": []}, media="link")
    assert [line["part"] for line in made.pop("dev")] == ["dev-clean", "dev-other"]
    assert not made
    with pytest.raises(InputError, match=r"train-clean-360: is missing: correct corpus.parts \(dev-clean, dev-other, "):
        make(folder, tmp_path / "other", parts={"train": "train-clean-360"})
    for parts, told in (
        ({"valid": ["dev-clean"]}, "corpus.parts has 'valid': give parts of train, dev, test"),
        ({"dev": ["../x"]}, "corpus.parts.dev has '../x'"),
        ({"dev": []}, "corpus.parts is empty"),
        ({"dev": "test-clean", "test": "test-clean"}, "corpus.parts has 'test-clean' twice"),
    ):
        with pytest.raises(InputError, match=told.replace(".", r"\.")):
            make(folder, tmp_path / "other", parts=parts)
    assert not (tmp_path / "other").exists()


def test_all_that_is_wrong_is_told_and_nothing_written(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    test, train, dev = (folder / name for name in ("test-clean/61/70968", "train-clean-100/103", "dev-clean/84/121123"))
    (test / "61-70968.trans.txt").write_bytes(b"61-70968-0000 \n61-70968-0009 GONE\n62-1-0 STRAY\n\xff\n")
    (train / "1240/103-1240.trans.txt").unlink()
    soundfile.write(train / "1241/103-1241-0000.flac", np.zeros(0), 16_000)
    (dev / "84-121123-0000.flac").write_bytes(b"fLaC")
    (folder / "SPEAKERS.TXT").write_text(SPEAKERS + "84 | X\n")
    with pytest.raises(InputError, match="9 problems, nothing is imported: mend them"):
        make(folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    told = capsys.readouterr().err
    for line in (
        f"{folder}/SPEAKERS.TXT:4: 84: no `speaker | F or M | ...`: restore the file",
        f"{train}/1240/103-1240-0000.flac: 103-1240-0000: no transcript in {train}/1240: restore",
        f"{train}/1241/103-1241.trans.txt:1: 103-1241-0000: media {train}/1241/103-1241-0000.flac is empty",
        f"{dev}/84-121123.trans.txt:1: 84-121123-0000: media {dev}/84-121123-0000.flac is corrupt",
        f"{test}/61-70968.trans.txt:1: 61-70968-0000: no text after the id: restore the file",
        f"{test}/61-70968.trans.txt:2: 61-70968-0009: media {test}/61-70968-0009.flac is missing: correct the path",
        f"{test}/61-70968.trans.txt:3: 62-1-0: no id of speaker 61, chapter 70968, and a text",
        f"{test}/61-70968.trans.txt:4: (no id): no id of speaker 61",
        f"{test}/61-70968-0001.flac: 61-70968-0001: no transcript in {test}",
    ):
        assert line in told
    with pytest.raises(InputError, match="nothing in it can be imported"):
        make(folder, tmp_path / "out", skip_bad=True)
    (folder / "empty").mkdir()
    made = make(folder, tmp_path / "out", parts={"train": ["empty"], "dev": ["dev-other"]}, skip_bad=True)
    assert [line["id"] for line in made["dev"]] == list(UTTERANCES["dev-other"])
    assert "empty: no speaker/chapter/*.flac in it" in capsys.readouterr().err
