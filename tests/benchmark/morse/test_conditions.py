"""The recordings of the Morse benchmark: levels, lengths and fading measured another way than they were made."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from scipy.signal import welch

from project.benchmark.morse import conditions
from project.benchmark.morse.conditions import CONDITIONS, SAMPLE_RATE, Condition

needs_ebook2cw = pytest.mark.skipif(not conditions.has_ebook2cw(), reason="ebook2cw is not installed: .ci/apt-morse")


@pytest.mark.parametrize("snr_db", [-8, 0, 10])
def test_snr_measured_in_what_is_heard(snr_db: float) -> None:
    """The tone by least squares where the key is down, the noise by Welch's method in the silence at the end."""
    rng = np.random.default_rng(5)
    clean = conditions.keyed("machine", "MTO 0TM OTT0M", 16, 700, rng)
    found = []
    for _ in range(8):
        heard = conditions.on_the_air(clean, Condition("machine", 16, snr_db), rng)
        down = np.flatnonzero(np.abs(clean) > 0.5)
        waves = np.stack(
            [np.cos(2 * np.pi * 700 / SAMPLE_RATE * down), np.sin(2 * np.pi * 700 / SAMPLE_RATE * down)], 1
        )
        amplitude = np.linalg.norm(np.linalg.lstsq(waves, heard[down], rcond=None)[0])
        hertz, density = welch(heard[-round(1.4 * SAMPLE_RATE) :], SAMPLE_RATE, nperseg=512)
        inside = (hertz >= 300) & (hertz <= 2800)
        found.append(10 * np.log10(amplitude**2 / 2 / (density[inside].mean() * 2500)))
    assert np.mean(found) == pytest.approx(snr_db, abs=0.25)


def test_carrier_power_does_not_depend_on_duty() -> None:
    rng = np.random.default_rng(1)
    for text in ("E E E", "OOOOO"):
        assert conditions.carrier_power(conditions.keyed("machine", text, 20, 600, rng)) == pytest.approx(0.5, rel=0.02)


@pytest.mark.parametrize("keyer", ["machine", pytest.param("ebook2cw", marks=needs_ebook2cw)])
@pytest.mark.parametrize("wpm", [16, 60])
def test_paris_lasts_fifty_units(keyer: str, wpm: int) -> None:
    """From the first dit of one PARIS to the same place in the next: 50 units of 1.2 s / WPM."""
    sound = conditions.keyed(keyer, "PARIS PARIS", wpm, 800, np.random.default_rng(0))
    heard = np.flatnonzero(np.abs(sound) > 0.01 * np.abs(sound).max())
    assert heard[0] / SAMPLE_RATE == pytest.approx(0.5, abs=0.005)
    assert 1.495 <= (len(sound) - heard[-1]) / SAMPLE_RATE < 1.7
    seconds = (heard[-1] - heard[0]) / SAMPLE_RATE
    assert seconds == pytest.approx((100 - 7) * 1.2 / wpm, abs=0.01)


@pytest.mark.parametrize("keyer", ["machine", pytest.param("ebook2cw", marks=needs_ebook2cw)])
def test_longer_gaps_make_the_speed_that_comes_out(keyer: str) -> None:
    """The same letters: 31 units of PARIS at its own speed, and a word with the gap after it in 60 s / 5."""
    sound = conditions.keyed(keyer, "PARIS PARIS", 15, 800, np.random.default_rng(0), overall=5)
    heard = np.flatnonzero(np.abs(sound) > 0.5 * np.abs(sound).max())
    begins = heard[np.flatnonzero(np.diff(heard, prepend=-SAMPLE_RATE) > 0.5 * SAMPLE_RATE)] / SAMPLE_RATE
    assert len(begins) == len("PARISPARIS")
    assert begins[5] - begins[0] == pytest.approx(12, abs=0.03)
    assert (heard[-1] / SAMPLE_RATE - begins[-1]) == pytest.approx(5 * 1.2 / 15, abs=0.02)


@needs_ebook2cw
def test_ebook2cw_sends_the_tone_and_nothing_else() -> None:
    sound = conditions.keyed_by_ebook2cw("ET", 16, 650)
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) ** 2
    hertz = np.fft.rfftfreq(len(sound), 1 / SAMPLE_RATE)
    assert hertz[spectrum.argmax()] == pytest.approx(650, abs=3)
    assert spectrum[np.abs(hertz - 650) > 300].sum() < 1e-4 * spectrum.sum()


def test_fading_is_rayleigh_with_that_spread() -> None:
    """Power is exponentially distributed with mean 1; two moments t apart correlate as exp(-2 (pi spread/2 t)^2)."""
    rng = np.random.default_rng(3)
    spread_hz, lag = 2.0, round(0.15 * SAMPLE_RATE)
    gains = np.stack([conditions.fading_gain(3 * SAMPLE_RATE, spread_hz, rng) for _ in range(400)])
    power = np.abs(gains[:, ::2000]) ** 2
    assert power.mean() == pytest.approx(1, abs=0.06)
    for level in (0.1, 1.0, 2.0):
        assert (power < level).mean() == pytest.approx(1 - np.exp(-level), abs=0.025)
    correlation = (gains[:, :-lag] * gains[:, lag:].conj()).mean()
    assert correlation.real == pytest.approx(np.exp(-2 * (np.pi * spread_hz / 2 * 0.15) ** 2), abs=0.08)
    assert abs(correlation.imag) < 0.08


def test_fading_leaves_the_noise_alone() -> None:
    clean = conditions.keyed("machine", "TEST", 20, 600, np.random.default_rng(0))
    steady, faded = (
        conditions.on_the_air(clean, Condition("machine", 20, 0, fading_hz), np.random.default_rng(7))[-8000:].std()
        for fading_hz in (None, 0.2)
    )
    assert faded == pytest.approx(steady, rel=0.05)


def test_texts() -> None:
    rng = np.random.default_rng(0)
    texts = [conditions.draw_text(rng) for _ in range(500)]
    lengths = [len(text) for text in texts]
    assert (min(lengths), max(lengths)) == (26, 43)
    assert set("".join(texts)) == set("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ")
    assert all(text == " ".join(text.split()) for text in texts)
    assert len(set(texts)) == 500


def test_recordings_are_a_function_of_their_condition_and_seed(tmp_path: Path) -> None:
    chosen = [Condition("straight", 18, 0), Condition("straight", 18, 10), Condition("machine", 25, 0)]
    first, again = (conditions.make_recordings(chosen, 2, seed=1, folder=_made(tmp_path / name)) for name in ("a", "b"))
    assert [one.condition for one in first] == [condition for condition in chosen for _ in range(2)]
    assert all(a.path.read_bytes() == b.path.read_bytes() for a, b in zip(first, again, strict=True))
    assert first[0].text == first[2].text != first[1].text, "conditions of one keyer and speed share texts"
    assert first[0].text != first[4].text
    for one in first:
        info = soundfile.info(one.path)
        assert (info.samplerate, info.channels, info.subtype) == (8000, 1, "PCM_16")
        assert info.duration == one.seconds
        assert np.abs(soundfile.read(one.path)[0]).max() == pytest.approx(0.7, abs=1e-3)
    other = conditions.make_recording(chosen[0], 0, 2, _made(tmp_path / "c"))
    assert other.text != first[0].text


def test_two_operators_by_turns() -> None:
    """The second is faster, higher and weaker; between texts there is a pause."""
    text, tone_hz, clean = conditions.conversation("machine", 20, 0, seed=0)
    words = text.split()
    loud = np.abs(clean) > 0.8
    hertz = np.fft.rfftfreq(len(clean), 1 / SAMPLE_RATE)
    spectrum = np.abs(np.fft.rfft(clean))
    near = [spectrum[np.abs(hertz - tone) < 3].max() for tone in (tone_hz, tone_hz + conditions.OTHER_HZ)]
    assert min(near) > 5 * np.median(spectrum[np.abs(hertz - tone_hz) < 200])
    assert len(words) > 9
    assert len(text) > 3 * 26
    begins = np.flatnonzero(np.diff(np.flatnonzero(loud)) > 3 * SAMPLE_RATE)
    assert len(begins) == 1, "the first operator is loud twice, before and after the second"
    heard = conditions.on_the_air(clean, Condition("machine", 20, 10, by_turns=True), np.random.default_rng(0))
    assert conditions.power_in_band(heard - clean) == pytest.approx(0.5 / 10, rel=0.03)


def test_names_are_unique() -> None:
    names = [condition.name for condition in CONDITIONS]
    assert len(set(names)) == len(names) == 34


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
