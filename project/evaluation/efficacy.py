"""Whether an adapter does any good: what a run says of the same examples with it and without it.

That weights change is no evidence of it: they change as much where the labels were shuffled. Evidence is that answers
become better, or right ones likelier; and of the latter, more so than of a control that learned from shuffled labels,
as that one learns what is frequent. Not known here: which adapter it is, and of what model.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from project.contract import Batch, Emissions, Hypothesis, InputError, Output, TokenOutput
from project.evaluation.comparison import Delta, difference
from project.evaluation.interval import difference_interval, resampling_unit
from project.evaluation.result import Report, Row
from project.evaluation.significance import exchange_test
from project.loss.ctc import frames_needed
from project.loss.token import IGNORED, wanted

# B examples, T frames, L tokens, V symbols or tokens

LOSS, DIVERGENCE, CHANGED = "loss", "divergence", "changed"  # figures
Columns = Mapping[str, float]


class PerUnit:
    """A metric whose columns are there already: nats a symbol, or the part of examples of which something holds."""

    better: Literal["lower", "higher", "one"] = "lower"

    def __init__(self, name: str, unit: str) -> None:
        self.name = name
        self.above, self.below = f"{name}_sum", f"{name}_count"
        self.ratios: Mapping[str, tuple[Sequence[str], Sequence[str]]] = {name: ((self.above,), (self.below,))}
        self.units = {name: unit}

    def score(self, reference: str, hypothesis: Hypothesis) -> Columns:
        """Nothing: what was written does not tell it."""
        return {}

    def summarize(self, columns: Mapping[str, Sequence[float]]) -> Mapping[str, float]:
        """The ratio of the sums."""
        count = sum(columns[self.below])
        if not count:
            raise InputError(f"{self.name}: no example has anything to reckon it by: name another manifest")
        return {self.name: sum(columns[self.above]) / count}


@dataclass(frozen=True, slots=True)
class Efficacy:
    """One run with its adapter and without."""

    label: str
    on: Report
    off: Report
    loss: Delta  # of the right answers, given the right symbols before them: below zero they become likelier
    error: Delta  # of the run's primary figure
    lengths: Mapping[str, tuple[float, float]]  # by layer: of the change of its weights, and of the weights
    is_control: bool = False
    beyond: tuple[Delta, Delta] | None = None  # both differences less those of a control, where there is one

    @property
    def growth(self) -> float:
        """How long all changes are together, against all the weights that they change."""
        changes, weights = zip(*self.lengths.values(), strict=True)
        return part(math.hypot(*changes), math.hypot(*weights))

    @property
    def is_idle(self) -> bool:
        """Whether nothing at all comes out otherwise."""
        return not self.on.metrics[CHANGED] and not self.on.metrics[DIVERGENCE]


def efficacy(label: str, on: Report, off: Report, lengths: Mapping[str, tuple[float, float]]) -> Efficacy:
    """Both Reports set against each other."""
    return Efficacy(label, on, off, difference(on, off, LOSS), difference(on, off, on.primary), lengths)


def against(one: Efficacy, control: Efficacy) -> Efficacy:
    """The same with what its adapter does more than that of a control."""
    return replace(one, beyond=(_more(one, control, one.on.primary), _more(one, control, LOSS)))


def _more(one: Efficacy, control: Efficacy, name: str) -> Delta:
    """The difference that one adapter makes less the one that another makes, on the same examples."""
    own, other = one.loss if name == LOSS else one.error, control.loss if name == LOSS else control.error
    value, measure = own.value - other.value, one.off.measures[name]
    if own.interval is None or measure.better == "one":
        return Delta(value, None, own.better)
    sides = []
    for each in (one, control):
        (on, below), (off, _) = (measure.counts(sorted(its.rows, key=_id)) for its in (each.on, each.off))
        sides.append(([first - second for first, second in zip(on, off, strict=True)], below))
    groups = [row.group for row in sorted(one.off.rows, key=_id)]
    drawn = groups if resampling_unit(groups) == "group" else None
    pair = sides[0], sides[1]
    return Delta(value, difference_interval(*pair, drawn), own.better, exchange_test(*pair, drawn))


def _id(row: Row) -> str:
    return row.id


def part(change: float, weight: float) -> float:
    """How long a change is against what it changes; of nothing no part.

    >>> part(1.0, 4.0), part(0.0, 0.0)
    (0.25, 0.0)
    """
    return change / weight if weight else 0.0


def likelihood(output: Output, batch: Batch) -> tuple[Tensor, Tensor]:
    """(B,) Minus the log-probability of each right answer, in nats, and how many symbols it has, an end included.

    An answer that frames are too few to spell counts for nothing.
    """
    if isinstance(output, TokenOutput) and output.logits_BLV is not None:
        wanted_BL = wanted(batch)
        nats_BL = functional.cross_entropy(output.logits_BLV.double().transpose(1, 2), wanted_BL, reduction="none")
        return nats_BL.sum(dim=1), (wanted_BL != IGNORED).sum(dim=1)
    if isinstance(output, Emissions) and "symbols" in batch.targets:
        symbols_BL, num_symbols_B = batch.targets["symbols"], batch.targets["symbol_lengths"]
        log_probs_TBV = output.log_probs_BTV.double().transpose(0, 1)
        nats_B = functional.ctc_loss(
            log_probs_TBV, symbols_BL, output.lengths_B, num_symbols_B, reduction="none", zero_infinity=True
        )
        is_told_B = frames_needed(symbols_BL, num_symbols_B) <= output.lengths_B
        return nats_B * is_told_B, num_symbols_B * is_told_B
    raise InputError(
        f"{type(output).__name__}: what right answers there would be worth is not reckoned: action=adapter is for runs "
        "that write symbols by CTC, or tokens"
    )


def divergence(on: Output, off: Output, batch: Batch) -> tuple[Tensor, Tensor]:
    """(B,) How far what is said with an adapter is from what is said without, in nats, and of how many distributions.

    Kullback-Leibler, from the one with it: of each token given the right ones before it, or of each frame.
    """
    if isinstance(on, TokenOutput) and isinstance(off, TokenOutput):
        assert on.logits_BLV is not None
        assert off.logits_BLV is not None
        pair, is_told = (on.logits_BLV, off.logits_BLV), wanted(batch) != IGNORED
    else:
        assert isinstance(on, Emissions)
        assert isinstance(off, Emissions)
        pair = on.log_probs_BTV, off.log_probs_BTV
        is_told = torch.arange(pair[0].shape[1], device=pair[0].device) < on.lengths_B[:, None]
    mine, theirs = (one.double().log_softmax(dim=2) for one in pair)
    nats = (mine.exp() * (mine - theirs)).sum(dim=2).clamp(min=0)
    return torch.where(is_told, nats, 0).sum(dim=1), is_told.sum(dim=1)


def columns_of(on: Output, off: Output, batch: Batch) -> list[tuple[str, Columns, Columns]]:
    """Of each example its id, and what stands in the rows of a run with its adapter, and without."""
    losses = [likelihood(one, batch) for one in (on, off)]
    apart = divergence(on, off, batch)
    found: list[tuple[str, Columns, Columns]] = []
    for row, name in enumerate(batch.ids):
        mine, theirs = (_pair(LOSS, one, row) for one in losses)
        found.append((name, {**mine, **_pair(DIVERGENCE, apart, row)}, theirs))
    return found


def _pair(name: str, sums: tuple[Tensor, Tensor], row: int) -> dict[str, float]:
    return {f"{name}_{part}": float(one[row]) for part, one in zip(("sum", "count"), sums, strict=True)}
