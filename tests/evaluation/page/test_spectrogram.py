from __future__ import annotations

import io

import matplotlib.image
import numpy as np
import pytest

from project.evaluation.page.spectrogram import COLUMNS, ROWS, Wave, spectrogram


def keyed(rate: int, hz: float, seconds: float = 4.0, noise: float = 0.02) -> Wave:
    """Half a second of a tone, half a second of silence, and so on, in noise."""
    times_N = np.arange(round(seconds * rate)) / rate
    tone_N = np.sin(2 * np.pi * hz * times_N) * (times_N % 1 < 0.5)
    return (tone_N + noise * np.random.default_rng(0).normal(size=len(times_N))).astype(np.float32)


@pytest.mark.parametrize(("rate", "hz"), [(8_000, 600.0), (16_000, 3_000.0), (11_025, 5_000.0)])
def test_a_keyed_tone_is_seen_where_and_when_it_is(rate: int, hz: float) -> None:
    found = spectrogram(keyed(rate, hz), rate)
    assert found.low_hz < hz < found.high_hz
    assert found.high_hz - found.low_hz < 0.3 * rate / 2
    rows, columns = found.levels_FT.shape
    assert rows <= ROWS
    assert columns <= COLUMNS
    row = int((hz - found.low_hz) / (found.high_hz - found.low_hz) * rows)
    loud_T = found.levels_FT[max(0, row - 1) : row + 2].max(axis=0)
    on_T = np.arange(columns) / columns * 4 % 1
    assert loud_T[(on_T > 0.1) & (on_T < 0.4)].min() >= 12
    assert loud_T[(on_T > 0.6) & (on_T < 0.9)].max() <= 6


@pytest.mark.parametrize("size", [1, 100, 5_000, 40_000])
def test_the_picture_is_a_png_of_these_levels(size: int) -> None:
    wave = np.random.default_rng(size).normal(size=size).astype(np.float32)
    found = spectrogram(wave, 8_000)
    pixels = matplotlib.image.imread(io.BytesIO(found.png()), format="png")
    assert np.array_equal(np.rint(pixels[..., 3] * 15).astype(int), found.levels_FT[::-1])
    assert not pixels[..., :3].any()


def test_silence_has_a_picture_too() -> None:
    assert spectrogram(np.zeros(8_000, dtype=np.float32), 8_000).png().startswith(b"\x89PNG")
