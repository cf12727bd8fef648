"""Mel frames against the library's own extractors, at many lengths."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from transformers import SeamlessM4TFeatureExtractor, WhisperFeatureExtractor

from project.model.backbone.mel import kaldi_fbank, levelled, num_kaldi_frames, whisper_mel

SECOND = 16000


Voice = Callable[..., torch.Tensor]


@pytest.mark.parametrize(("samples", "bands"), [(SECOND, 80), (2 * SECOND + 77, 128), (300, 80)])
def test_whisper_frames_are_the_extractors(voice: Voice, samples: int, bands: int) -> None:
    """The clip, padded to three seconds here and there."""
    wave_N = voice(samples)
    extractor = WhisperFeatureExtractor(feature_size=bands, chunk_length=3)
    expected_FT = extractor(wave_N.numpy(), sampling_rate=SECOND, return_tensors="pt").input_features[0]
    padded_N = torch.nn.functional.pad(wave_N, (0, 3 * SECOND - samples))
    made_BFT = whisper_mel(torch.stack([padded_N, padded_N.flip(0)]), bands)
    torch.testing.assert_close(made_BFT[0], expected_FT, atol=1e-4, rtol=0)


def test_silence_is_no_error() -> None:
    assert whisper_mel(torch.zeros(1, SECOND), 80).unique().tolist() == [-1.5]
    frames_BTF = kaldi_fbank(torch.zeros(1, SECOND), 80)
    assert levelled(frames_BTF, torch.tensor([frames_BTF.shape[1]])).abs().max() < 0.01


@pytest.mark.parametrize("samples", [560, 719, 720, 1000, SECOND, 2 * SECOND + 77])
def test_kaldi_frames_are_the_extractors(voice: Voice, samples: int) -> None:
    """Frames of the clip among longer ones, levelled over its own frames, and how many they are."""
    wave_N = voice(samples, seed=samples)
    extractor = SeamlessM4TFeatureExtractor()
    raw_TF = torch.from_numpy(extractor._extract_fbank_features(wave_N.numpy()).astype(np.float32))
    padded_BN = torch.zeros(2, 3 * SECOND)
    padded_BN[0, :samples], padded_BN[1] = wave_N, voice(3 * SECOND)
    lengths_B = num_kaldi_frames(torch.tensor([samples, 3 * SECOND]))
    made_BTF = kaldi_fbank(padded_BN, 80)
    assert made_BTF.shape[1] == lengths_B[1]
    assert lengths_B[0] == len(raw_TF)
    torch.testing.assert_close(made_BTF[0, : len(raw_TF)], raw_TF, atol=2e-3, rtol=0)
    even = len(raw_TF) // 2 * 2
    expected = extractor(wave_N.numpy(), sampling_rate=SECOND, return_tensors="pt").input_features[0]
    stacked_TF = levelled(made_BTF, lengths_B)[0, :even].reshape(-1, 160)
    torch.testing.assert_close(stacked_TF, expected[: even // 2], atol=5e-3, rtol=0)


def test_the_precision_around_it_does_not_matter(voice: Voice) -> None:
    wave_BN = voice(SECOND)[None]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        made = whisper_mel(wave_BN, 80), kaldi_fbank(wave_BN, 80)
    torch.testing.assert_close(made[0], whisper_mel(wave_BN, 80))
    torch.testing.assert_close(made[1], kaldi_fbank(wave_BN, 80))
