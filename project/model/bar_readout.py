"""Readouts: from the encoding of each bar to what is said of the window's first span, its kind and where it lies."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal, final

import torch
from torch import Tensor, nn

from project.model.padded import Extent

# B windows, T bars, C channels, V kinds (0: there is no span), P pointers (start and length)


@dataclass(frozen=True, slots=True)
class Said:
    """The fields of a SpanOutput that a readout fills."""

    kinds_BV: Tensor
    starts_BT: Tensor | None = None
    ends_BT: Tensor | None = None
    pointers_BP: Tensor | None = None


class Readout(nn.Module, ABC):
    """Is made for encodings of some width and some number of kinds."""

    def __init__(self, width: int, num_symbols: int) -> None:
        super().__init__()

    @abstractmethod
    def forward(self, x_BTC: Tensor, extent: Extent) -> Said:
        """Logits and pointers in float32."""


@final
class Pooled(Readout):
    """Kind, start and length from the mean over bars, the latter two as parts of the window: the source's.

    A span of 7 bars is 7 % of that mean, so it says little of the span and hardly where it is.
    """

    def __init__(self, width: int, num_symbols: int) -> None:
        super().__init__(width, num_symbols)
        self.kind = kind_head(width, num_symbols)
        self.pointers = nn.Linear(width, 2)

    def forward(self, x_BTC: Tensor, extent: Extent) -> Said:
        sums_BC = x_BTC.masked_fill(extent.outside_B1T.transpose(1, 2), 0).sum(dim=1)
        mean_BC = sums_BC / extent.lengths_B[:, None]
        return Said(self.kind(mean_BC).float(), pointers_BP=self.pointers(mean_BC).float())


@final
class BarSoftmax(Readout):
    """For each bar how likely it is the span's first and its last; the kind from what the likely ones hold."""

    def __init__(self, width: int, num_symbols: int) -> None:
        super().__init__(width, num_symbols)
        self.bounds = nn.Linear(width, 2)
        self.kind = kind_head(2 * width, num_symbols)

    def forward(self, x_BTC: Tensor, extent: Extent) -> Said:
        logits_B2T = self.bounds(x_BTC).float().transpose(1, 2).masked_fill(extent.outside_B1T, -torch.inf)
        likely_B2T = logits_B2T.softmax(dim=2).to(x_BTC.dtype)
        kinds_BV = self.kind((likely_B2T @ x_BTC).flatten(1)).float()
        return Said(kinds_BV, starts_BT=logits_B2T[:, 0], ends_BT=logits_B2T[:, 1])


def kind_head(width: int, num_symbols: int, hidden: int = 32) -> nn.Sequential:
    """Two layers to a logit for each kind."""
    return nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, num_symbols))


ReadoutName = Literal["pooled", "softmax"]
READOUTS: dict[ReadoutName, type[Readout]] = {"pooled": Pooled, "softmax": BarSoftmax}
