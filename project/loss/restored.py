"""Learning without labels: telling the features of bars where they are hidden; perhaps beside a loss with labels."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from project.contract import Batch, InputError, SpanOutput, Terms
from project.part import Loss

# B windows, T bars, F features of a bar


class Restored:
    """The term `restored`: how far what the model says is from the input, over a window's hidden values, then windows.

    Windows with nothing hidden do not count. It does not know which values to hide: the batch says so. A feature with
    large values counts for more: `smooth_l1` grows with their size from `knee` on, `square` with the square of it.
    """

    def __init__(
        self, curve: Literal["smooth_l1", "square"] = "smooth_l1", knee: float = 1.0, span: Loss | None = None
    ) -> None:
        if knee <= 0:
            raise InputError(f"loss.knee is {knee:g}: give a number above 0")
        self._curve = curve
        self._knee = knee
        self._span = span

    def __call__(self, output: SpanOutput, batch: Batch) -> Terms:
        if output.restored_BTF is None:
            raise InputError("the model says nothing of hidden bars: set model.restore_head=true")
        if self._span is None and output.kinds_BV is not None and torch.is_grad_enabled():
            raise InputError("this loss teaches no head of spans: use model=bar_spans_masked, or give loss.span")
        terms = self._span(output, batch) if self._span is not None else {}
        if "hidden" in batch.targets:
            terms["restored"] = self._distance(output.restored_BTF.float(), batch)
        elif torch.is_grad_enabled() or not terms:
            raise InputError("no bars are hidden: add what hides them to data.augment")
        return terms

    def guess(self, batch: Batch) -> dict[str, Tensor]:
        """What the loss with labels guesses; of hidden values nothing."""
        guess = getattr(self._span, "guess", None)
        return guess(batch) if guess is not None else {}

    def _distance(self, said_BTF: Tensor, batch: Batch) -> Tensor:
        right_BTF, hidden_BTF = batch.signals_BTF.float(), batch.targets["hidden"]
        if self._curve == "square":
            values_BTF = (said_BTF - right_BTF).square()
        else:
            values_BTF = functional.smooth_l1_loss(said_BTF, right_BTF, reduction="none", beta=self._knee)
        counts_B = hidden_BTF.sum(dim=(1, 2))
        means_B = (values_BTF * hidden_BTF).sum(dim=(1, 2)) / counts_B.clamp(min=1)
        return means_B.sum() / (counts_B > 0).sum().clamp(min=1)
