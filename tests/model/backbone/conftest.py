"""Sounds for encoders: a buzz that swells and fades over noise, so that bands have energy and differ over time."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor


def buzz(samples: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    time_N = torch.arange(samples) / 16000
    loud_N = 0.1 * torch.sin(2 * torch.pi * 1.5 * time_N).square()
    hum_N = torch.stack([torch.sin(2 * torch.pi * 120 * k * time_N) / k for k in range(1, 20)]).sum(dim=0)
    return loud_N * hum_N + 0.01 * torch.randn(samples, generator=generator)


def padded(*lengths: int) -> tuple[Tensor, Tensor]:
    """Waveforms that depend on their own length alone, zero beyond it."""
    waves_BN = torch.nn.utils.rnn.pad_sequence([buzz(length, seed=length) for length in lengths], batch_first=True)
    return waves_BN, torch.tensor(lengths)


@pytest.fixture
def voice() -> Callable[..., Tensor]:
    return buzz


@pytest.fixture
def waves() -> Callable[..., tuple[Tensor, Tensor]]:
    return padded
