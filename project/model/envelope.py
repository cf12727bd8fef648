"""The envelope encoder: a compact convolutional network from the loudness of a keyed tone to symbols."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from project.contract import Batch, Emissions

# B examples, T frames, F features of a frame, C channels, V symbols (blank included)


class Block(nn.Module):
    """One look around at one distance: each frame adds what it makes of frames at multiples of `dilation` from it."""

    def __init__(self, channels: int, kernel: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)  # over the channels of a frame: neighbours and padding don't enter
        self.look = nn.Conv1d(channels, channels, kernel, padding=dilation * (kernel // 2), dilation=dilation)
        self.mix = nn.Linear(channels, channels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x_BTC: Tensor, mask_BT1: Tensor) -> Tensor:
        seen_BTC = self.look((self.norm(x_BTC) * mask_BT1).transpose(1, 2)).transpose(1, 2)
        mixed_BTC: Tensor = self.dropout(self.mix(functional.gelu(seen_BTC)))
        return x_BTC + mixed_BTC


class EnvelopeEncoder(nn.Module):
    """Dilated convolutions with residual connections and a CTC head; dilations 1, 2, 4, ... see seconds around a frame.

    An utterance gives the same result alone and padded in a batch. It looks both ways, so it does not know how to
    listen along: it wants the whole recording, or pieces that overlap by its `context_frames`.
    """

    def __init__(
        self,
        num_features: int,
        num_symbols: int,
        channels: int = 96,
        blocks: int = 6,
        kernel: int = 5,
        stride: int = 2,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        assert kernel % 2, "an even kernel has no middle"
        self._stride = stride
        self.enter = nn.Conv1d(num_features, channels, kernel, stride=stride, padding=kernel // 2)
        self.blocks = nn.ModuleList(Block(channels, kernel, 2**depth, dropout) for depth in range(blocks))
        self.norm = nn.LayerNorm(channels)
        self.head = nn.Linear(channels, num_symbols)
        self.context_frames = kernel // 2 * (1 + stride * (2**blocks - 1))  # input frames seen to either side

    def forward(self, batch: Batch) -> Emissions:
        lengths_B = self.num_output_frames(batch.lengths_B)
        x_BTC = self.enter(batch.signals_BTF.transpose(1, 2)).transpose(1, 2)
        mask_BT1 = (torch.arange(x_BTC.shape[1], device=x_BTC.device) < lengths_B[:, None])[..., None]
        for block in self.blocks:
            x_BTC = block(x_BTC, mask_BT1)
        return Emissions(self.head(self.norm(x_BTC)).float().log_softmax(dim=2), lengths_B)

    def num_output_frames(self, num_frames: Tensor) -> Tensor:
        """One for every `stride` input frames, the last one possibly cut short."""
        return (num_frames + self._stride - 1) // self._stride
