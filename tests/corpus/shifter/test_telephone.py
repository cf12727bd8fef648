"""Telephones: what passes, and with which noise of rounding."""

from __future__ import annotations

import numpy as np
import pytest

from project.contract import InputError
from project.corpus.shifter.step import Sound, Surroundings
from project.corpus.shifter.telephone import Telephone

NONE = np.random.default_rng(0)


def heard(sound: Sound, rate: int, **settings: bool) -> Sound:
    telephone = Telephone(band_hz=(300, 3400), **settings)
    drawn = telephone.draw(NONE)
    assert drawn == {"telephone": "300-3400 Hz"}
    return telephone.apply(sound, Surroundings(rate, lambda _rng, _count: []), drawn, NONE)


@pytest.mark.parametrize("rate", [8000, 16_000, 22_050])
def test_a_band_passes(rate: int) -> None:
    for hz, least, most in ((60, 0, 0.01), (150, 0, 0.1), (1000, 0.98, 1.02), (3800, 0, 0.1), (6000, 0, 0.01)):
        if hz < rate / 2:
            sound = 0.5 * np.sin(2 * np.pi * hz * np.arange(rate) / rate)
            other = heard(sound, rate, mu_law=False)
            assert len(other) == len(sound)
            middle = slice(rate // 4, -rate // 4)
            assert least <= np.std(other[middle]) / np.std(sound[middle]) <= most


def test_eight_bits_round_as_mu_law_does() -> None:
    """Against the formula: steps of 2 / 255 where ln(1 + 255 x) / ln(256) is even."""
    sound = 0.3 * np.sin(2 * np.pi * 997 * np.arange(8000) / 8000)
    before, after = heard(sound, 8000, mu_law=False), heard(sound, 8000)
    squeezed = np.sign(before) * np.log1p(255 * np.abs(before)) / np.log(256)
    rounded = np.round(squeezed * 127.5) / 127.5
    by_formula = np.sign(rounded) * (256 ** np.abs(rounded) - 1) / 255
    measured, expected = (np.var(one - before) for one in (after, by_formula))
    assert 10 * np.log10(measured / expected) == pytest.approx(0, abs=2)
    assert len(np.unique(np.round(after, 9))) <= 255


def test_loud_and_short_sounds() -> None:
    loud = 3.0 * np.sin(2 * np.pi * 1000 * np.arange(8000) / 8000)
    assert np.abs(heard(loud, 8000)[2000:6000]).max() == pytest.approx(3.0, rel=0.03)
    assert len(heard(np.ones(5), 16_000)) == 5


def test_wrong_settings_are_refused() -> None:
    for band in ((300, 5000), (300, 300), (3400, 300)):
        with pytest.raises(InputError, match=r"telephone.band_hz is"):
            Telephone(band_hz=band)
