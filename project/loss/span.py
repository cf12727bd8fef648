"""The multitask loss of spans in windows: their kind, their bounds, which bars they hold, and a countdown to them."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from project.contract import Batch, InputError, SpanOutput, Terms
from project.loss.span_guess import log_frequencies, lowest
from project.loss.span_target import FirstSpans, Part, bar_mean
from project.padding import inside

# B windows, T bars, V kinds (0: there is no span), P pointers (start and length)


class SpanLoss:
    """The terms `kind`, `pointers`, `span` and perhaps `countdown`, each the plain mean that its part gives.

    Terms about the first span are means over windows that have one. A batch without any leaves them out in evaluation;
    in training they are 0.
    """

    def __init__(self, kind: Part, pointers: Part, span: Part, countdown: Part | None = None) -> None:
        parts = {"kind": kind, "pointers": pointers, "span": span, "countdown": countdown}
        self._parts = {name: part for name, part in parts.items() if part is not None}

    def __call__(self, output: SpanOutput, batch: Batch) -> Terms:
        if output.countdown_BT is not None and "countdown" not in self._parts and torch.is_grad_enabled():
            raise InputError("the model counts down and this loss does not teach it: set model.countdown=false")
        terms = {name: part(output, batch) for name, part in self._parts.items()}
        return {name: term for name, term in terms.items() if term is not None}

    def guess(self, batch: Batch) -> dict[str, Tensor]:
        """The constants that make each term smallest, for one who knows these windows' targets but looks at none.

        "inside_T", "kinds_V", "starts_T", "ends_T", "pointers_P" and "countdown_T": one value a place in the longest
        window, logits where a SpanOutput has logits. What depends on the first span is absent if there is none.
        """
        with torch.no_grad():
            return {name: value.float() for part in self._parts.values() for name, value in part.guess(batch).items()}


class Kind:
    """The term `kind`: cross entropy (natural logarithm) of the kind of the first span, 0 where there is none."""

    def __init__(self, num_symbols: int | None = None, label_smoothing: float = 0.0) -> None:
        self._num_symbols = num_symbols  # of the alphabet; None: as many as occur
        self._smoothing = label_smoothing

    def __call__(self, output: SpanOutput, batch: Batch) -> Tensor:
        if output.kinds_BV is None:
            raise InputError("the model says nothing of spans: set model.readout=softmax, or loss=span_masked")
        kinds_B = FirstSpans.of(batch).kinds_B
        return functional.cross_entropy(output.kinds_BV.float(), kinds_B, label_smoothing=self._smoothing)

    def guess(self, batch: Batch) -> dict[str, Tensor]:
        kinds_B = FirstSpans.of(batch).kinds_B
        size = self._num_symbols or int(kinds_B.max()) + 1
        return {"kinds_V": log_frequencies(kinds_B, size, self._smoothing)}


class Pointers:
    """The term `pointers`, of whichever the model has.

    Start and end logits for each bar: cross entropy over a window's bars, mean of both; label smoothing spreads that
    part over all bars. Numbers, start and length as parts of the window: Huber's loss with `delta`, mean of both.
    """

    def __init__(self, label_smoothing: float = 0.0, delta: float = 1.0) -> None:
        if delta <= 0:
            raise InputError(f"loss.pointers.delta is {delta:g}: give a number above 0")
        self._smoothing = label_smoothing
        self._delta = delta

    def __call__(self, output: SpanOutput, batch: Batch) -> Tensor | None:
        first = FirstSpans.of(batch)
        if not first.are_asked:
            return None
        if output.starts_BT is not None and output.ends_BT is not None:
            starts_B = self._unlikely(output.starts_BT, first.starts_B, output.lengths_B)
            ends_B = self._unlikely(output.ends_BT, (first.ends_B - 1).clamp(min=0), output.lengths_B)
            return first.mean((starts_B + ends_B) / 2)
        if output.pointers_BP is not None:
            return self._distance(output.pointers_BP.float(), first, output.lengths_B)
        raise InputError("the model says nothing of where spans are: set model.readout=softmax")

    def guess(self, batch: Batch) -> dict[str, Tensor]:
        """For both: a model has one of them."""
        first, frames = FirstSpans.of(batch), batch.signals_BTF.shape[1]
        if not first.present_B.any():
            return {}
        wanted_BP = parts_of(first, batch.lengths_B)[first.present_B]

        def loss_of(numbers_P: Tensor) -> Tensor:
            return self._distance(numbers_P.expand(len(first.starts_B), -1), first, batch.lengths_B)

        return {
            "starts_T": log_frequencies(first.starts_B[first.present_B], frames, self._smoothing),
            "ends_T": log_frequencies(first.ends_B[first.present_B] - 1, frames, self._smoothing),
            "pointers_P": lowest(loss_of, wanted_BP.double().mean(dim=0)),
        }

    def _unlikely(self, logits_BT: Tensor, right_B: Tensor, lengths_B: Tensor) -> Tensor:
        """(B,) Cross entropy over a window's own bars."""
        within_BT = inside(lengths_B, logits_BT.shape[1])
        log_probs_BT = logits_BT.float().masked_fill(~within_BT, -torch.inf).log_softmax(dim=1)
        values_B = -log_probs_BT.gather(1, right_B[:, None])[:, 0]
        if not self._smoothing:
            return values_B
        spread_B = bar_mean(-log_probs_BT.masked_fill(~within_BT, 0), lengths_B)
        return (1 - self._smoothing) * values_B + self._smoothing * spread_B

    def _distance(self, said_BP: Tensor, first: FirstSpans, lengths_B: Tensor) -> Tensor:
        wanted_BP = parts_of(first, lengths_B).to(said_BP.dtype)
        return first.mean(functional.huber_loss(said_BP, wanted_BP, reduction="none", delta=self._delta).mean(dim=1))


def parts_of(first: FirstSpans, lengths_B: Tensor) -> Tensor:
    """(B, P) Start and length of spans as parts of their windows."""
    return torch.stack([first.starts_B, first.ends_B - first.starts_B], dim=1) / lengths_B.clamp(min=1)[:, None]
