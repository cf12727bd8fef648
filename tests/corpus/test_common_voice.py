"""Common Voice from a tiny folder of a language."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from project.contract import InputError
from project.corpus.common_voice import CommonVoice

HEAD = "client_id\tpath\tsentence_id\tsentence\tup_votes\tdown_votes\tage\tgender\taccents\tvariant\tlocale\tsegment"
TABLES = {
    "train": [("ann", 1, "Kaixo, mundua!"), ("bob", 2, '"""Bai,"" esan zuen."')],
    "dev": [("eve", 3, "Zer moduz?")],
    "test": [("joe", 4, '"Ez"')],
    "validated": [("ann", 1, "Kaixo, mundua!"), ("eve", 3, "Zer moduz?"), ("eve", 5, "Bat"), ("joe", 4, '"Ez"')],
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "eu"
    (made / "clips").mkdir(parents=True)
    for number in range(1, 6):
        sound = 0.1 * np.random.default_rng(number).standard_normal(3200 * number)
        soundfile.write(made / f"clips/common_voice_eu_{number}.mp3", sound, 32_000)
    for name, lines in TABLES.items():
        rows = [f"{who}\tcommon_voice_eu_{n}.mp3\t77\t{text}\t2\t0\ttwenties\t\t\t\teu\t" for who, n, text in lines]
        (made / f"{name}.tsv").write_text("\n".join([HEAD, *rows]) + "\n", encoding="utf-8")
    return made


def make(folder: Path, out: Path, **keys: Any) -> dict[str, list[dict[str, Any]]]:
    paths = CommonVoice(str(folder), **keys).make(str(out))
    return {Path(path).stem: [json.loads(line) for line in Path(path).read_text().splitlines()] for path in paths}


@pytest.mark.parametrize("media", ["copy", "link"])
def test_tables_become_splits(folder: Path, tmp_path: Path, media: str) -> None:
    made = make(folder, tmp_path / "out", media=media)
    assert {split: [line["text"] for line in lines] for split, lines in made.items()} == {
        "train": ["Kaixo, mundua!", '"Bai," esan zuen.'],
        "dev": ["Zer moduz?"],
        "test": ['"Ez"'],
    }
    assert made["train"][1] == {
        "id": "common_voice_eu_2",
        "media": "audio/common_voice_eu_2.mp3",
        "duration": 0.2,
        "text": '"Bai," esan zuen.',
        "group": "bob",
        "corpus": "common_voice",
        "age": "twenties",
        "locale": "eu",
    }
    clip = tmp_path / "out/audio/common_voice_eu_2.mp3"
    assert clip.is_symlink() == (media == "link")
    assert clip.read_bytes() == (folder / "clips/common_voice_eu_2.mp3").read_bytes()


def test_validated_clips_are_learned_from_without_those_who_judge(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parts = {"train": ["validated"], "dev": ["dev"], "test": ["test"]}
    made = make(folder, tmp_path / "out", parts=parts)
    assert [line["group"] for line in made["train"]] == ["ann"]
    assert "3 clips are left out of train" in capsys.readouterr().err
    with pytest.raises(InputError, match="2 problems"):
        make(folder, tmp_path / "other", parts=parts, apart=False)
    assert "common_voice_eu_3: the id stands in" in capsys.readouterr().err


def test_all_that_is_wrong_is_told_and_nothing_written(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train = folder / "train.tsv"
    lines = [
        "ann\tcommon_voice_eu_1.mp3\t7\tOndo\t2\t0",  # cells that are not needed may be missing
        "ann\tgone.mp3\t7\tOndo",
        "ann\tempty.mp3\t7\tOndo",
        "ann\tbad.mp3\t7\tOndo",
        "ann\tsilent.flac\t7\tOndo",
        "ann\tcommon_voice_eu_2.mp3\t7",
        "\tcommon_voice_eu_2.mp3\t7\t ",
        "ann\t../clips/common_voice_eu_2.mp3\t7\tOndo",
        "ann\tcommon_voice_eu_2.mp3" + "\tx" * 11,
    ]
    train.write_bytes("\r\n".join([HEAD, *lines]).encode() + b"\r\n\xff\xfe\n")
    (folder / "clips/empty.mp3").write_bytes(b"")
    (folder / "clips/bad.mp3").write_bytes(b"no music")
    soundfile.write(folder / "clips/silent.flac", np.zeros(0), 16_000)
    with pytest.raises(InputError, match="9 problems, nothing is imported: mend them"):
        make(folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    told = capsys.readouterr().err
    for line in (
        f"{train}:3: gone: media {folder}/clips/gone.mp3 is missing: correct the path",
        f"{train}:4: empty: media {folder}/clips/empty.mp3 is empty (0 bytes): replace the file",
        f"{train}:5: bad: media {folder}/clips/bad.mp3 is corrupt",
        f"{train}:6: silent: media {folder}/clips/silent.flac ",
        f"{train}:7: common_voice_eu_2: no sentence: fill it in, or take the line out",
        f"{train}:8: common_voice_eu_2: no client_id and no sentence: fill it in",
        f"{train}:9: common_voice_eu_2: path is '../clips/common_voice_eu_2.mp3', no name of a file in clips",
        f"{train}:10: common_voice_eu_2: 13 cells under 12 headings: take tabs out of the text",
        f"{train}:11: (no id): not UTF-8: restore the line",
    ):
        assert line in told
    made = make(folder, tmp_path / "out", skip_bad=True)
    assert [line["id"] for line in made["train"]] == ["common_voice_eu_1"]
    assert "9 left out" in capsys.readouterr().err


def test_a_folder_without_its_tables(folder: Path, tmp_path: Path) -> None:
    (folder / "dev.tsv").unlink()
    with pytest.raises(InputError, match=r"dev.tsv: is missing: .*\(test, train, validated is there\)"):
        make(folder, tmp_path / "out")
    for head in ("", "path\tsentence\nx\ty\n"):
        (folder / "train.tsv").write_text(head)
        with pytest.raises(InputError, match=r"train.tsv:1: no column client_id"):
            make(folder, tmp_path / "out", parts={"train": "train"})
