"""Connectionist temporal classification: learning which symbols are in a signal without being told where."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from project.contract import Batch, Emissions, InputError, Terms
from project.padding import inside


class CTC:
    """Minus the log-probability of the symbols, over all ways to place them in time, per symbol.

    The term `ctc`: each example's loss (natural logarithm) divided by its number of symbols, at least 1, and then the
    mean over the batch. Always reckoned in float32. It does not know spaces from letters, nor what the symbols mean.

    An example with too few frames for its symbols is an error that names it; with `zero_infinity` it silently counts 0.
    Where nothing is learned, in validation and evaluation, it is left out of the mean: diagnosis counts it.

    CTC likes to be sure: nearly all frames blank, the others nearly one symbol. `regularize` adds terms against that,
    each a term with a weight of its own: `smoothing`, how far frames are from saying everything equally (label
    smoothing), and `confidence`, minus the entropy of a frame (the confidence penalty).
    """

    def __init__(
        self, zero_infinity: bool = False, regularize: Sequence[Literal["smoothing", "confidence"]] = ()
    ) -> None:
        if unknown := set(regularize) - set(REGULARIZERS):
            raise InputError(f"loss.regularize: {min(unknown)}: no such term: choose from {', '.join(REGULARIZERS)}")
        self._zero_infinity = zero_infinity
        self._regularize = tuple(regularize)

    def __call__(self, output: Emissions, batch: Batch) -> Terms:
        symbols_BL, num_symbols_B = batch.targets["symbols"], batch.targets["symbol_lengths"]
        is_learning = torch.is_grad_enabled()
        counted_B = torch.ones_like(output.lengths_B, dtype=torch.bool)
        if not self._zero_infinity:
            counted_B = frames_needed(symbols_BL, num_symbols_B) <= output.lengths_B
            if is_learning and not counted_B.all():
                raise InputError(_infeasible(batch, output.lengths_B, ~counted_B))
        losses_B = functional.ctc_loss(
            output.log_probs_BTV.float().transpose(0, 1),
            symbols_BL,
            output.lengths_B,
            num_symbols_B,
            reduction="none",
            zero_infinity=self._zero_infinity or not is_learning,
        )
        sum_B = losses_B / num_symbols_B.clamp(min=1) * counted_B
        terms = {"ctc": sum_B.sum() / counted_B.sum().clamp(min=1)}
        return terms | {name: REGULARIZERS[name](output) for name in self._regularize}


def smoothing(output: Emissions) -> Tensor:
    """How far each frame is from saying everything equally, KL(uniform || frame): mean over frames, then examples."""
    log_probs_BTV = output.log_probs_BTV.float()
    return _mean_of_frames(-math.log(log_probs_BTV.shape[2]) - log_probs_BTV.mean(dim=2), output.lengths_B)


def confidence(output: Emissions) -> Tensor:
    """Minus the entropy of each frame's distribution, 0 at most: mean over frames, then over examples."""
    log_probs_BTV = output.log_probs_BTV.float()
    return _mean_of_frames((log_probs_BTV.exp() * log_probs_BTV).sum(dim=2), output.lengths_B)


REGULARIZERS = {"smoothing": smoothing, "confidence": confidence}


def _mean_of_frames(values_BT: Tensor, lengths_B: Tensor) -> Tensor:
    inside_BT = inside(lengths_B, values_BT.shape[1])
    return ((values_BT * inside_BT).sum(dim=1) / lengths_B.clamp(min=1)).mean()


def frames_needed(symbols_BL: Tensor, num_symbols_B: Tensor) -> Tensor:
    """(B,) The fewest frames that can spell each target: one a symbol, and a blank between two that are equal.

    >>> frames_needed(torch.tensor([[1, 1, 2], [1, 2, 0]]), torch.tensor([3, 2])).tolist()
    [4, 2]
    """
    places_L = torch.arange(symbols_BL.shape[1], device=symbols_BL.device)[1:]
    equal_BL = (symbols_BL[:, 1:] == symbols_BL[:, :-1]) & (places_L < num_symbols_B[:, None])
    return num_symbols_B + equal_BL.sum(dim=1)


def _infeasible(batch: Batch, lengths_B: Tensor, short_B: Tensor) -> str:
    needed_B = frames_needed(batch.targets["symbols"], batch.targets["symbol_lengths"])
    wrong = [
        f"{batch.ids[row]} ({int(lengths_B[row])} frames for {int(needed_B[row])})"
        for row in short_B.nonzero()[:, 0].tolist()
    ]
    return (
        f"{', '.join(wrong)}: too few output frames to spell the symbols: lower the model's stride, raise the "
        "feature's frame rate, leave the example out, or set loss.zero_infinity=true"
    )
