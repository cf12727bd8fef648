"""What there is to learn of a window's first span, and means over bars and windows.

It does not know of a second span: those are seen by the span head alone, which is asked about each bar.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from project.contract import Batch, SpanOutput
from project.padding import inside

# B windows, T bars, S spans of a window


class Part(Protocol):
    """One term of a loss."""

    def __call__(self, output: SpanOutput, batch: Batch) -> Tensor | None:
        """The plain mean; None where nothing is learned and the batch says nothing of it."""

    def guess(self, batch: Batch) -> Mapping[str, Tensor]:
        """What to say of all windows of a batch, without looking at them, to make the term small; see SpanLoss."""


@dataclass(frozen=True, slots=True)
class FirstSpans:
    """The first span of each window; zeros where there is none."""

    present_B: Tensor  # whether there is one
    kinds_B: Tensor
    starts_B: Tensor
    ends_B: Tensor  # exclusive

    @classmethod
    def of(cls, batch: Batch) -> FirstSpans:
        """Those of a batch."""
        columns = (functional.pad(batch.targets[name], (0, 1))[:, 0] for name in ("kinds", "starts", "ends"))
        return cls(batch.targets["kind_lengths"] > 0, *columns)

    @property
    def are_asked(self) -> bool:
        """Whether a term about them has a value: in training always, without any span it is 0 and teaches nothing."""
        return torch.is_grad_enabled() or bool(self.present_B.any())

    def mean(self, values_B: Tensor) -> Tensor:
        """The mean over windows that have a span."""
        return (values_B * self.present_B).sum() / self.present_B.sum().clamp(min=1)


def bar_mean(values_BT: Tensor, lengths_B: Tensor) -> Tensor:
    """(B,) The mean over each window's own bars."""
    return (values_BT * inside(lengths_B, values_BT.shape[1])).sum(dim=1) / lengths_B.clamp(min=1)


def bar_weights(batch: Batch) -> Tensor:
    """(B, T) How much a bar counts in a mean over bars and then windows: 1 if all are of one length, 0 beyond it."""
    lengths_B = batch.lengths_B.clamp(min=1).double()
    return inside(batch.lengths_B, batch.signals_BTF.shape[1]) * (lengths_B.mean() / lengths_B)[:, None]
