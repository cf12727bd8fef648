"""Reads symbols from the loudness of speech in bands of pitch: small looks first, an encoder of choice, and a CTC head.

It starts from nothing: what it knows of speech it learns from the training manifest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

from torch import Tensor, nn
from torch.nn import functional

from project.contract import Batch, Emissions, InputError
from project.model.head import start_at_blank
from project.model.padded import Extent
from project.model.sequence_encoder import Encoder
from project.padding import inside

# B examples, T frames, F features of a frame, M maps, C channels, V symbols (blank included)

_REACH = 1  # frames and bands to either side that a look takes in


@final
class FbankCTC(nn.Module):
    """Two layers of 3 x 3 looks that move over time and pitch, then an encoder over time, then symbols.

    Each layer of looks halves the bands and has its own step over time: `strides` of [2, 1] make 50 output frames a
    second of 100. An example gives the same result alone and padded in a batch.
    """

    replaceable = ("head",)

    def __init__(
        self,
        num_features: int,
        num_symbols: int,
        encoder: Encoder,
        *,
        maps: int = 32,
        strides: Sequence[int] = (2, 1),
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        if len(strides) != 2 or min(strides) < 1:
            raise InputError(f"model.strides is {list(strides)}: give the steps of two layers, such as [2, 1]")
        self._strides = (int(strides[0]), int(strides[1]))
        self.looks = nn.ModuleList(
            nn.Conv2d(given, maps, 2 * _REACH + 1, stride=(step, 2), padding=_REACH)
            for given, step in zip((1, maps), self._strides, strict=True)
        )
        bands = ((num_features + 1) // 2 + 1) // 2
        self.fold = nn.Linear(maps * bands, encoder.num_features)
        self.encoder = encoder
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(encoder.width, num_symbols)
        self.edges = ("looks", "fold", *(f"encoder.{name}" for name in encoder.edges), "head")
        start_at_blank(self.head)

    def forward(self, batch: Batch) -> Emissions:
        """(B, T', V) log-probabilities in float32."""
        lengths_B = batch.lengths_B
        x_BMTF = batch.signals_BTF[:, None]
        for look, step in zip(self.looks, self._strides, strict=True):
            within_BT = inside(lengths_B, x_BMTF.shape[2])
            x_BMTF = functional.gelu(look(x_BMTF * within_BT[:, None, :, None]))
            lengths_B = shortened(lengths_B, step)
        x_BTC = self.fold(x_BMTF.transpose(1, 2).flatten(2))
        x_BTC = self.encoder(x_BTC, Extent.of(lengths_B, x_BTC.shape[1]))
        return Emissions(self.head(self.dropout(x_BTC)).float().log_softmax(dim=2), lengths_B)

    def num_output_frames(self, num_frames: Tensor) -> Tensor:
        """One for every so many input frames as the strides multiply to, the last one possibly cut short."""
        for step in self._strides:
            num_frames = shortened(num_frames, step)
        return num_frames


def shortened(lengths_B: Tensor, step: int) -> Tensor:
    """Frames that a layer with this step gives of so many.

    >>> import torch
    >>> shortened(torch.tensor([1, 4, 5]), 2).tolist()
    [1, 2, 3]
    """
    return (lengths_B + step - 1) // step
