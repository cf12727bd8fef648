"""A station on the air: the tone is on where the key is down, as loud against the noise as was asked."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from scipy.signal import welch

from project.corpus.keyer.channel import Channel
from project.corpus.keyer.fist import Keying, Sender
from project.corpus.keyer.station import lasting, plan, render

RATE = 8000
QUIET = dict.fromkeys(
    ("drift", "fading", "pink", "crashes", "neighbours", "narrow", "levelled", "clicks", "restarts"), 0.0
)
SENDER = Sender(hand="machine", wpm=20, units=(1, 3, 1, 3, 7), spreads=(0.0,) * 5)
KEYING = Keying(rise_ms=(5, 5))


def channel(snr_db: float, silence: float = 0.2, **parts: float) -> Channel:
    given = {**QUIET, **parts}
    return Channel(
        tone_hz=(600, 600), snr_db=(snr_db, snr_db), faintest_dit_db=None, silence_seconds=(silence, silence), **given
    )


def test_a_plan_says_when_the_key_moves() -> None:
    sending = plan("PARIS", SENDER, channel(60), RATE, np.random.default_rng(0))
    assert sending.edges[0] == round(0.2 * RATE)
    assert sending.edges[-1] - sending.edges[0] == 43 * RATE * 1.2 / 20
    assert sending.num_samples == pytest.approx(sending.edges[-1] + 0.2 * RATE, abs=1.5)
    assert lasting(sending, 50_000).num_samples == 50_000
    short = lasting(sending, int(0.2 * RATE) + 20 * 480)  # 20 units: P takes 11 with its gap, A 5
    assert short.text == "PA"
    assert len(short.edges) == 2 * (4 + 2)
    assert lasting(sending, 5).text == "P"


def test_the_tone_is_on_where_the_key_is_down() -> None:
    rng = np.random.default_rng(0)
    sending = plan("PARIS", SENDER, channel(60), RATE, rng)
    sound = render(sending, KEYING, channel(60), RATE, rng)
    sound /= np.abs(sound).max()
    half_rise = round(0.0025 * RATE)
    for number, (begin, end) in enumerate(pairwise(sending.edges + half_rise)):
        power = np.mean(sound[begin + 40 : end - 40] ** 2)
        if number % 2:
            assert power < 1e-4
        else:
            assert power == pytest.approx(0.5, rel=0.02)
    spectrum = np.abs(np.fft.rfft(sound))
    assert np.fft.rfftfreq(len(sound), 1 / RATE)[spectrum.argmax()] == pytest.approx(600, abs=2)


@pytest.mark.parametrize("snr_db", [-5, 0, 10])
def test_the_snr_is_carrier_over_noise_in_2500_hz(snr_db: float) -> None:
    """Noise measured by Welch's method in silence, carrier by its known shape; both from the finished sound."""
    rng = np.random.default_rng(1)
    slow = Sender(hand="machine", wpm=1, units=(1, 3, 1, 3, 7), spreads=(0.0,) * 5)
    air = channel(snr_db, silence=20)
    sending = plan("T", slow, air, RATE, rng)
    sound = render(sending, KEYING, air, RATE, rng).astype(np.float64)
    frequencies, density = welch(sound[: sending.edges[0]], RATE, nperseg=1024)
    noise = np.trapezoid(np.interp(np.linspace(500, 3000, 2501), frequencies, density), dx=1.0)
    down = sound[sending.edges[0] + 100 : sending.edges[1] - 100]
    times = np.arange(len(down)) / RATE
    carrier = 2 * np.abs(np.mean(down * np.exp(-2j * np.pi * 600 * times))) ** 2
    assert 10 * np.log10(carrier / noise) == pytest.approx(snr_db, abs=0.4)


@pytest.mark.parametrize("effect", list(QUIET))
def test_each_effect_changes_the_sound_and_leaves_it_finite(effect: str) -> None:
    def made(air: Channel) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
        rng = np.random.default_rng(3)
        return render(plan("PARIS", SENDER, air, RATE, rng), KEYING, air, RATE, rng)

    plain, changed = made(channel(10)), made(channel(10, **{effect: 1.0}))
    assert changed.dtype == np.float32
    assert changed.shape == plain.shape
    assert np.isfinite(changed).all()
    assert 0.05 <= np.abs(changed).max() <= 0.71
    assert np.abs(changed - plain).max() > 1e-3


def test_neighbours_stay_away_and_below() -> None:
    """A spectrum of many transmissions: the strongest line is the station itself."""
    air = channel(40, neighbours=1.0)
    for seed in range(20):
        rng = np.random.default_rng(seed)
        sound = render(plan("PARIS PARIS", SENDER, air, RATE, rng), KEYING, air, RATE, rng)
        hertz, power = welch(sound.astype(np.float64), RATE, nperseg=4096)
        assert hertz[power.argmax()] == pytest.approx(600, abs=4)


def test_a_tone_that_restarts_is_the_same_at_each_dit_and_one_that_goes_on_is_not() -> None:
    """As a program keys: the samples of each mark are those of the first one."""

    def dits(air: Channel) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        rng = np.random.default_rng(5)
        sending = plan("EEEE", replace(SENDER, wpm=21.7), air, RATE, rng)  # a gap is no whole number of periods
        sound = render(sending, KEYING, air, RATE, rng)
        return np.stack([sound[start : start + 150] for start in sending.edges[::2]])

    again, on = dits(channel(90, restarts=1.0)), dits(channel(90))
    assert np.abs(again - again[0]).max() < 1e-3
    assert np.abs(on - on[0]).max() > 0.05
