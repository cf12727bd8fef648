"""The envelope encoder: a compact convolutional network from the loudness of a keyed tone to symbols."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from project.contract import Batch, Emissions, InputError
from project.model.head import start_at_blank

# B examples, T frames, F features of a frame, C channels, V symbols (blank included)


class Block(nn.Module):
    """One look around at one distance: each frame adds what it makes of frames at multiples of `dilation` from it.

    A dilated convolution, written as the matrix product that it is: frames side by side, then one linear layer. On a
    processor that multiplies bfloat16 matrices this is three times as fast as torch's convolution.
    """

    def __init__(self, channels: int, kernel: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self._distances = [dilation * step for step in range(kernel)]
        self.norm = nn.LayerNorm(channels)  # over the channels of a frame: neighbours and padding don't enter
        self.look = nn.Linear(kernel * channels, channels)
        self.mix = nn.Linear(channels, channels)
        self.dropout = nn.Dropout(dropout) if dropout else nn.Identity()
        nn.init.xavier_uniform_(self.mix.weight)  # torch's own start is so small that learning starts later

    def forward(self, x_BTC: Tensor, mask_BT1: Tensor) -> Tensor:
        frames, reach = x_BTC.shape[1], self._distances[-1] // 2
        around_BTC = functional.pad(self.norm(x_BTC) * mask_BT1, (0, 0, reach, reach))
        seen_BTC = torch.cat([around_BTC[:, start : start + frames] for start in self._distances], dim=2)
        made_BTC: Tensor = self.dropout(self.mix(functional.gelu(self.look(seen_BTC))))
        return x_BTC + made_BTC


class EnvelopeEncoder(nn.Module):
    """Dilated convolutions with residual connections and a CTC head; dilations 1, 2, 4, ... see seconds around a frame.

    Features are to lie between 0 and 1. An utterance gives the same result alone and padded in a batch. It looks both
    ways, so it cannot listen along: it wants the whole recording, or pieces that overlap by `context_frames`.

    With a mask head it also says for each input frame whether the key is down, and the frames that a batch calls
    `hidden` are not seen: a learned frame stands in their place.
    """

    edges = ("enter", "head", "mask_head")  # where the signal enters and symbols leave
    replaceable = ("head", "mask_head", "hidden_frame")  # what a run that starts from another's weights may lack

    def __init__(
        self,
        num_features: int,
        num_symbols: int,
        *,
        channels: int = 64,
        blocks: int = 6,
        kernel: int = 5,
        stride: int = 2,
        dropout: float | Sequence[float] = 0.1,
        mask_head: bool = False,
    ) -> None:
        super().__init__()
        if kernel % 2 == 0:
            raise InputError(f"model.kernel is {kernel}, and an even kernel has no middle: give an odd one")
        block_dropout, head_dropout = (dropout, 0.0) if isinstance(dropout, int | float) else _pair(dropout)
        self._stride = stride
        self.enter = nn.Conv1d(num_features, channels, kernel, stride=stride, padding=kernel // 2)
        self.blocks = nn.ModuleList(Block(channels, kernel, 2**depth, block_dropout) for depth in range(blocks))
        self.norm = nn.LayerNorm(channels)
        self.dropout = nn.Dropout(head_dropout)
        self.head = nn.Linear(channels, num_symbols)
        self.mask_head = nn.Linear(channels, stride) if mask_head else None
        self.hidden_frame = nn.Parameter(torch.zeros(num_features)) if mask_head else None
        self.context_frames = kernel // 2 * (1 + stride * (2**blocks - 1))  # input frames seen to either side
        start_at_blank(self.head)

    def forward(self, batch: Batch) -> Emissions:
        """(B, T / stride, V) log-probabilities in float32; with a mask head, the states of T input frames."""
        num_frames = batch.signals_BTF.shape[1]
        lengths_B = self.num_output_frames(batch.lengths_B)
        centred_BTF = 4 * (batch.signals_BTF - 0.5) * _mask(batch.lengths_B, batch.signals_BTF)  # -2 to 2, padding 0
        if self.hidden_frame is not None and "hidden" in batch.targets:
            centred_BTF = torch.where(batch.targets["hidden"][..., None], self.hidden_frame, centred_BTF)
        x_BTC = self.enter(centred_BTF.transpose(1, 2)).transpose(1, 2)
        mask_BT1 = _mask(lengths_B, x_BTC)
        for block in self.blocks:
            x_BTC = block(x_BTC, mask_BT1)
        x_BTC = self.norm(x_BTC)
        log_probs_BTV = self.head(self.dropout(x_BTC)).float().log_softmax(dim=2)
        if self.mask_head is None:
            return Emissions(log_probs_BTV, lengths_B)
        return Emissions(log_probs_BTV, lengths_B, self.mask_head(x_BTC).float().flatten(1)[:, :num_frames])

    def num_output_frames(self, num_frames: Tensor) -> Tensor:
        """One for every `stride` input frames, the last one possibly cut short."""
        return (num_frames + self._stride - 1) // self._stride


def _pair(dropout: Sequence[float]) -> tuple[float, float]:
    if len(dropout) != 2:
        raise InputError(f"model.dropout is {list(dropout)}: give one number, or two: [blocks, head]")
    return dropout[0], dropout[1]


def _mask(lengths_B: Tensor, like_BTX: Tensor) -> Tensor:
    """(B, T, 1) True inside each length."""
    return (torch.arange(like_BTX.shape[1], device=like_BTX.device) < lengths_B[:, None])[..., None]
