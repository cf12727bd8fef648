"""The envelope, against a plain loop over frames."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from project.contract import InputError
from project.feature.envelope import Envelope
from project.part import Feature

RNG = np.random.default_rng(0)


def plain(signal: NDArray[np.float32], hop: int, window: int, ratio: float) -> list[list[float]]:
    levels = []
    for start in range(0, len(signal), hop):
        first = start + (hop - window) // 2
        inside = [abs(float(signal[at])) for at in range(max(0, first), min(len(signal), first + window))]
        inside = inside or [abs(float(signal[-1]))]
        levels.append(sum(inside) / len(inside))
    return [[level / max(levels), float(level / max(levels) >= ratio)] for level in levels]


@pytest.mark.parametrize(("smooth_ms", "window"), [(10, 80), (25, 200), (4, 32)])
@pytest.mark.parametrize("length", [800, 4001, 79, 41])
def test_it_is_what_a_plain_loop_gives(smooth_ms: float, window: int, length: int) -> None:
    signal = RNG.standard_normal(length).astype(np.float32)
    frames_TF = Envelope(smooth_ms=smooth_ms)(signal)
    assert frames_TF.dtype == torch.float32
    expected = torch.tensor(plain(signal, hop=80, window=window, ratio=0.3))
    torch.testing.assert_close(frames_TF, expected, atol=1e-5, rtol=1e-5)


def test_a_keyed_tone_gives_its_key() -> None:
    key = np.repeat([0, 1, 0, 1, 1, 1, 0], 800)
    tone = key * np.sin(2 * np.pi * 600 * np.arange(len(key)) / 8000)
    state_T = Envelope()(tone.astype(np.float32))[:, 1]
    assert state_T.tolist() == np.repeat([0, 1, 0, 1, 1, 1, 0], 10).tolist()


def test_gain_does_not_matter() -> None:
    signal = RNG.standard_normal(8000).astype(np.float32)
    for envelope in (Envelope(), Envelope(band_hz=[300, 1200])):
        torch.testing.assert_close(envelope(signal), envelope(signal * np.float32(0.001)), atol=1e-5, rtol=1e-4)


def test_silence_is_zero() -> None:
    assert not Envelope()(np.zeros(800, np.float32)).any()
    assert Envelope()(np.zeros(0, np.float32)).shape == (0, 2)


@pytest.mark.parametrize("samples", [1, 79, 80, 81, 8000, 12345])
def test_the_number_of_frames_is_exact(samples: int) -> None:
    envelope: Feature = Envelope()
    assert envelope(np.ones(samples, np.float32)).shape == (envelope.num_frames(samples / 8000), 2)


def test_a_band_keeps_the_tone_and_drops_noise_beside_it() -> None:
    envelope = Envelope(band_hz=[300, 1200])
    times = np.arange(8000) / 8000
    keyed = np.where(times < 0.5, np.sin(2 * np.pi * 600 * times), 0)
    hiss = np.sin(2 * np.pi * 2500 * times)
    level_T = envelope((keyed + hiss).astype(np.float32))[:, 0]
    assert level_T[5:45].min() > 0.9
    assert level_T[55:95].max() < 0.1


def test_settings_tell_features_apart() -> None:
    base = Envelope().settings
    for changed in (Envelope(frame_rate=50), Envelope(smooth_ms=20), Envelope(threshold_ratio=0.5)):
        assert changed.settings != base
    assert Envelope(band_hz=[300, 1200]).settings["band_hz"] == [300, 1200]


@pytest.mark.parametrize(
    "wrong", [{"frame_rate": 99}, {"threshold_ratio": 0}, {"band_hz": [300]}, {"band_hz": [300, 5000]}]
)
def test_wrong_settings_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InputError, match=next(iter(wrong))):
        Envelope(**wrong)  # type: ignore[arg-type]
