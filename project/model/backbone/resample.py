"""Waveforms of a batch at another rate, on their own device: the filter of scipy's resample_poly."""

from __future__ import annotations

from functools import lru_cache
from math import gcd

import torch
from torch import Tensor
from torch.nn import functional

# B examples, N samples, K taps

_HALF = 10  # half the filter, in samples of the lower rate


def resampled(wave_BN: Tensor, source_rate: int, target_rate: int) -> Tensor:
    """(B, N * target / source, begun samples included); beyond the ends is silence."""
    if source_rate == target_rate:
        return wave_BN
    up, down = ratio(source_rate, target_rate)
    taps_K = _filter(up, down, wave_BN.device)
    spread_BN = functional.conv_transpose1d(wave_BN[:, None], taps_K[None, None], stride=up)[:, 0]
    return spread_BN[:, len(taps_K) // 2 :: down][:, : -(-wave_BN.shape[1] * up // down)]


def ratio(source_rate: int, target_rate: int) -> tuple[int, int]:
    """New samples for how many old ones.

    >>> ratio(16000, 24000)
    (3, 2)
    """
    common = gcd(source_rate, target_rate)
    return target_rate // common, source_rate // common


def reach(source_rate: int, target_rate: int) -> int:
    """How many old samples to either side a new one hears, at most."""
    up, down = ratio(source_rate, target_rate)
    return _HALF * max(up, down) // up + 1


@lru_cache
def _filter(up: int, down: int, device: torch.device) -> Tensor:
    """A windowed sinc that lets pass what the lower rate can hold."""
    from scipy.signal import firwin

    widest = max(up, down)
    taps_K = firwin(2 * _HALF * widest + 1, 1 / widest, window=("kaiser", 5.0)) * up
    return torch.from_numpy(taps_K).float().to(device)
