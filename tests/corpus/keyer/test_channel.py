"""The radio channel: each effect measured from the sound, by other means than it was made."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import welch

from project.contract import InputError
from project.corpus.keyer import channel as radio
from project.corpus.keyer.channel import Channel

RATE = 8000


def density(sound: np.ndarray[tuple[int], np.dtype[np.float32]], low: float, high: float) -> float:
    """Mean power in 1 Hz between two frequencies, by Welch's method."""
    hertz, power = welch(sound.astype(np.float64), RATE, nperseg=2048)
    return float(power[(hertz >= low) & (hertz <= high)].mean())


def test_the_noise_is_that_of_the_definition() -> None:
    assert radio.noise_deviation(0, 5000) ** 2 == pytest.approx(0.5)  # 2,500 Hz is all that 5,000 samples a second hold


def test_pink_noise_has_the_power_of_white_noise_in_2500_hz_and_falls_with_frequency() -> None:
    rng = np.random.default_rng(0)
    pink, white = radio.pink_noise(400_000, RATE, rng), rng.standard_normal(400_000, dtype=np.float32)
    slower = radio.pink_noise(400_000, RATE // 2, rng)
    hertz, power = welch(slower.astype(np.float64), RATE // 2, nperseg=2048)
    near_700 = power[(hertz > 650) & (hertz < 750)].mean() / (2 / (RATE // 2))  # over white noise of deviation 1
    assert near_700 == pytest.approx(density(pink, 650, 750) / density(white, 650, 750), rel=0.1)
    assert density(pink, 300, 2800) == pytest.approx(density(white, 300, 2800), rel=0.05)
    assert density(pink, 380, 420) / density(pink, 1520, 1680) == pytest.approx(4, rel=0.15)  # 1/f: two octaves, 6 dB


@pytest.mark.parametrize("hertz", [0.1, 0.5, 2.0])
def test_fading_has_power_one_a_rayleigh_distribution_and_its_speed(hertz: float) -> None:
    curve = radio.slow_curve(int(400 / hertz) * 100, 100, hertz, np.random.default_rng(0))
    power = np.square(curve).sum(axis=0)
    assert power.mean() == pytest.approx(1, rel=0.15)
    assert np.mean(power < 0.1) == pytest.approx(1 - np.exp(-0.1), abs=0.04)  # of an exponential distribution
    spectrum = np.square(np.abs(np.fft.fft(curve[0] + 1j * curve[1])))
    speeds = np.abs(np.fft.fftfreq(curve.shape[1], 1 / 100))
    assert spectrum[speeds > 3 * hertz].sum() < 0.05 * spectrum.sum()
    assert spectrum[speeds > 0.15 * hertz].sum() > 0.4 * spectrum.sum()


def test_a_steady_tone_keeps_its_frequency_and_a_drifting_one_does_not() -> None:
    edges = np.array([0, 4000, 8000, 12000])
    steady = radio.tone_turns(edges, 16000, 600, RATE, False, np.random.default_rng(0))
    np.testing.assert_allclose(np.diff(steady) * RATE, 600)
    spans = [
        np.ptp(np.diff(radio.tone_turns(edges, 16000, 600, RATE, True, np.random.default_rng(seed))) * RATE)
        for seed in range(40)
    ]
    assert min(spans) > 0
    assert 1 < np.median(spans) < 60


def test_a_chirp_dies_away_within_each_mark() -> None:
    hertz = radio._chirps(np.array([1000, 3000, 5000, 7000]), 8000, RATE, np.random.default_rng(1))
    assert abs(hertz[1000]) == np.abs(hertz[1000:5000]).max() > 0
    assert hertz[1000] == hertz[5000]
    assert abs(hertz[4999]) < 0.01 * abs(hertz[1000])


def test_a_narrow_filter_passes_the_tone_and_stops_noise_far_away() -> None:
    rng = np.random.default_rng(0)
    noise = rng.standard_normal(200_000, dtype=np.float32)
    for _ in range(20):
        heard = radio.narrowed(noise, RATE, 700, rng)
        assert density(heard, 695, 705) > 0.1 * density(noise, 600, 800)
        assert density(heard, 2400, 3500) < 0.01 * density(noise, 2400, 3500)


def test_levelling_lifts_pauses() -> None:
    rng = np.random.default_rng(0)
    sound = rng.standard_normal(40_000).astype(np.float32) * 0.01
    sound[:16_000] += np.sin(np.arange(16_000)).astype(np.float32)
    before = sound[30_000:].std() / sound[:16_000].std()
    heard = radio.levelled(sound, RATE, rng)
    assert heard[30_000:].std() / heard[:16_000].std() > 3 * before


def test_crashes_are_short_and_loud() -> None:
    sound = radio.crashes(800_000, RATE, 1.0, np.random.default_rng(0))
    assert np.mean(sound == 0) > 0.3
    assert np.abs(sound).max() > 5


def test_no_dit_drowns_deeper_than_asked() -> None:
    channel = Channel(snr_db=(-30, 0), faintest_dit_db=9.0)
    rng = np.random.default_rng(0)
    for unit_seconds in (0.15, 0.05, 0.015):
        drawn = [radio.draw_snr(channel, unit_seconds, 0.0, rng) for _ in range(300)]
        energy = np.array(drawn) + 10 * np.log10(unit_seconds * 2500)  # of a dit over the noise in 1 Hz
        assert energy.min() >= 9 - 1e-9
        assert energy.min() == pytest.approx(9, abs=0.3)
        assert min(radio.draw_snr(channel, unit_seconds, 1.0, rng) for _ in range(300)) == 0


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"snr_db": (1,)}, r"channel.snr_db is \[1\]: give \[low, high\]"),
        ({"tone_hz": (900, 300)}, "channel.tone_hz"),
        ({"fading": 1.5}, "channel.fading is 1.5: give a part from 0 to 1"),
    ],
)
def test_wrong_settings_are_refused(wrong: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        Channel(**wrong)  # type: ignore[arg-type]


def test_some_signals_are_without_noise() -> None:
    rng = np.random.default_rng(0)
    drawn = [radio.draw_snr(Channel(snr_db=(0, 30), noiseless=0.25), 0.06, 0.0, rng) for _ in range(2000)]
    assert 0.22 < np.mean([snr_db == radio.NOISELESS_DB for snr_db in drawn]) < 0.28


def test_a_fainter_corpus_has_half_of_its_signals_in_the_lowest_quarter() -> None:
    rng = np.random.default_rng(0)
    drawn = [
        radio.draw_snr(Channel(snr_db=(-10, 30), faintest_dit_db=None, faint=2.0), 0.06, 0.0, rng) for _ in range(4000)
    ]
    assert np.median(drawn) == pytest.approx(0, abs=0.6)
