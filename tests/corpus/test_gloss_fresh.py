"""Glosses made while training: a function of (seed, epoch, number), as long as was said, none of dev or test."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest

from project.contract import InputError
from project.corpus.gloss_fresh import GlossFresh, Portions
from project.corpus.signer.sentence import split_of
from project.corpus.signer.style import Signing
from project.feature.landmarks import Landmarks
from project.part import Source


def test_it_is_a_source_with_plain_settings() -> None:
    source: Source = GlossFresh(portions=Portions(num_examples=20))
    assert json.loads(json.dumps(dict(source.settings), sort_keys=True))["portions"]["num_examples"] == 20
    assert source.lengths.shape == (20,)
    assert source.lengths.dtype == np.float32
    others = [GlossFresh(seed=1), GlossFresh(frame_rate=50), GlossFresh(signing=Signing(strength=0.5))]
    assert len({GlossFresh().hash, *(other.hash for other in others)}) == 4


def test_an_example_is_a_function_of_seed_epoch_and_number() -> None:
    first, second = GlossFresh(portions=Portions(num_examples=8)), GlossFresh(portions=Portions(num_examples=8))
    for epoch, index in ((0, 3), (5, 3), (5, 4)):
        (one, points), (other, again) = first.draw(index, epoch), second.draw(index, epoch)
        assert one == other
        np.testing.assert_array_equal(points, again)
    drawn = [first.draw(index, epoch)[0] for index in range(8) for epoch in range(3)]
    assert len({example.id for example in drawn}) == 24
    assert len({example.symbols for example in drawn}) == 24
    assert len({example.group for example in drawn}) > 20


def test_examples_last_as_long_as_was_said_and_are_of_training() -> None:
    source = GlossFresh(portions=Portions(num_examples=40, num_glosses=(1, 6), signers=5))
    for index in range(40):
        example, points = source.draw(index, epoch=1)
        assert points.shape[1:] == (543, 3)
        assert points.dtype == np.float32
        assert example.length == pytest.approx(len(points) / 25)
        assert len(points) == round(float(source.lengths[index]) * 25)
        assert example.symbols is not None
        assert 1 <= len(example.symbols) <= 6
        assert {split_of(*pair) for pair in pairwise(example.symbols)} <= {"train"}
        assert example.group in {f"train-{number:04d}" for number in range(5)}
        assert np.isfinite(Landmarks()(points).numpy()).all()


def test_another_frame_rate_shows_the_same_time() -> None:
    slow, fast = (GlossFresh(frame_rate=rate, portions=Portions(num_examples=5)) for rate in (25, 50))
    np.testing.assert_allclose(slow.lengths, fast.lengths, atol=0.021)
    (one, few), (other, many) = slow.draw(2, 0), fast.draw(2, 0)
    assert one.symbols == other.symbols
    assert len(many) == pytest.approx(2 * len(few), abs=1)


def test_tempo_stays_near_what_was_asked() -> None:
    """How long sentences of six glosses are, against an ordinary tempo."""
    lengths = GlossFresh(portions=Portions(num_examples=300, num_glosses=(6, 6))).lengths
    assert 1.5 < lengths.max() / lengths.min() < 1.35 / 0.8 + 0.02


def test_wrong_portions_are_refused() -> None:
    for wrong, words in (
        ({"num_examples": 0}, "num_examples is 0"),
        ({"signers": 0}, "signers is 0"),
        ({"num_glosses": (5, 2)}, r"portions\.num_glosses"),
    ):
        with pytest.raises(InputError, match=words):
            Portions(**wrong)  # type: ignore[arg-type]
