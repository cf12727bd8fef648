"""AN4 from a small folder of its form, and the real one where it is at hand."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from project.contract import InputError
from project.corpus.an4 import AN4
from project.text.phoneme import PHONES

SPEAKERS = {"train": ["mblw", "mskh", "fcaw", "fkai"], "test": ["mjwl"]}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "an4"
    for split, speakers in SPEAKERS.items():
        (made / "audio" / split).mkdir(parents=True)
        lines = []
        for number, speaker in enumerate(speakers):
            audio = f"audio/{split}/an{number}-{speaker}-b.flac"
            soundfile.write(made / audio, np.zeros(1600), 16_000, subtype="PCM_16")
            about = {"speaker": speaker, "gender": speaker[0], "phones": ["Y", "EH", "S"], "duration": 9.0}
            lines.append(json.dumps({"id": Path(audio).stem, "audio": audio, "text": "yes", **about}))
        (made / f"{split}.jsonl").write_text("\n".join(lines) + "\n")
    return made


def make(folder: Path, out: Path, **keys: Any) -> dict[str, list[dict[str, Any]]]:
    paths = AN4(str(folder), **keys).make(str(out))
    return {Path(path).stem: [json.loads(line) for line in Path(path).read_text().splitlines()] for path in paths}


def test_a_woman_and_a_man_are_dev(folder: Path, tmp_path: Path) -> None:
    made = make(folder, tmp_path / "out", dev_speakers=2)
    assert sorted(line["gender"] for line in made["dev"]) == ["f", "m"]
    assert {line["group"] for line in made["train"] + made["dev"]} == set(SPEAKERS["train"])
    assert made["test"] == [
        {
            "id": "an0-mjwl-b",
            "media": "audio/test/an0-mjwl-b.flac",
            "duration": 0.1,
            "text": "yes",
            "symbols": ["Y", "EH", "S"],
            "group": "mjwl",
            "corpus": "an4",
            "gender": "m",
        }
    ]
    assert (tmp_path / "out/audio/test/an0-mjwl-b.flac").is_file()


def test_what_is_wrong_is_told(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = (folder / "train.jsonl").read_text().splitlines()
    spoiled = lines[1].replace('"EH"', '"EH1", "QQ"')
    (folder / "train.jsonl").write_text("\n".join([lines[0], spoiled, *lines[2:]]))
    with pytest.raises(InputError, match="1 problems, nothing is imported"):
        make(folder, tmp_path / "out", dev_speakers=1)
    assert f"{folder}/train.jsonl:2: an1-mskh-b: yes: phone QQ is none of the 39" in capsys.readouterr().err
    for content, told in (("3", "no JSON object"), ("{", "not JSON"), ('{"id": ""}', "`id` is '', no text")):
        (folder / "train.jsonl").write_text(content)
        with pytest.raises(InputError, match=f"train.jsonl:1: {told}"):
            make(folder, tmp_path / "out")
    (folder / "test.jsonl").unlink()
    (folder / "train.jsonl").write_text("")
    with pytest.raises(InputError, match=r"test.jsonl: is missing"):
        make(folder, tmp_path / "out")


def test_real_utterances(tmp_path: Path) -> None:
    shared = Path(os.environ.get("SCANSION_SHARED", Path(__file__).parents[2] / "../shared"))
    folder = shared / "data/an4"
    if not folder.is_dir():
        pytest.skip(f"no AN4 at {folder}: set SCANSION_SHARED to the folder that holds data/")
    made = make(folder, tmp_path / "out", media="link")
    groups = {split: {line["group"] for line in lines} for split, lines in made.items()}
    assert {split: len(found) for split, found in groups.items()} == {"train": 61, "dev": 6, "test": 10}
    assert sum(map(len, made.values())) == 992
    assert {phone for lines in made.values() for line in lines for phone in line["symbols"]} <= set(PHONES)
