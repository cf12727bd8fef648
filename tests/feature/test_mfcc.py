"""Cepstra: those of Kaldi, at the rate of speech encoders."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from project.feature.mfcc import HOP, WINDOW, mfcc


def noise(samples: int) -> np.ndarray:
    rng = np.random.default_rng(samples)
    return np.asarray(0.1 * rng.normal(size=samples) + 0.2 * np.sin(np.arange(samples) * 0.1), np.float32)


@pytest.mark.parametrize("samples", [400, 3000, 16000])
def test_they_are_kaldis_with_changes_and_their_changes(samples: int) -> None:
    torchaudio = pytest.importorskip("torchaudio", reason="the extra `speech` is not installed")
    wave = noise(samples)
    wave_1N = torch.from_numpy(wave)[None].double() * 2**15
    rows_TC = torchaudio.compliance.kaldi.mfcc(wave_1N, frame_shift=20.0)
    changes_TC = torchaudio.functional.compute_deltas(rows_TC.T).T
    second_TC = torchaudio.functional.compute_deltas(changes_TC.T).T
    expected = torch.cat([rows_TC, changes_TC, second_TC], dim=1).numpy()
    np.testing.assert_allclose(mfcc(wave), expected, rtol=1e-4, atol=2e-3)  # torchaudio's bands are float32


def test_there_are_as_many_as_an_encoder_of_speech_has_frames() -> None:
    steps = [(10, 5), (3, 2), (3, 2), (3, 2), (3, 2), (2, 2), (2, 2)]  # HuBERT's convolutions
    for samples in (400, 719, 720, 1234, 16000, 16001, 48123):
        frames = samples
        for kernel, stride in steps:
            frames = (frames - kernel) // stride + 1
        assert len(mfcc(noise(samples))) == frames
    assert len(mfcc(noise(7))) == 1
    assert (WINDOW, HOP) == (400, 320)


def test_silence_and_single_samples_are_finite() -> None:
    for wave in (np.zeros(1000, np.float32), np.zeros(0, np.float32), np.ones(500, np.float32)):
        assert np.isfinite(mfcc(wave)).all()
