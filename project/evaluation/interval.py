"""How sure a figure is: bootstrap intervals of error rates, of their differences, and of any other summary.

A resample draws as many units as there are, with replacement, and reckons the figure again; the interval holds the
middle of 10,000 such figures. A unit is an example, or a group (speaker, station) where examples of one group are
alike: then intervals over examples are too narrow and call noise a difference.

Percentiles are widened for few units (Hesterberg 2015, "What teachers should know about the bootstrap", section 5):
without it, intervals over ten speakers hold the truth 90 % of the time instead of 95 %. Units of unequal size count as
fewer (Kish's effective number): without that, intervals over twelve unequal speakers miss it 7 % of the time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, stdtrit

from project.contract import InputError
from project.metric.association import divide

Array: TypeAlias = NDArray[np.float64]
Interval: TypeAlias = tuple[float, float]
Groups: TypeAlias = Sequence[str | None]
Summary: TypeAlias = Callable[[Mapping[str, Sequence[float]]], Mapping[str, float]]

COUNTS_AT_ONCE = 300_000  # of units in resamples, where figures are reckoned from counts
CELLS_KEPT = 6_000_000  # of a table of counts, 48 MB, kept for the next interval over as many units
DRAWS_AT_ONCE = 100_000  # indices drawn before they are summed: more falls out of the processor's cache
DISTINCT_SHARE = 1 / 32  # below this share of distinct rows, drawing counts is faster than drawing indices
MIN_GROUPS = 8  # with fewer, an interval over groups says little


def ratio_interval(
    above: ArrayLike,
    below: ArrayLike,
    groups: Groups | None = None,
    *,
    num_resamples: int = 10_000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Where sum(above) / sum(below) may lie: an error rate from errors and lengths, a mean from values and ones.

    Where every example is right (or every one wrong) resampling shows no spread at all; the end towards the middle then
    comes from the exact binomial bound for examples: none of 300 wrong still leaves 1.2 % of them possible, and nobody
    knows how wrong these would be, so they count as wrong in all.

    >>> ratio_interval([0, 1, 0, 2] * 25, [10] * 100)
    (0.059, 0.092)
    >>> low, high = ratio_interval([0] * 300, [10] * 300)
    >>> low, round(high, 4)
    (0.0, 0.0122)
    """
    examples_NC = np.stack([_column(above), _column(below)], axis=1)
    rows_NC = unit_sums(examples_NC, groups)
    errors, lengths = rows_NC.T
    if lengths.sum() <= 0:
        raise InputError("interval: nothing to divide by, all lengths are 0: check that the manifest has references")
    if not errors.any():
        return 0.0, _unseen(len(examples_NC), confidence)
    if np.array_equal(errors, lengths):
        return 1.0 - _unseen(len(examples_NC), confidence), 1.0
    sums_RC = resampled_sums(rows_NC, num_resamples, seed)
    return percentiles(divide(sums_RC[:, 0], sums_RC[:, 1]), effective_units(lengths), confidence)


def difference_interval(
    mine: tuple[ArrayLike, ArrayLike],
    theirs: tuple[ArrayLike, ArrayLike],
    groups: Groups | None = None,
    *,
    target: float | None = None,
    num_resamples: int = 10_000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Where the difference of two such ratios may lie, mine minus theirs, both (above, below) over the same examples in
    the same order: each resample draws an example for both, so what makes it hard for both cancels.

    With `target` it is the difference of their distances from there: from 1 for a length ratio.

    >>> difference_interval(([0, 1, 1, 1] * 25, [10] * 100), ([1, 1, 1, 2] * 25, [10] * 100))
    (-0.06, -0.04)
    """
    rows_NC = paired_rows(mine, theirs)
    if target is None and np.array_equal(rows_NC[:, 1], rows_NC[:, 3]):
        rows_NC = np.stack([rows_NC[:, 0] - rows_NC[:, 2], rows_NC[:, 1]], axis=1)  # one ratio, fewer distinct rows
    rows_NC = unit_sums(rows_NC, groups)
    sums_RC, num_units = resampled_sums(rows_NC, num_resamples, seed), effective_units(rows_NC[:, 1])
    figures_R = divide(sums_RC[:, 0], sums_RC[:, 1])
    if rows_NC.shape[1] > 2:
        others_R = divide(sums_RC[:, 2], sums_RC[:, 3])
        figures_R = figures_R - others_R if target is None else np.abs(figures_R - target) - np.abs(others_R - target)
    return percentiles(figures_R, num_units, confidence)


def weighed_intervals(
    figures: Mapping[str, Callable[[Array], Array]],
    num_examples: int,
    groups: Groups | None = None,
    *,
    num_resamples: int = 10_000,
    confidence: float = 0.95,
    seed: int = 0,
) -> dict[str, Interval]:
    """The same for figures that are no ratio of sums but can be reckoned for many resamples at once, as correlations.

    Each of them gets counts (N, R), how often each example comes in each resample, and gives (R,) figures.
    """
    members = _members(groups, num_examples)
    units_N = np.empty(num_examples, dtype=np.intp)
    for unit, member in enumerate(members):
        units_N[member] = unit
    found: dict[str, list[Array]] = {name: [] for name in figures}
    for counts_UR in drawn_counts(len(members), num_resamples, seed):
        counts_NR = counts_UR if groups is None else counts_UR[units_N]
        for name, figure in figures.items():
            found[name].append(figure(counts_NR))
    return {name: percentiles(np.concatenate(parts), len(members), confidence) for name, parts in found.items()}


def summary_intervals(
    summarize: Summary,
    columns: Mapping[str, Sequence[float]],
    groups: Groups | None = None,
    *,
    num_resamples: int = 1_000,
    confidence: float = 0.95,
    seed: int = 0,
) -> dict[str, Interval]:
    """The same for figures that are neither: any `summarize` of columns.

    It calls `summarize` once a resample, so it takes seconds where the ratios take fractions of one.
    """
    arrays = {name: _column(column) for name, column in columns.items()}
    num_examples = len(next(iter(arrays.values())))
    members = _members(groups, num_examples)
    rng = np.random.default_rng(seed)
    figures: dict[str, list[float]] = {}
    for _ in range(num_resamples):
        chosen = np.concatenate([members[unit] for unit in rng.integers(0, len(members), len(members))])
        for name, figure in summarize({name: array[chosen].tolist() for name, array in arrays.items()}).items():
            figures.setdefault(name, []).append(figure)
    return {name: percentiles(np.asarray(values), len(members), confidence) for name, values in figures.items()}


def resampling_unit(groups: Groups, min_groups: int = MIN_GROUPS) -> str:
    """ "group" where every example has one and there are enough of them, otherwise "example".

    >>> resampling_unit(["anna", "ben"] * 4), resampling_unit([f"speaker {i // 2}" for i in range(40)])
    ('example', 'group')
    """
    distinct = set(groups)
    return "group" if None not in distinct and min_groups <= len(distinct) < len(groups) else "example"


def paired_rows(mine: tuple[ArrayLike, ArrayLike], theirs: tuple[ArrayLike, ArrayLike]) -> Array:
    """(N, 4): above and below of one run, then of the other, example by example."""
    return np.stack([_column(column) for column in (*mine, *theirs)], axis=1)


def unit_sums(rows_NC: Array, groups: Groups | None) -> Array:
    """One row a unit: the rows themselves, or their sums by group."""
    if groups is None:
        return rows_NC
    members = _members(groups, len(rows_NC))
    return np.stack([rows_NC[member].sum(axis=0) for member in members])


def resampled_sums(rows_NC: Array, num_resamples: int, seed: int) -> Array:
    """(num_resamples, C) column sums of as many draws of all rows, with replacement.

    Equal rows are alike, so where there are few distinct ones it draws how often each comes (a multinomial) instead of
    which row comes: the same distribution for a fraction of the work.
    """
    num_rows = len(rows_NC)
    rng = np.random.default_rng(seed)
    distinct_KC, counts_K = np.unique(rows_NC, axis=0, return_counts=True)
    if len(distinct_KC) <= max(2, num_rows * DISTINCT_SHARE):
        shares_K = counts_K / num_rows
        return np.concatenate(
            [
                rng.multinomial(num_rows, shares_K, size=size) @ distinct_KC
                for size in _chunks(num_resamples, DRAWS_AT_ONCE // len(shares_K))
            ]
        )
    columns_CN = np.ascontiguousarray(rows_NC.T)
    if num_rows * num_resamples <= CELLS_KEPT:
        return np.ascontiguousarray((columns_CN @ _kept_counts(num_rows, num_resamples, seed)).T)
    sums_RC = np.empty((num_resamples, len(columns_CN)))
    done = 0
    for size in _chunks(num_resamples, DRAWS_AT_ONCE // num_rows):
        drawn_RN = rng.integers(0, num_rows, size=(size, num_rows))
        for c, column_N in enumerate(columns_CN):
            sums_RC[done : done + size, c] = column_N.take(drawn_RN).sum(axis=1)
        done += size
    return sums_RC


def drawn_counts(num_units: int, num_resamples: int, seed: int) -> Iterator[Array]:
    """How often each unit comes in each of the resamples, (num_units, R), some resamples at a time."""
    rng = np.random.default_rng(seed)
    for size in _chunks(num_resamples, COUNTS_AT_ONCE // num_units):
        cells_RN = rng.integers(0, num_units, size=(size, num_units)) * size + np.arange(size)[:, None]
        counts = np.bincount(cells_RN.ravel(), minlength=num_units * size)
        yield counts.reshape(num_units, size).astype(np.float64)


@lru_cache(maxsize=1)
def _kept_counts(num_units: int, num_resamples: int, seed: int) -> Array:
    """All of them in one piece: many runs on one manifest are resampled in the same way."""
    return np.concatenate(list(drawn_counts(num_units, num_resamples, seed)), axis=1)


def effective_units(lengths_N: Array) -> float:
    """As how many units of equal length these are as good: fewer than there are if some are much longer.

    >>> effective_units(np.array([10.0, 10, 10])), round(effective_units(np.array([100.0, 1, 1])), 2)
    (3.0, 1.04)
    """
    return float(lengths_N.sum() ** 2 / np.square(lengths_N).sum()) if lengths_N.any() else 0.0


def percentiles(figures_R: Array, num_units: float, confidence: float) -> Interval:
    """The middle share of resampled figures, widened as a t-quantile widens a normal one with so few units."""
    tail = float(_tail(num_units, confidence))
    low, high = np.nanquantile(figures_R, [tail, 1 - tail])
    return float(low), float(high)


def _tail(num_units: float, confidence: float) -> float:
    if num_units < 2:
        return 0.0
    width = -float(stdtrit(num_units - 1, (1 - confidence) / 2))
    return float(ndtr(-math.sqrt(num_units / (num_units - 1)) * width))


def _unseen(num_examples: int, confidence: float) -> float:
    """What part a kind never seen may still be: the exact (Clopper-Pearson) bound."""
    return float(1 - ((1 - confidence) / 2) ** (1 / num_examples))


def _column(values: ArrayLike) -> Array:
    column = np.asarray(values, dtype=np.float64)
    if column.ndim != 1 or not len(column):
        raise InputError("interval: a column of numbers with at least one example is needed")
    if not np.isfinite(column).all():
        raise InputError("interval: a column holds NaN or infinity: a metric that cannot be computed is no figure")
    return column


def _members(groups: Groups | None, num_examples: int) -> list[NDArray[np.intp]]:
    if groups is None:
        return list(np.arange(num_examples)[:, None])
    if len(groups) != num_examples:
        raise InputError(f"interval: {len(groups)} groups for {num_examples} examples: one for each is needed")
    _, inverse_N = np.unique(np.asarray([str(group) for group in groups]), return_inverse=True)
    order_N = np.argsort(inverse_N, kind="stable")
    return np.split(order_N, np.cumsum(np.bincount(inverse_N))[:-1])


def _chunks(total: int, size: int) -> list[int]:
    size = max(1, min(size, total))
    return [min(size, total - start) for start in range(0, total, size)]
