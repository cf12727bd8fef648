"""The Morse corpus: a function of its settings, made once, never half."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from project.contract import InputError
from project.corpus import morse
from project.corpus.keyer.channel import Channel
from project.corpus.keyer.texts import Texts
from project.corpus.morse import Morse

SHORT = Texts(num_symbols=(3, 5))


def small(**changes: Any) -> Morse:
    return Morse(**{"num_train": 4, "num_dev": 2, "num_test": 3, "texts": SHORT} | changes)


def lines(path: str | Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_manifests_describe_the_recordings(tmp_path: Path) -> None:
    manifests = small().make(str(tmp_path))
    assert [Path(path).name for path in manifests] == ["train.jsonl", "dev.jsonl", "test.jsonl"]
    assert [len(lines(path)) for path in manifests] == [4, 2, 3]
    for line in (line for path in manifests for line in lines(path)):
        info = soundfile.info(tmp_path / line["media"])
        assert (info.samplerate, info.channels, info.subtype) == (8000, 1, "PCM_16")
        assert info.frames == line["duration"] * 8000
        assert 3 <= len(line["text"]) <= 5
        assert 8 <= line["wpm"] <= 80
        assert -12 <= line["snr_db"] <= 40
        assert 300 <= line["tone_hz"] <= 1100
        assert line["hand"] in {"machine", "paddle", "bug", "straight"}
        by_rule = 1.2 / line["wpm"]
        assert line["labels"]["pace"] == pytest.approx(by_rule, rel=1e-3 if line["hand"] == "machine" else 0.4)
        assert 0.01 < np.abs(soundfile.read(tmp_path / line["media"])[0]).max() < 0.75


def test_an_utterance_is_a_function_of_seed_split_and_number(tmp_path: Path) -> None:
    small().make(str(tmp_path / "a"))
    small(num_train=2, num_test=5).make(str(tmp_path / "b"))
    small(seed=1).make(str(tmp_path / "c"))
    first, second, third = (lines(tmp_path / name / "train.jsonl") for name in "abc")
    assert second == first[:2]
    audio = "audio/train/000001.flac"
    assert (tmp_path / "a" / audio).read_bytes() == (tmp_path / "b" / audio).read_bytes()
    assert lines(tmp_path / "b" / "test.jsonl")[:3] == lines(tmp_path / "a" / "test.jsonl")
    assert not {line["text"] for line in first} & {line["text"] for line in third}


def test_a_finished_corpus_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifests = small().make(str(tmp_path))
    monkeypatch.setattr(morse, "render", lambda *_: pytest.fail("made again"))
    assert small().make(str(tmp_path)) == manifests


@pytest.mark.parametrize("harm", ["cut short", "emptied", "removed"])
def test_a_half_made_corpus_is_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, harm: str) -> None:
    small().make(str(tmp_path / "whole"))
    calls = iter(range(5))
    real = morse.render
    monkeypatch.setattr(morse, "render", lambda *given: real(*given) if next(calls) < 3 else {}["power cut"])
    with pytest.raises(KeyError):
        small().make(str(tmp_path / "half"))
    assert not list((tmp_path / "half").glob("*.jsonl"))
    monkeypatch.setattr(morse, "render", real)
    hurt = tmp_path / "half" / "audio" / "train" / "000001.flac"
    if harm == "removed":
        hurt.unlink()
    else:
        hurt.write_bytes(hurt.read_bytes()[:200] if harm == "cut short" else b"")
    small().make(str(tmp_path / "half"))
    if harm != "cut short":  # a header that is whole is believed; `validate` reads the rest
        assert contents(tmp_path / "half") == contents(tmp_path / "whole")


def test_other_settings_in_its_place_are_refused(tmp_path: Path) -> None:
    small().make(str(tmp_path))
    with pytest.raises(InputError, match=r"another counts.train, seed: choose another out=, or overwrite=true"):
        small(num_train=5, seed=3).make(str(tmp_path))


def test_progress_is_told(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    small().make(str(tmp_path), lambda done, total: told.append((done, total)))
    assert told == [(done, 9) for done in range(1, 10)]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda: small(num_dev=-1), "num_dev is -1"),
        (lambda: Morse(num_train=0, num_dev=0, num_test=0), "num_train is 0"),
        (lambda: small(sample_rate=2000), "sample_rate is 2000, too low for a tone of 1100 Hz"),
        (lambda: small(seed=-1), "seed"),
    ],
)
def test_wrong_settings_are_refused(wrong: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        wrong()


def test_a_split_of_none_has_no_manifest(tmp_path: Path) -> None:
    manifests = small(num_train=0, sample_rate=16000, channel=Channel(narrow=0.0)).make(str(tmp_path))
    assert [Path(path).name for path in manifests] == ["dev.jsonl", "test.jsonl"]
    assert {soundfile.info(file).samplerate for file in tmp_path.rglob("*.flac")} == {16000}
