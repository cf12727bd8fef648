"""Signers: functions of seed, split and number, none in two splits, as peculiar as was asked for."""

from __future__ import annotations

import numpy as np
import pytest

from project.contract import InputError
from project.corpus.signer.style import Signing, draw_signer
from project.corpus.splits import SPLITS


def test_signers_are_functions_of_seed_split_and_number_and_never_in_two_splits() -> None:
    signers = [draw_signer(split, number, Signing(), 0) for split in SPLITS for number in range(40)]
    again = [draw_signer(split, number, Signing(), 0) for split in SPLITS for number in range(40)]
    for one, other in zip(signers, again, strict=True):
        assert (one.name, one.tempo, one.arms) == (other.name, other.tempo, other.arms)
        np.testing.assert_array_equal(one.places_PX, other.places_PX)
    assert len({signer.name for signer in signers}) == 120
    assert len({(signer.tempo, signer.sloppiness, signer.arms) for signer in signers}) == 120
    assert draw_signer("train", 0, Signing(), 1).tempo != signers[0].tempo


def test_they_are_drawn_as_asked() -> None:
    signing = Signing(tempo=(0.9, 1.1), left_handed=0.25, sloppiness=(0.2, 0.4))
    signers = [draw_signer("train", number, signing, 0) for number in range(400)]
    assert all(0.9 <= signer.tempo <= 1.1 and 0.2 <= signer.sloppiness <= 0.4 for signer in signers)
    assert 0.18 < np.mean([signer.left_handed for signer in signers]) < 0.32
    assert np.std(np.stack([signer.places_PX for signer in signers])) == pytest.approx(0.1, rel=0.05)


def test_without_strength_all_bodies_and_habits_are_those_of_the_lexicon() -> None:
    signer = draw_signer("test", 3, Signing(strength=0), 0)
    assert (signer.arms, signer.hands, signer.amplitude, signer.hips, signer.expression) == (1, 1, 1, 1, 1)
    assert (signer.mouthing, signer.waiting) == (0, 0)
    for habits in (signer.places_PX, signer.shapes_SK, signer.turns_GQ):
        assert not habits.any()
    assert (signer.rhythm_G == 1).all()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"tempo": (1.2, 0.8)}, r"signing\.tempo"),
        ({"sloppiness": (0, 1.5)}, r"signing\.sloppiness"),
        ({"left_handed": 2}, r"signing\.left_handed"),
        ({"strength": -1}, r"signing\.strength"),
    ],
)
def test_wrong_settings_are_refused(wrong: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        Signing(**wrong)  # type: ignore[arg-type]
