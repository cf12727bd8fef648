"""The envelope encoder: a compact convolutional network from the loudness of a keyed tone to symbols."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from project.contract import Batch, Emissions, InputError
from project.model.head import start_at_blank
from project.model.sequence_encoder import DilatedBlock
from project.padding import inside

# B examples, T frames, F features of a frame, C channels, V symbols (blank included)


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
        self.blocks = nn.ModuleList(DilatedBlock(channels, kernel, 2**depth, block_dropout) for depth in range(blocks))
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
        centred_BTF = centred(batch)
        if self.hidden_frame is not None and "hidden" in batch.targets:
            centred_BTF = torch.where(batch.targets["hidden"][..., None], self.hidden_frame, centred_BTF)
        x_BTC = self.enter(centred_BTF.transpose(1, 2)).transpose(1, 2)
        mask_BT1 = inside(lengths_B, x_BTC.shape[1])[..., None]
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


def centred(batch: Batch) -> Tensor:
    """Features from -2 to 2 where they were 0 to 1, padding 0."""
    return 4 * (batch.signals_BTF - 0.5) * inside(batch.lengths_B, batch.signals_BTF.shape[1])[..., None]


def _pair(dropout: Sequence[float]) -> tuple[float, float]:
    if len(dropout) != 2:
        raise InputError(f"model.dropout is {list(dropout)}: give one number, or two: [blocks, head]")
    return dropout[0], dropout[1]
