"""describe: figures, leakage that is there and leakage that is not."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from project.action.describe import Describe
from project.contract import InputError


@pytest.fixture
def manifests(tmp_path: Path) -> list[str]:
    """train and test: one speaker, one text and one sound (under two names) in both; other.jsonl shares nothing."""
    for number in range(5):
        noise = np.random.default_rng(number).uniform(-0.5, 0.5, 8000)
        soundfile.write(tmp_path / f"{number}.wav", noise, 8000)
    shutil.copy(tmp_path / "0.wav", tmp_path / "copy.wav")
    rows = {
        "train": [("a", "0.wav", "one", "anna"), ("b", "1.wav", "two", "bert")],
        "test": [("c", "copy.wav", "three", "carl"), ("d", "2.wav", "Two ", "dora"), ("e", "3.wav", "four", "anna")],
        "other": [("f", "4.wav", "five", "emil")],
    }
    for name, lines in rows.items():
        records = [
            dict(zip(("id", "media", "text", "group"), line, strict=True), duration=1.0)  # type: ignore[arg-type]
            for line in lines
        ]
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    return [str(tmp_path / f"{name}.jsonl") for name in rows]


def shared(path: Path) -> dict[tuple[str, str, str], Any]:
    found = json.loads(path.read_text())["shared"]
    return {(one["kind"], one["first"], one["second"]): one["values"] for one in found}


def test_leakage_is_found_where_it_is_and_only_there(manifests: list[str], tmp_path: Path) -> None:
    assert Describe(manifests, json=str(tmp_path / "d.json")).run() == 0
    found = shared(tmp_path / "d.json")
    pair = ("train", "test")
    assert [found[kind, *pair] for kind in ("id", "group", "text", "media")] == [0, 1, 1, 1]
    assert {count for (_, *names), count in found.items() if tuple(names) != pair} == {0}
    assert len(found) == 12


def test_without_hashes_only_paths_are_compared(manifests: list[str], tmp_path: Path) -> None:
    Describe(manifests, hash_media=False, json=str(tmp_path / "d.json")).run()
    assert shared(tmp_path / "d.json")["media", "train", "test"] == 0


def test_tables_and_picture(manifests: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert Describe(manifests[:2], picture=str(tmp_path / "p.svg")).run() == 0
    shown = capsys.readouterr()
    for word in ("Manifests", "Symbols", "Shared between manifests", "train / test", "anna"):
        assert word in shown.out
    assert shown.err == f"{tmp_path}/p.svg: drawn\n"
    Describe(manifests[:1]).run()
    assert "Shared" not in capsys.readouterr().out


def test_missing_media_are_no_obstacle(manifests: list[str], tmp_path: Path) -> None:
    (tmp_path / "0.wav").unlink()
    assert Describe(manifests).run() == 0


def test_wrong_wishes_are_told_before_work(manifests: list[str], tmp_path: Path) -> None:
    (tmp_path / "d.json").touch()
    with pytest.raises(InputError, match="picture="):
        Describe(manifests, picture="p.gif").run()
    with pytest.raises(InputError, match="overwrite=true"):
        Describe(manifests, json=str(tmp_path / "d.json")).run()
    with pytest.raises(InputError, match="none is named"):
        Describe([])


def test_excerpts_of_one_series(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two of one file are two media; those of two manifests that share bars are counted, and so are copies."""
    np.save(tmp_path / "spy.npy", np.random.default_rng(0).normal(size=(500, 6)))
    shutil.copy(tmp_path / "spy.npy", tmp_path / "copy.npy")
    media = {"train": ["spy.npy#0:100", "spy.npy#50:150"], "test": ["copy.npy#140:240", "copy.npy#50:150"]}
    for name, column in media.items():
        lines = [{"id": f"{name}{n}", "media": one, "length": 100, "labels": {}} for n, one in enumerate(column)]
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    files = [f"{tmp_path}/train.jsonl", f"{tmp_path}/test.jsonl"]
    assert Describe(files, json=str(tmp_path / "d.json")).run() == 0
    found = json.loads((tmp_path / "d.json").read_text())
    assert [one["repeated_media"]["values"] for one in found["manifests"]] == [0, 0]
    both = {one["kind"]: (one["values"], one["examples"]) for one in found["shared"]}
    assert both["media"] == (1, [1, 1])
    assert both["overlap"] == (100, [2, 2])
    assert "overlap" in capsys.readouterr().out
    assert Describe(files, hash_media=False, json=str(tmp_path / "p.json")).run() == 0
    assert shared(tmp_path / "p.json")["overlap", "train", "test"] == 0, "by name they are different series"
