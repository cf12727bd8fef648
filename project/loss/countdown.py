"""The countdown: for each bar, how many bars it is until the first span starts, less than 0 once it has started."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from project.contract import Batch, InputError, SpanOutput
from project.loss.span_guess import lowest
from project.loss.span_target import FirstSpans, bar_mean


@dataclass(frozen=True, slots=True)
class Countdown:
    """The term `countdown`: mean over the bars of windows that have a span, then over these windows.

    Differences are clipped to `limit` bars either way, and told in bars or as parts of the limit. Both curves are a
    square near 0 and straight from `knee` on. Huber's slope there is the knee, so a larger knee makes a larger loss;
    smooth L1 is Huber's over the knee, with slope 1. In bars, Huber of knee 1 gives 15.7 to one who always says 0,
    wherever the span starts; of knee 10 it gives 115, and smooth L1 11.5.
    """

    curve: Literal["huber", "smooth_l1"] = "huber"
    limit: int = 20  # bars
    unit: Literal["bar", "limit"] = "limit"  # of what the model says
    knee: float = 1.0  # in that unit

    def __post_init__(self) -> None:
        if self.limit < 1 or self.knee <= 0:
            raise InputError("loss.countdown: give a limit of at least 1 bar, and a knee above 0")

    def __call__(self, output: SpanOutput, batch: Batch) -> Tensor | None:
        if output.countdown_BT is None:
            raise InputError("the model does not count down: set model.countdown=true, or loss.countdown=null")
        first = FirstSpans.of(batch)
        if not first.are_asked:
            return None
        return self._mean(output.countdown_BT.float(), first, output.lengths_B)

    def guess(self, batch: Batch) -> dict[str, Tensor]:
        """`countdown_T`, a number for each place in the window; nothing if no window has a span."""
        first = FirstSpans.of(batch)
        if not first.present_B.any():
            return {}
        present_T = self.wanted(first.starts_B, batch.signals_BTF.shape[1])[first.present_B]

        def loss_of(numbers_T: Tensor) -> Tensor:
            return self._mean(numbers_T.expand(len(first.starts_B), -1), first, batch.lengths_B)

        return {"countdown_T": lowest(loss_of, present_T.double().mean(dim=0))}

    def wanted(self, starts_B: Tensor, frames: int) -> Tensor:
        """(B, T) What is right.

        >>> Countdown(limit=2, unit="bar").wanted(torch.tensor([3]), 7).tolist()
        [[2.0, 2.0, 1.0, 0.0, -1.0, -2.0, -2.0]]
        """
        bars_BT = starts_B[:, None] - torch.arange(frames, device=starts_B.device)
        clipped_BT = bars_BT.clamp(-self.limit, self.limit).float()
        return clipped_BT / self.limit if self.unit == "limit" else clipped_BT

    def _mean(self, said_BT: Tensor, first: FirstSpans, lengths_B: Tensor) -> Tensor:
        wanted_BT = self.wanted(first.starts_B, said_BT.shape[1]).to(said_BT.dtype)
        values_BT = functional.huber_loss(said_BT, wanted_BT, reduction="none", delta=self.knee)
        if self.curve == "smooth_l1":
            values_BT = values_BT / self.knee
        return first.mean(bar_mean(values_BT, lengths_B))
