"""Parts of a test set: a quantity cut at round numbers, or the kinds of a category, so that each part has a figure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from project.evaluation.interval import Array, Interval, ratio_interval, resampling_unit

MAX_BINS = 8  # of a quantity
MAX_KINDS = 12  # of a category; the rarest are put together
LEAST = 10  # examples that a part of a quantity should have
NUM_RESAMPLES = 1_000  # a part's interval; the figures of the whole have ten times as many

Value = float | str


@dataclass(frozen=True, slots=True)
class Strata:
    """How values are told apart: between `edges`, each part with its lower edge, or by `kinds`, a value's place."""

    labels: tuple[str, ...]
    positions: tuple[float, ...]  # of each part on an axis: its median, or its place
    edges: tuple[float, ...] = ()
    kinds: Mapping[Value, int] | None = None

    def place(self, value: Value | None) -> int | None:
        """Which part a value belongs to; None for no value, or one of a kind that was not there when this was made."""
        if value is None:
            return None
        if self.kinds is not None:
            return self.kinds.get(value)
        assert not isinstance(value, str)
        return int(np.clip(np.searchsorted(self.edges, value, side="right") - 1, 0, len(self.edges) - 2))

    def members(self, values: Sequence[Value | None]) -> list[NDArray[np.intp]]:
        """Indices of the values in each part."""
        places = np.array([-1 if (place := self.place(value)) is None else place for value in values])
        return [np.flatnonzero(places == n) for n in range(len(self.labels))]


@dataclass(frozen=True, slots=True)
class Cell:
    """A part's figure, how sure it is, and of how many examples."""

    value: float
    interval: Interval | None  # None for a single example
    num_examples: int


def of_quantity(values: Sequence[float], copies: int = 1) -> Strata:
    """Each value by itself if there are few different ones, otherwise parts of about equal number between round edges.

    `copies` is how many runs the values come from: each example is there once for each of them.

    >>> of_quantity([5, 0, -5] * 4).labels
    ('-5', '0', '5')
    >>> of_quantity([n / 7 for n in range(200)]).labels[:3]
    ('0 to 4', '4 to 7', '7 to 11')
    """
    values_N = np.asarray(values, dtype=np.float64)
    distinct = np.unique(values_N)
    num_examples = len(values_N) // copies
    if len(distinct) <= MAX_BINS and num_examples >= 2 * len(distinct):
        kinds: dict[Value, int] = {float(value): n for n, value in enumerate(distinct)}
        return Strata(tuple(f"{value:g}" for value in distinct), tuple(distinct.tolist()), kinds=kinds)
    edges = round_edges(values_N, int(np.clip(num_examples // LEAST, 2, MAX_BINS)))
    parts = [values_N[members] for members in Strata(("",) * (len(edges) - 1), (), tuple(edges)).members(values)]
    starts = [edge for edge, part in zip(edges, parts, strict=False) if len(part)]
    ends = [*starts[1:], edges[-1]]
    labels = tuple(f"{start:g} to {end:g}" for start, end in zip(starts, ends, strict=True))
    return Strata(labels, tuple(float(np.median(part)) for part in parts if len(part)), (*starts, edges[-1]))


def of_kinds(values: Sequence[str]) -> Strata:
    """Each kind by name; of very many the most frequent ones, and the others together.

    >>> of_kinds(["bug", "straight", "bug"]).labels
    ('bug', 'straight')
    """
    counts = Counter(values)
    kept = sorted(counts)
    others: list[str] = []
    if len(counts) > MAX_KINDS:
        frequent = sorted(counts, key=lambda value: (-counts[value], value))
        kept, others = sorted(frequent[: MAX_KINDS - 1]), frequent[MAX_KINDS - 1 :]
    labels = (*kept, *([f"{len(others)} others"] if others else []))
    kinds: dict[Value, int] = {value: n for n, value in enumerate(kept)}
    kinds.update(dict.fromkeys(others, len(kept)))
    return Strata(labels, tuple(map(float, range(len(labels)))), kinds=kinds)


def round_edges(values_N: Array, num_bins: int) -> list[float]:
    """Ends of about equally full parts, at multiples of 1, 2 or 5 times a power of ten.

    >>> round_edges(np.arange(0, 101), 4)
    [0.0, 20.0, 50.0, 80.0, 100.0]
    """
    quantiles = np.unique(np.quantile(values_N, np.linspace(0, 1, num_bins + 1)))
    assert len(quantiles) > 1, "a quantity that does not vary has no parts"
    gap = float(np.median(np.diff(quantiles))) / 2
    power = 10.0 ** math.floor(math.log10(gap))
    step = max(size * power for size in (1, 2, 5) if size * power <= gap * (1 + 1e-9))
    inner = np.round(quantiles[1:-1] / step)
    ends = math.floor(quantiles[0] / step + 1e-9), math.ceil(quantiles[-1] / step - 1e-9)
    edges = np.unique([ends[0], *inner, ends[1]]) * step
    return [float(f"{edge:.12g}") for edge in edges]


def cell(above_N: Array, below_N: Array, groups: Sequence[str | None]) -> Cell | None:
    """The figure of one part, sum over sum, with its interval over groups where there are enough of them."""
    if not len(below_N) or below_N.sum() <= 0:
        return None
    by_group = resampling_unit(groups) == "group"
    interval = None
    if len(below_N) > 1:
        interval = ratio_interval(above_N, below_N, groups if by_group else None, num_resamples=NUM_RESAMPLES)
    return Cell(float(above_N.sum() / below_N.sum()), interval, len(below_N))
