"""Noise: its spectrum, and of whom babble is made."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import welch

from project.contract import InputError
from project.corpus.shifter.noise import Noise
from project.corpus.shifter.step import Sound, Surroundings

RATE = 16_000


def nobody(rng: np.random.Generator, count: int) -> list[Sound]:
    raise AssertionError


@pytest.mark.parametrize("slope", [0.0, 1.0, 2.0])
def test_noise_falls_as_its_slope_says(slope: float) -> None:
    sound = np.random.default_rng(0).standard_normal(20 * RATE)
    noise = Noise(snr_db=(0, 0), slope=(slope, slope))
    rng = np.random.default_rng(1)
    drawn = noise.draw(rng)
    heard = noise.apply(sound, Surroundings(RATE, nobody), drawn, rng) - sound
    frequencies, density = welch(heard, RATE, nperseg=4096)
    band = (frequencies > 200) & (frequencies < 6000)
    fitted = np.polyfit(np.log(frequencies[band]), np.log(density[band]), 1)[0]
    assert -fitted == pytest.approx(slope, abs=0.05)
    assert np.var(heard) == pytest.approx(np.var(sound), rel=0.01)


def test_babble_is_the_voices_at_equal_power() -> None:
    """Voices that are tones: each comes through with the same power, over the whole recording."""
    count = RATE
    tones = [gain * np.sin(2 * np.pi * hz * np.arange(4000) / RATE) for gain, hz in ((0.1, 400), (0.9, 1200))]
    sound = np.zeros(count)
    sound[0] = 1.0
    noise = Noise(snr_db=(3, 3), babble=1.0, talkers=(2, 2))
    rng = np.random.default_rng(2)
    drawn = noise.draw(rng)
    assert drawn == {"snr_db": 3.0, "noise": "babble", "talkers": 2}
    heard = noise.apply(sound, Surroundings(RATE, lambda _rng, number: tones[:number]), drawn, rng) - sound
    spectrum = np.abs(np.fft.rfft(heard)) ** 2
    assert spectrum[400] == pytest.approx(spectrum[1200], rel=0.01)
    assert spectrum[400] + spectrum[1200] == pytest.approx(spectrum.sum(), rel=0.01)
    assert np.var(sound) / np.var(heard) == pytest.approx(10**0.3, rel=0.001)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"snr_db": (9, 3)}, "noise.snr_db is"),
        ({"slope": (-1, 1)}, "noise.slope is"),
        ({"babble": 2.0}, "noise.babble is 2.0"),
        ({"talkers": (0, 4)}, "noise.talkers is"),
    ],
)
def test_wrong_settings_are_refused(wrong: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        Noise(**wrong)  # type: ignore[arg-type]
