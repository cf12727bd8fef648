"""The gloss corpus: a function of its settings, made once, never half; nothing of test is in training."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from project.contract import InputError
from project.corpus import gloss
from project.corpus.gloss import Gloss, Sentences
from project.corpus.signer.lexicon import GLOSSES
from project.data.manifest import Manifest
from project.feature import landmark_file
from project.feature.landmark_layout import BLOCKS
from project.feature.landmarks import Landmarks


def small(**changes: Any) -> Gloss:
    given = {"num_train": 6, "num_dev": 2, "num_test": 3, "sentences": Sentences((3, 4), per_signer=2)}
    return Gloss(**given | changes)


def lines(path: str | Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def contents(folder: Path) -> dict[str, bytes]:
    """What files hold; of landmarks the numbers, as an archive bears the hour of its making."""
    found = {str(file.relative_to(folder)): file for file in folder.rglob("*") if file.is_file()}
    return {
        name: landmark_file.read(str(file), 25).tobytes() if name.endswith(".npz") else file.read_bytes()
        for name, file in found.items()
    }


def test_manifests_describe_the_landmarks(tmp_path: Path) -> None:
    manifests = small().make(str(tmp_path))
    assert [Path(path).name for path in manifests] == ["train.jsonl", "dev.jsonl", "test.jsonl"]
    assert [len(lines(path)) for path in manifests] == [6, 2, 3]
    for line in (line for path in manifests for line in lines(path)):
        points = landmark_file.read(str(tmp_path / line["media"]), 25)
        assert len(points) == round(line["duration"] * 25)
        assert 3 <= len(line["symbols"]) <= 4
        assert set(line["symbols"]) <= set(GLOSSES)
        assert np.isfinite(points[:, : BLOCKS["left_hand"].start]).all()
        assert np.isfinite(points[:, BLOCKS["right_hand"]]).any()
    example = Manifest.open(manifests[0])[0]
    assert example.group == "train-0000"
    assert example.symbols == tuple(lines(manifests[0])[0]["symbols"])
    frames = Landmarks()(Landmarks().read(example.media))
    assert np.isfinite(frames.numpy()).all()


def test_splits_share_no_signer_and_no_pair_of_neighbours(tmp_path: Path) -> None:
    manifests = small(num_train=40, num_dev=20, num_test=20).make(str(tmp_path))
    signers = [{line["group"] for line in lines(path)} for path in manifests]
    pairs = [{pair for line in lines(path) for pair in pairwise(line["symbols"])} for path in manifests]
    for found in (signers, pairs):
        assert not found[0] & (found[1] | found[2])
        assert not found[1] & found[2]
    assert [len(found) for found in signers] == [20, 10, 10]


def test_a_sentence_is_a_function_of_seed_split_and_number(tmp_path: Path) -> None:
    small().make(str(tmp_path / "a"))
    small(num_train=2, num_test=4).make(str(tmp_path / "b"))
    small(seed=1).make(str(tmp_path / "c"))
    first, second, third = (lines(tmp_path / name / "train.jsonl") for name in "abc")
    assert second == first[:2]
    assert lines(tmp_path / "b" / "test.jsonl")[:3] == lines(tmp_path / "a" / "test.jsonl")
    name = "landmarks/train/000001.npz"
    one, other = (landmark_file.read(str(tmp_path / folder / name), 25) for folder in "ab")
    np.testing.assert_array_equal(one, other)
    assert [line["symbols"] for line in first] != [line["symbols"] for line in third]


def test_a_finished_corpus_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifests = small().make(str(tmp_path))
    monkeypatch.setattr(gloss, "render", lambda *_: pytest.fail("made again"))
    assert small().make(str(tmp_path)) == manifests


@pytest.mark.parametrize("harm", ["cut short", "emptied", "removed"])
def test_a_half_made_corpus_is_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, harm: str) -> None:
    small().make(str(tmp_path / "whole"))
    calls = iter(range(5))
    real = gloss.render
    monkeypatch.setattr(gloss, "render", lambda *given: real(*given) if next(calls) < 3 else {}["power cut"])
    with pytest.raises(KeyError):
        small().make(str(tmp_path / "half"))
    assert not list((tmp_path / "half").glob("*.jsonl"))
    monkeypatch.setattr(gloss, "render", real)
    hurt = tmp_path / "half" / "landmarks" / "train" / "000001.npz"
    if harm == "removed":
        hurt.unlink()
    else:
        hurt.write_bytes(hurt.read_bytes()[:2000] if harm == "cut short" else b"")
    small().make(str(tmp_path / "half"))
    assert contents(tmp_path / "half") == contents(tmp_path / "whole")


def test_other_settings_in_its_place_are_refused(tmp_path: Path) -> None:
    small().make(str(tmp_path))
    with pytest.raises(InputError, match=r"another counts.train, seed: choose another out=, or overwrite=true"):
        small(num_train=5, seed=3).make(str(tmp_path))


def test_progress_is_told_and_a_split_of_none_has_no_manifest(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    manifests = small(num_train=0).make(str(tmp_path), lambda done, total: told.append((done, total)))
    assert told == [(done, 5) for done in range(1, 6)]
    assert [Path(path).name for path in manifests] == ["dev.jsonl", "test.jsonl"]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda: small(num_dev=-1), "num_dev is -1"),
        (lambda: Gloss(num_train=0, num_dev=0, num_test=0), "num_train is 0"),
        (lambda: small(frame_rate=1), "frame_rate is 1"),
        (lambda: small(seed=-1), "seed"),
        (lambda: Sentences(per_signer=0), r"sentences\.per_signer is 0"),
        (lambda: Sentences(num_glosses=(4, 2)), r"sentences\.num_glosses"),
    ],
)
def test_wrong_settings_are_refused(wrong: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        wrong()
