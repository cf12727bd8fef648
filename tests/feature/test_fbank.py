"""Bands of pitch against a spectrum reckoned by hand, and what they do not depend on."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from project.contract import InputError
from project.feature.fbank import Fbank, mel_bands, mel_to_hz


def tone(hz: float, seconds: float = 1.0, rate: int = 16000) -> np.ndarray:
    return np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate).astype(np.float32)


def test_a_higher_tone_is_loudest_in_a_higher_band() -> None:
    """A recording of four tones in turn: each frame's loudest band is the one whose triangle holds the tone."""
    pitches = (200.0, 600.0, 1500.0, 4000.0)
    fbank = Fbank(bands=40)
    frames_TF = fbank(np.concatenate([tone(hz, 0.5) for hz in pitches])).numpy()
    centres = mel_to_hz(np.linspace(fbank_low(20.0), fbank_low(8000.0), 42))[1:-1]
    for number, hz in enumerate(pitches):
        middle = frames_TF[50 * number + 25]
        loudest = int(middle.argmax())
        assert abs(loudest - int(np.abs(centres - hz).argmin())) <= 2


def fbank_low(hz: float) -> float:
    return float(1127 * np.log(1 + hz / 700))


def test_a_frame_is_the_log_power_of_its_window() -> None:
    """By a slow Fourier transform, one frame in the middle, before levelling: differences between bands are kept."""
    rng = np.random.default_rng(1)
    wave = rng.normal(size=16000).astype(np.float32)
    fbank = Fbank(bands=20)
    emphasized = np.append(wave[:1], wave[1:] - 0.97 * wave[:-1]).astype(np.float64)
    raw = []
    for frame in range(100):
        start = 160 * frame - 120
        window = np.array([emphasized[n] if 0 <= n < 16000 else 0.0 for n in range(start, start + 400)])
        taper = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(1, 401) / 401)
        angles = -2j * np.pi / 512 * np.outer(np.arange(257), np.arange(400))
        power = np.abs(np.exp(angles) @ (window * taper)) ** 2 / 400
        raw.append(np.log(power @ mel_bands(20, 512, 16000, 20.0) + 1e-10))
    expected = np.array(raw)
    expected = (expected - expected.mean(axis=0)) / expected.std(axis=0)
    np.testing.assert_allclose(fbank(wave).numpy(), expected, atol=1e-4)


def test_gain_does_not_enter() -> None:
    wave = np.random.default_rng(0).normal(size=8000).astype(np.float32)
    torch.testing.assert_close(Fbank()(wave), Fbank()(0.1 * wave), atol=1e-3, rtol=0)


def test_bands_that_hold_no_frequency_are_refused() -> None:
    with pytest.raises(InputError, match="give fewer"):
        Fbank(bands=400)
    with pytest.raises(InputError, match="multiple"):
        Fbank(frame_rate=99)
    with pytest.raises(InputError, match="low_hz"):
        Fbank(low_hz=9000)
