"""Encoders of sequences: three ways to let each frame know of the others, interchangeable by configuration.

All look both ways, see nothing beyond an example's length, and give as many frames as they got: bars of a window, or
moments of speech. They do not know what a column means, nor what is asked of what they give.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional

from project.contract import InputError
from project.model.padded import Extent, MaskedLSTM

# B examples, T frames, F features of a frame, C channels, H heads, D channels of a head

_TURN = 1000.0  # the slowest pair of channels turns once in 2 pi times as many frames: examples are shorter


class Look(nn.Module):
    """What each frame makes of others around it, side by side, and adds to itself; which ones is not said here.

    With frames at equal distances it is a dilated convolution, written as the matrix product that it is. On a processor
    that multiplies bfloat16 matrices this is three times as fast as torch's convolution.
    """

    def __init__(self, channels: int, kernel: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)  # over the channels of a frame: neighbours and padding don't enter
        self.look = nn.Linear(kernel * channels, channels)
        self.mix = nn.Linear(channels, channels)
        self.dropout = nn.Dropout(dropout) if dropout else nn.Identity()
        nn.init.xavier_uniform_(self.mix.weight)  # torch's own start is so small that learning starts later

    def normed(self, x_BTC: Tensor, mask_BT1: Tensor) -> Tensor:
        """What others see of a frame: nothing of padding."""
        seen_BTC: Tensor = self.norm(x_BTC) * mask_BT1
        return seen_BTC.to(x_BTC.dtype)  # or autocast has copies of it made in float32

    def made(self, x_BTC: Tensor, seen_BTC: Tensor) -> Tensor:
        """Each frame and what it makes of what the look has seen."""
        made_BTC: Tensor = self.dropout(self.mix(functional.gelu(seen_BTC)))
        return x_BTC + made_BTC


@final
class DilatedBlock(Look):
    """One look around at one distance: at frames at multiples of `dilation` from each."""

    def __init__(self, channels: int, kernel: int, dilation: int, dropout: float) -> None:
        super().__init__(channels, kernel, dropout)
        self._distances = [dilation * step for step in range(kernel)]

    def forward(self, x_BTC: Tensor, mask_BT1: Tensor) -> Tensor:
        frames, reach = x_BTC.shape[1], self._distances[-1] // 2
        around_BTC = functional.pad(self.normed(x_BTC, mask_BT1), (0, 0, reach, reach))
        beside_BTC = torch.cat([around_BTC[:, start : start + frames] for start in self._distances], dim=2)
        return self.made(x_BTC, self.look(beside_BTC))


class Encoder(nn.Module, ABC):
    """From the features of frames to `width` numbers for each."""

    num_features: int  # that it takes
    width: int
    edges: tuple[str, ...]  # its parts where the signal enters

    @abstractmethod
    def forward(self, x_BTF: Tensor, extent: Extent) -> Tensor:
        """(B, T, width)."""


@final
class BiLSTM(Encoder):
    """Reads each example forwards and backwards, `channels` numbers each way."""

    edges = ("lstm.forwards.0", "lstm.backwards.0")

    def __init__(self, num_features: int, *, channels: int = 96, layers: int = 1, dropout: float = 0.0) -> None:
        super().__init__()
        self.lstm = MaskedLSTM(num_features, channels, layers, dropout)
        self.dropout = nn.Dropout(dropout)
        self.num_features, self.width = num_features, 2 * channels

    def forward(self, x_BTF: Tensor, extent: Extent) -> Tensor:
        made_BTC: Tensor = self.dropout(self.lstm(x_BTF, extent.lengths_B))
        return made_BTC


@final
class TCN(Encoder):
    """Dilated convolutions with residual connections, each twice as far as the last: 5 of 5 see 62 frames each way.

    It does not know where in the example a frame is, unless an end is in sight.
    """

    edges = ("enter",)

    def __init__(
        self, num_features: int, *, channels: int = 64, layers: int = 5, dropout: float = 0.0, kernel: int = 5
    ) -> None:
        super().__init__()
        if kernel % 2 == 0:
            raise InputError(f"model.encoder.kernel is {kernel}, and an even kernel has no middle: give an odd one")
        self.enter = nn.Linear(num_features, channels)
        self.blocks = nn.ModuleList(DilatedBlock(channels, kernel, 2**depth, dropout) for depth in range(layers))
        self.norm = nn.LayerNorm(channels)
        self.num_features, self.width = num_features, channels

    def forward(self, x_BTF: Tensor, extent: Extent) -> Tensor:
        x_BTC, within_BT1 = self.enter(x_BTF), ~extent.outside_B1T.transpose(1, 2)
        for block in self.blocks:
            x_BTC = block(x_BTC, within_BT1)
        made_BTC: Tensor = self.norm(x_BTC)
        return made_BTC


@final
class Transformer(Encoder):
    """Each frame looks at all others. Where they are is told by turning pairs of channels with the place (rotary
    positions), so what counts is how far two frames are apart; the place in the example itself it does not know.
    """

    edges = ("enter",)

    def __init__(
        self, num_features: int, *, channels: int = 64, layers: int = 3, dropout: float = 0.0, heads: int = 4
    ) -> None:
        super().__init__()
        if channels % (2 * heads):
            raise InputError(
                f"model.encoder.channels is {channels}: each of {heads} heads needs an even number: give a multiple of "
                f"{2 * heads}"
            )
        self.enter = nn.Linear(num_features, channels)
        self.blocks = nn.ModuleList(AttentionBlock(channels, heads, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(channels)
        self.num_features, self.width = num_features, channels
        self._heads = heads

    def forward(self, x_BTF: Tensor, extent: Extent) -> Tensor:
        x_BTC, seen_B11T = self.enter(x_BTF), ~extent.outside_B1T[:, None]
        angles_TD = turning(x_BTC, self._heads)
        for block in self.blocks:
            x_BTC = block(x_BTC, seen_B11T, angles_TD)
        made_BTC: Tensor = self.norm(x_BTC)
        return made_BTC


@final
class AttentionBlock(nn.Module):
    """Each frame adds what it finds in the frames that it looks for, and then what it makes of all that by itself."""

    def __init__(self, channels: int, heads: int, dropout: float) -> None:
        super().__init__()
        self._heads = heads
        self.norm = nn.LayerNorm(channels)
        self.ask = nn.Linear(channels, 3 * channels)  # for what, as what, and with what
        self.answer = nn.Linear(channels, channels)
        self.think = nn.Sequential(
            nn.LayerNorm(channels), nn.Linear(channels, 2 * channels), nn.GELU(), nn.Linear(2 * channels, channels)
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, x_BTC: Tensor, seen_B11T: Tensor, angles_TD: Tensor) -> Tensor:
        asked_BTNHD = self.ask(self.norm(x_BTC)).unflatten(2, (3, self._heads, -1))
        query, key, value = asked_BTNHD.permute(2, 0, 3, 1, 4)
        query, key = turned(query, angles_TD), turned(key, angles_TD)
        found_BHTD = functional.scaled_dot_product_attention(query, key, value, attn_mask=seen_B11T)
        x_BTC = x_BTC + self.dropout(self.answer(found_BHTD.transpose(1, 2).flatten(2)))
        made_BTC: Tensor = x_BTC + self.dropout(self.think(x_BTC))
        return made_BTC


def turning(x_BTC: Tensor, heads: int) -> Tensor:
    """(T, D) angles by which each frame's pairs of channels of a head are turned, fast ones and slow ones."""
    places_T = torch.arange(x_BTC.shape[1], device=x_BTC.device)
    return places_T[:, None] * _TURN ** -torch.linspace(0, 1, x_BTC.shape[2] // heads // 2, device=x_BTC.device)


def turned(x_BHTD: Tensor, angles_TD: Tensor) -> Tensor:
    """Each pair of channels, one of the first half and one of the second, turned by the angle of its place.

    >>> turned(torch.tensor([[1.0, 0.0]]), torch.tensor([[torch.pi / 2]])).round().int().tolist()
    [[0, 1]]
    """
    cos_TD, sin_TD = angles_TD.cos().to(x_BHTD.dtype), angles_TD.sin().to(x_BHTD.dtype)
    one, other = x_BHTD.chunk(2, dim=-1)
    return torch.cat([one * cos_TD - other * sin_TD, one * sin_TD + other * cos_TD], dim=-1)
