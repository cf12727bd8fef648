"""Loudness in bands of pitch, made of a batch of waveforms at 16 kHz as pretrained encoders were shown it.

Each kind is what the library's own extractor makes of a single recording, on the waveform's device; it always counts
in float32, whatever precision the model has. It does not know what is made of it.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional

from project.contract import InputError
from project.padding import inside

# B examples, N samples, T frames, W samples of a window, K frequencies, F bands

HOP = 160  # samples from frame to frame: 100 frames a second
WINDOW = 400

_WHISPER_FLOOR = 1e-10
_WHISPER_RANGE = 8.0  # in powers of ten, below the loudest band of the clip
_KALDI_SCALE = 2.0**15  # samples as 16 bit numbers
_KALDI_FLOOR = 2.0**-23  # the precision of float32
_KALDI_SIZE = 512
_PREEMPHASIS = 0.97
_LEVEL_FLOOR = 1e-7


def whisper_mel(wave_BN: Tensor, bands: int) -> Tensor:
    """(B, F, N / 160) log power, at most 8 powers of ten below the loudest of the clip; silence behind is part."""
    with torch.autocast(wave_BN.device.type, enabled=False):
        wave_BN = wave_BN.float()
        window_W = _hann(wave_BN.device)
        spectrum_BKT = torch.stft(wave_BN, WINDOW, HOP, window=window_W, pad_mode="reflect", return_complex=True)
        power_BKT = spectrum_BKT[..., :-1].abs().square()
        loud_BFT = (_slaney(bands, wave_BN.device).T @ power_BKT).clamp(min=_WHISPER_FLOOR).log10()
        loud_BFT = loud_BFT.maximum(loud_BFT.amax(dim=(1, 2), keepdim=True) - _WHISPER_RANGE)
        return (loud_BFT + 4) / 4


def kaldi_fbank(wave_BN: Tensor, bands: int) -> Tensor:
    """(B, T, F) natural log of the power in bands, of windows that lie within the N samples whole."""
    with torch.autocast(wave_BN.device.type, enabled=False):
        windows_BTW = (wave_BN.float() * _KALDI_SCALE).unfold(1, WINDOW, HOP)
        windows_BTW = windows_BTW - windows_BTW.mean(dim=2, keepdim=True)
        before_BTW = functional.pad(windows_BTW[..., :-1], (1, 0), mode="replicate")
        shaped_BTW = (windows_BTW - _PREEMPHASIS * before_BTW) * _povey(wave_BN.device)
        power_BTK = torch.fft.rfft(shaped_BTW, _KALDI_SIZE).abs().square()
        loud_BTF: Tensor = (power_BTK @ _kaldi(bands, wave_BN.device)).clamp(min=_KALDI_FLOOR).log()
        return loud_BTF


def num_kaldi_frames(num_samples: Tensor) -> Tensor:
    """How many windows lie within so many samples.

    >>> num_kaldi_frames(torch.tensor([399, 400, 559, 560])).tolist()
    [0, 1, 1, 2]
    """
    return ((num_samples - WINDOW).div(HOP, rounding_mode="floor") + 1).clamp(min=0)


def levelled(x_BTF: Tensor, lengths_B: Tensor) -> Tensor:
    """Each band with mean 0 and deviation 1 over an example's own frames, of which there are at least two; else 0."""
    inside_BT1 = inside(lengths_B, x_BTF.shape[1])[..., None]
    count_B11 = lengths_B[:, None, None]
    mean_B1F = x_BTF.masked_fill(~inside_BT1, 0).sum(dim=1, keepdim=True) / count_B11
    centred_BTF = (x_BTF - mean_B1F).masked_fill(~inside_BT1, 0)
    variance_B1F = centred_BTF.square().sum(dim=1, keepdim=True) / (count_B11 - 1)
    return centred_BTF * (variance_B1F + _LEVEL_FLOOR).rsqrt()


def clip(wave_BN: Tensor, lengths_B: Tensor, size: int) -> Tensor:
    """The examples, padded to so many samples with silence, which is no less silent where there was padding before."""
    longest = wave_BN.shape[1]
    if longest > size and int(lengths_B.max()) > size:
        seconds = int(lengths_B.max()) / (100 * HOP)
        raise InputError(
            f"an example is {seconds:.1f} s long, and this encoder hears {size / (100 * HOP):g} s at most: leave "
            "longer ones out (data.max_length in training, scansion prepare filter), or take a model without a limit"
        )
    outside_BN = ~inside(lengths_B, longest)
    return functional.pad(wave_BN.masked_fill(outside_BN, 0), (0, size - longest))


# Tables, made once for each device: as buffers of a model they would lose precision with its weights.


@lru_cache
def _hann(device: torch.device) -> Tensor:
    return torch.hann_window(WINDOW, device=device)


@lru_cache
def _povey(device: torch.device) -> Tensor:
    return torch.hann_window(WINDOW, periodic=False, dtype=torch.double).pow(0.85).float().to(device)


@lru_cache
def _slaney(bands: int, device: torch.device) -> Tensor:
    """(K, F)"""
    from transformers.audio_utils import mel_filter_bank

    table = mel_filter_bank(1 + WINDOW // 2, bands, 0.0, 8000.0, 16000, norm="slaney", mel_scale="slaney")
    return torch.from_numpy(table).float().to(device)


@lru_cache
def _kaldi(bands: int, device: torch.device) -> Tensor:
    """(K, F)"""
    from transformers.audio_utils import mel_filter_bank

    size = 1 + _KALDI_SIZE // 2
    table = mel_filter_bank(size, bands, 20.0, 8000.0, 16000, mel_scale="kaldi", triangularize_in_mel_space=True)
    return torch.from_numpy(table).float().to(device)
