"""Where one run is better than another: by symbol, by word, by length, by group, and which confusions come and go.

Both runs' errors are set against each other example by example, and each part has an interval of its own, over groups
where there are enough of them. A part that shows no difference is a tie, one with too little data says so. Of many
parts that are alike, about one in twenty would be told apart by chance. It does not know why a part is harder.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from project.contract import InputError
from project.evaluation.breakdown import reference_lengths
from project.evaluation.comparison import Delta
from project.evaluation.confusion import Pair, visible
from project.evaluation.example import cost, symbols_of
from project.evaluation.interval import Array, difference_interval, resampling_unit
from project.evaluation.result import Report, Row
from project.evaluation.significance import exchange_test
from project.evaluation.strata import of_quantity
from project.evaluation.words import Word
from project.metric.edit import align

LEAST_SYMBOLS = 20  # of a part, for a verdict
LEAST_UNITS = 4  # examples or groups that have it
LEAST_PAIRS = 5  # confusions of a kind in both runs together, to be looked at
NUM_RESAMPLES = 2_000  # of a part; the figures of the whole have five times as many

Names: TypeAlias = tuple[str, str]
Groups: TypeAlias = Sequence[str | None]


@dataclass(frozen=True, slots=True)
class Gap:
    """One part of the examples, or of their symbols: both runs' error rates there, and their difference."""

    label: str
    symbols: int
    examples: int
    rates: tuple[float, float]
    delta: Delta  # the first's rate less the second's; without an interval where there is too little data

    @property
    def winner(self) -> int | None:
        """Which of the two is better here; None for a tie, and where there is too little data."""
        return {"better": 0, "worse": 1}.get(self.delta.verdict)

    @property
    def errors(self) -> float:
        """How many errors fewer the first has."""
        return -self.delta.value * self.symbols


@dataclass(frozen=True, slots=True)
class Aligned:
    """What became of one example in one run: of each symbol wanted, and what was put in."""

    wanted: tuple[str, ...]
    wrong: tuple[bool, ...]  # of each: replaced or left out
    pairs: Mapping[Pair, int]  # errors by what was wanted and what was recognized


@dataclass(frozen=True, slots=True)
class Sides:
    """Both runs' examples, in one order."""

    names: Names
    rows: tuple[tuple[Row, ...], tuple[Row, ...]]
    heard: tuple[tuple[Aligned, ...], tuple[Aligned, ...]]
    groups: tuple[str | None, ...]
    lengths: tuple[float, ...]
    errors: tuple[Array, Array]  # of each example, as the primary figure counts
    below: Array


def sides(first: Report, second: Report, names: Names) -> Sides:
    """Both runs' examples, each aligned with what was recognized."""
    by_id = {row.id: row for row in second.rows}
    if by_id.keys() != {row.id for row in first.rows}:
        raise InputError(f"{names[0]} and {names[1]} were evaluated on other examples: evaluate both on one manifest")
    others = tuple(by_id[row.id] for row in first.rows)
    split, measure = symbols_of(first), first.measures.get(first.primary)
    if split is None or measure is None or f"{first.primary}_substitutions" not in first.rows[0].columns:
        raise InputError(
            f"{first.primary} counts no errors of symbols: evaluate with an error rate, such as metric=per"
        )
    rows = (first.rows, others)
    return Sides(
        names,
        rows,
        (tuple(heard(row, split) for row in rows[0]), tuple(heard(row, split) for row in rows[1])),
        tuple(row.group for row in first.rows),
        tuple(reference_lengths(first)),
        (np.array([cost(first, row) for row in rows[0]]), np.array([cost(second, row) for row in rows[1]])),
        np.array(measure.counts(first.rows)[1]),
    )


def heard(row: Row, split: Callable[[str], Sequence[str]]) -> Aligned:
    """One example of one run, symbol by symbol."""
    wanted, wrong, pairs = list[str](), list[bool](), Counter[Pair]()
    for kind, left, right in align(reference=split(row.reference), hypothesis=split(row.hypothesis)):
        if left is not None:
            wanted.append(str(left))
            wrong.append(kind != "equal")
        if kind != "equal":
            pairs[None if left is None else str(left), None if right is None else str(right)] += 1
    return Aligned(tuple(wanted), tuple(wrong), pairs)


def whole(found: Sides) -> Gap:
    """All examples together."""
    return _gap("all", found.errors, found.below, found.groups)


def by_symbol(found: Sides) -> list[Gap]:
    """Of each symbol, how often it is replaced or left out; and what is put in, for each symbol wanted."""
    symbols = sorted({symbol for one in found.heard[0] for symbol in one.wanted})
    place = {symbol: n for n, symbol in enumerate(symbols)}
    counts = [_counts(side, place) for side in found.heard]
    gaps = [
        _gap(symbol, (counts[0][0][n], counts[1][0][n]), counts[0][1][n], found.groups)
        for n, symbol in enumerate(symbols)
    ]
    put_in = [
        np.array([sum(count for (left, _), count in one.pairs.items() if left is None) for one in side])
        for side in found.heard
    ]
    return [*gaps, _gap("put in", (put_in[0], put_in[1]), counts[0][1].sum(axis=0), found.groups)]


def by_pair(found: Sides) -> list[Gap]:
    """Of each confusion, how often it comes for each time that its symbol is wanted; the largest changes first."""
    totals = Counter[Pair]()
    for side in found.heard:
        for one in side:
            totals.update(one.pairs)
    wanted = {left: np.array([one.wanted.count(left) for one in found.heard[0]]) for left, _ in totals if left}
    sizes = np.array([len(one.wanted) for one in found.heard[0]])
    gaps = []
    for pair, total in totals.items():
        if total >= LEAST_PAIRS:
            mine, theirs = (np.array([one.pairs.get(pair, 0) for one in side]) for side in found.heard)
            label = f"{visible(pair[0])} → {visible(pair[1])}"
            gaps.append(_gap(label, (mine, theirs), wanted[pair[0]] if pair[0] else sizes, found.groups))
    return sorted(gaps, key=lambda gap: (-abs(gap.errors), gap.label))


def by_word(found: Sides, words: Mapping[str, Sequence[Word]]) -> list[Gap]:
    """Of each word, how many of its symbols are replaced or left out; the largest changes first."""
    texts = {word.text for its in words.values() for word in its if word.text}
    cells: dict[str, list[list[float]]] = {text: [[], [], []] for text in texts}
    rows: dict[str, list[int]] = {text: [] for text in texts}
    for n, row in enumerate(found.rows[0]):
        for word in words.get(row.id, ()):
            if not word.text or word.end <= word.start:
                continue
            wrong = [sum(side[n].wrong[word.start : word.end]) for side in found.heard]
            for column, value in zip(cells[word.text], (*wrong, word.end - word.start), strict=True):
                column.append(value)
            rows[word.text].append(n)
    gaps = []
    for text, columns in cells.items():
        mine, theirs, below = (np.array(column, np.float64) for column in columns)
        if len(below):
            gaps.append(_gap(text, (mine, theirs), below, [found.groups[n] for n in rows[text]]))
    return sorted(gaps, key=lambda gap: (-abs(gap.errors), gap.label))


def by_length(found: Sides) -> list[Gap]:
    """All errors, of short to long references."""
    if len(set(found.lengths)) < 2:
        return []
    strata = of_quantity(found.lengths)
    return [
        _part(found, label, members)
        for label, members in zip(strata.labels, strata.members(found.lengths), strict=True)
    ]


def by_group(found: Sides) -> list[Gap]:
    """All errors of each group, intervals over its examples; the largest changes first."""
    names = sorted({group for group in found.groups if group is not None})
    members = {name: np.flatnonzero([group == name for group in found.groups]) for name in names}
    gaps = [_part(found, name, its, alone=True) for name, its in members.items()] if len(names) > 1 else []
    return sorted(gaps, key=lambda gap: (-abs(gap.errors), gap.label))


def furthest(found: Sides, limit: int) -> tuple[list[int], list[int]]:
    """The examples in which the first has fewest errors beside the second, and the other way round."""
    gaps = found.errors[0] - found.errors[1]
    order = sorted(range(len(gaps)), key=lambda n: (-abs(gaps[n]), found.below[n], n))
    return [n for n in order if gaps[n] < 0][:limit], [n for n in order if gaps[n] > 0][:limit]


def _part(found: Sides, label: str, chosen: NDArray[np.intp], alone: bool = False) -> Gap:
    groups = [None if alone else found.groups[n] for n in chosen]
    return _gap(label, (found.errors[0][chosen], found.errors[1][chosen]), found.below[chosen], groups)


def _counts(side: Sequence[Aligned], place: Mapping[str, int]) -> tuple[Array, Array]:
    """(symbols, examples) how often each is wrong, and how often it is wanted."""
    wrong_SN, wanted_SN = np.zeros((len(place), len(side))), np.zeros((len(place), len(side)))
    for n, one in enumerate(side):
        places = [place[symbol] for symbol in one.wanted]
        np.add.at(wanted_SN[:, n], places, 1)
        np.add.at(wrong_SN[:, n], places, one.wrong)
    return wrong_SN, wanted_SN


def _gap(label: str, above: tuple[Array, Array], below: Array, groups: Groups) -> Gap:
    """A part's rates and their difference, paired over the examples that have the part."""
    kept = np.flatnonzero(below > 0)
    mine, theirs, sizes = above[0][kept], above[1][kept], below[kept]
    having = [groups[n] for n in kept.tolist()]
    total = float(sizes.sum())
    rates = (float(mine.sum()) / total, float(theirs.sum()) / total) if total else (0.0, 0.0)
    delta = Delta(rates[0] - rates[1], None, "lower")
    by_groups = resampling_unit(having) == "group"
    units = len(set(having)) if by_groups else len(kept)
    if total >= LEAST_SYMBOLS and units >= LEAST_UNITS:
        pair, drawn = ((mine, sizes), (theirs, sizes)), having if by_groups else None
        interval = difference_interval(*pair, drawn, num_resamples=NUM_RESAMPLES)
        delta = Delta(delta.value, interval, "lower", exchange_test(*pair, drawn))
    return Gap(label, round(total), len(kept), rates, delta)
