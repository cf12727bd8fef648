"""The sign encoder: branches for parts of a body, a MobileNetV3 over time, an LSTM, and a distribution for each moment.

It does not know what columns mean, only their names; nor where a sign begins and ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from project.contract import Batch, Emissions, InputError
from project.model.branch import BranchAttention, encoder, pick
from project.model.head import start_at_blank
from project.model.mobilenet_shape import SIZES, Block, Size, SizeName, Upsampling
from project.model.padded import (
    Extent,
    MaskedBatchNorm1d,
    MaskedConv1d,
    MaskedLSTM,
    SqueezeExcite,
    Unrecalled,
    num_strided,
)

# B examples, T frames, N frames of all examples, F features of a frame, C channels, V symbols (blank included)

STRIDE = 4  # input frames for one frame below the LSTM, in every size


@dataclass(frozen=True, slots=True)
class SequencePart:
    """What is made of the frames once they are found."""

    upsample: Upsampling | None = None  # back to all input frames before the LSTM; None: as the size has it
    lstm_layers: int = 1
    attention: bool = False  # whether branches look at each other, in each frame
    head_dropout: float = 0.0  # part of what the head sees that is left out while learning


class MobileNetLSTM(nn.Module):
    """Encoders by kind of column, convolutions at a half and a quarter of the frames, an LSTM, and a CTC head.

    `columns` are where a feature's kinds of columns lie, `branches` how many numbers are made of which of them; None
    leaves a branch out. An utterance gives the same result alone and padded in a batch. Squeezing and the LSTM relate
    each frame to all others: it wants the whole recording.

    With an auxiliary head it also says what is in each fourth frame before frames are related by the LSTM.
    """

    replaceable = ("head", "auxiliary_head")  # what a run that starts from another's weights may lack

    def __init__(
        self,
        num_symbols: int,
        columns: Mapping[str, tuple[int, int]],
        branches: Mapping[str, int | None],
        *,
        size: SizeName = "compact",
        sequence: SequencePart | None = None,
        dropout: float = 0.3,
        auxiliary: bool = False,
        checkpointing: bool = False,
    ) -> None:
        super().__init__()
        shape, sequence = SIZES[size], sequence or SequencePart()
        if sequence.lstm_layers < 0:
            raise InputError(f"model.sequence.lstm_layers is {sequence.lstm_layers}: give 0 for none, 1 or more")
        widths = pick(branches, columns)
        self._columns = {name: columns[name] for name in widths}
        self._checkpointing, self._shape = checkpointing, shape
        encoders = {
            name: encoder(end - start, widths[name], shape.hidden, dropout)
            for name, (start, end) in self._columns.items()
        }
        self.encoders = nn.ModuleDict(encoders)
        self.attention = BranchAttention(list(widths.values()), shape.attention) if sequence.attention else None
        self.stem = Stem(sum(widths.values()), shape.stem)
        sizes = [shape.stem, *(block.channels for block in shape.blocks)]
        self.blocks = nn.ModuleList(InvertedResidual(*pair) for pair in zip(sizes, shape.blocks, strict=False))
        self.bridge = Bridge(sizes[-1], shape, sequence.upsample or shape.upsample, dropout)
        layers = sequence.lstm_layers
        self.lstm = MaskedLSTM(shape.channels, shape.lstm, layers, dropout) if layers else None
        self.dropout = nn.Dropout(sequence.head_dropout)
        self.head = nn.Linear(2 * shape.lstm if layers else shape.channels, num_symbols)
        self.auxiliary_head = nn.Linear(sizes[-1], num_symbols) if auxiliary else None
        # where the signal enters and symbols leave
        self.edges = (*(f"encoders.{name}.0" for name in widths), "head", "auxiliary_head")
        start_at_blank(self.head)
        if self.auxiliary_head is not None:
            start_at_blank(self.auxiliary_head)

    def forward(self, batch: Batch) -> Emissions:
        """(B, T / 4, V) log-probabilities in float32, (B, T, V) if upsampled; the auxiliary head's (B, T / 4, V)."""
        num_frames = batch.signals_BTF.shape[1]
        extent = Extent.of(batch.lengths_B, num_frames)
        x_BCT = self.encode(batch.signals_BTF)
        x_BCT, extent = self.stem(x_BCT, extent), extent.strided(Stem.stride)
        for block, shape in zip(self.blocks, self._shape.blocks, strict=True):
            x_BCT, extent = self._run(block, x_BCT, extent), extent.strided(shape.stride)
        auxiliary = None
        if self.auxiliary_head is not None:
            auxiliary = Emissions(_said(self.auxiliary_head, x_BCT.transpose(1, 2)), extent.lengths_B)
        if self.bridge.is_upsampling:
            extent = Extent.of(batch.lengths_B, num_frames)
        x_BTC = self.bridge(x_BCT, extent).transpose(1, 2)
        if self.lstm is not None:
            x_BTC = self.lstm(x_BTC, extent.lengths_B)
        return Emissions(_said(self.head, self.dropout(x_BTC)), extent.lengths_B, auxiliary=auxiliary)

    def encode(self, signals_BTF: Tensor) -> Tensor:
        """(B, C, T) What the branches make of each frame by itself, side by side in their order."""
        frames_NF = signals_BTF.flatten(0, 1)  # in two dimensions a part of the columns is multiplied without a copy
        made_NC = [
            self._run(self.encoders[name], frames_NF[:, start:end]) for name, (start, end) in self._columns.items()
        ]
        if self.attention is not None:
            made_NC = self.attention(made_NC)
        made_BTC = torch.cat(made_NC, dim=1).view(*signals_BTF.shape[:2], -1)
        return made_BTC.transpose(1, 2)

    def num_output_frames(self, num_frames: Tensor) -> Tensor:
        """As many as there are input frames if upsampled; else one for every four, the last possibly cut short."""
        return num_frames if self.bridge.is_upsampling else num_strided(num_frames, STRIDE)

    def _run(self, part: nn.Module, *inputs: Any) -> Tensor:
        """A part's output; with checkpointing what is inside it is made again for the gradients, instead of kept."""
        made: Tensor
        if not (self._checkpointing and self.training and torch.is_grad_enabled()):
            made = part(*inputs)
            return made
        made = checkpoint(part, *inputs, use_reentrant=False, context_fn=lambda: (nullcontext(), Unrecalled(part)))
        return made  # typed above


def _said(head: nn.Linear, x_BTC: Tensor) -> Tensor:
    log_probs_BTV: Tensor = head(x_BTC).float().log_softmax(dim=2)
    return log_probs_BTV


class Stem(nn.Module):
    """Two frames become one."""

    stride = 2

    def __init__(self, channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = MaskedConv1d(channels, out_channels, 3, self.stride, bias=False)
        self.norm = MaskedBatchNorm1d(out_channels)
        start_even(self.conv)

    def forward(self, x_BCT: Tensor, extent: Extent) -> Tensor:
        return nn.functional.hardswish(self.norm(self.conv(x_BCT, extent), extent.strided(self.stride)))


class InvertedResidual(nn.Module):
    """A block of a MobileNetV3 over time. Convolutions have no bias: the norm behind each of them has one."""

    def __init__(self, channels: int, shape: Block) -> None:
        super().__init__()
        wide = shape.expansion
        self.stride = shape.stride
        self._is_residual = shape.stride == 1 and shape.channels == channels
        self._activation = getattr(nn.functional, shape.activation)
        self.expand = MaskedConv1d(channels, wide, 1, bias=False) if wide != channels else None
        self.expand_norm = MaskedBatchNorm1d(wide) if wide != channels else None
        self.look = MaskedConv1d(wide, wide, shape.kernel, shape.stride, groups=wide, bias=False)
        self.look_norm = MaskedBatchNorm1d(wide)
        self.squeeze = SqueezeExcite(wide) if shape.squeeze else None
        self.mix = MaskedConv1d(wide, shape.channels, 1, bias=False)
        self.mix_norm = MaskedBatchNorm1d(shape.channels)
        for conv in filter(None, (self.expand, self.look, self.mix)):
            start_even(conv)

    def forward(self, x_BCT: Tensor, extent: Extent) -> Tensor:
        wide_BCT, after = x_BCT, extent.strided(self.stride)
        if self.expand is not None and self.expand_norm is not None:
            wide_BCT = self._activation(self.expand_norm(self.expand(x_BCT, extent), extent))
        wide_BCT = self._activation(self.look_norm(self.look(wide_BCT, extent), after))
        if self.squeeze is not None:
            wide_BCT = self.squeeze(wide_BCT, after)
        made_BCT: Tensor = self.mix_norm(self.mix(wide_BCT, after), after)
        return x_BCT + made_BCT if self._is_residual else made_BCT


class Bridge(nn.Module):
    """From the last block to the LSTM: each frame alone, four of it if upsampled, then with its neighbours."""

    def __init__(self, channels: int, shape: Size, upsample: Upsampling, dropout: float) -> None:
        super().__init__()
        self.is_upsampling = upsample == "transpose"
        stretch = STRIDE if self.is_upsampling else 1  # kernel and stride are one: a frame becomes as many, by itself
        self.stretch = nn.ConvTranspose1d(channels, shape.channels, stretch, stretch)
        self.stretch_norm = MaskedBatchNorm1d(shape.channels)
        self.look = MaskedConv1d(shape.channels, shape.channels, 3)
        self.look_norm = MaskedBatchNorm1d(shape.channels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x_BCT: Tensor, extent: Extent) -> Tensor:
        """`extent` is that of what is returned: the last frames of four may be beyond the example's end."""
        wide_BCT = self.stretch(x_BCT)[..., : extent.outside_B1T.shape[2]]
        wide_BCT = self.stretch_norm(wide_BCT, extent).relu()
        made_BCT: Tensor = self.dropout(self.look_norm(self.look(wide_BCT, extent), extent).relu())
        return made_BCT


def start_even(conv: nn.Conv1d) -> None:
    """Weights so large that an untrained layer passes on about as much as it gets."""
    nn.init.kaiming_normal_(conv.weight)
