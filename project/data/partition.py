"""Dividing examples into parts: by group, by time, or at random, balanced by length; pure functions of ids and groups.

A part is a number: 0 for the first fraction, 1 for the second. What must stay together is a *piece*; a piece is never
divided. It does not know manifests: it sees names, lengths and times.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from project.contract import InputError

Numbers = NDArray[np.int64]
LEFT_OUT = -1  # part of an example that lies in an embargo
_ORDERS = 200  # random orders tried for the one whose parts come closest to their fractions
_CLOSE = 0.01  # of the whole: no further order is tried, or few groups would give every seed the same best parts


def divide(pieces: Sequence[int] | Numbers, lengths: Any, fractions: Sequence[float], seed: int) -> Numbers:
    """The part of each example: pieces are put in a random order, which is cut where the fractions want it.

    Of many orders the one that comes closest is taken, so that a few big pieces do not spoil the balance.

    >>> divide([0, 0, 1, 1, 2, 2], [1, 1, 1, 1, 1, 1], [2 / 3, 1 / 3], seed=1).tolist()
    [0, 0, 0, 0, 1, 1]
    """
    fractions = checked_fractions(fractions)
    pieces = np.asarray(pieces, dtype=np.int64)
    sizes = np.bincount(pieces, weights=np.asarray(lengths, dtype=np.float64))
    if len(sizes) < len(fractions):
        raise InputError(
            f"{len(sizes)} indivisible pieces cannot fill {len(fractions)} parts: ask for fewer, or give more data"
        )
    generator = np.random.default_rng(seed)
    best, best_miss = np.zeros(len(sizes), dtype=np.int64), np.inf
    for _ in range(_ORDERS):
        order = generator.permutation(len(sizes))
        parts = _cut(sizes[order], fractions)
        got = np.bincount(parts, weights=sizes[order], minlength=len(fractions)) / sizes.sum()
        miss = float(np.abs(got - fractions).max())
        if miss < best_miss:
            best_miss = miss
            best[order] = parts
        if best_miss <= _CLOSE:
            break
    return best[pieces]


def divide_in_time(times: Any, lengths: Any, fractions: Sequence[float], embargo: float = 0.0) -> Numbers:
    """The part of each example: the first fraction is the oldest; equal times stay together.

    Examples less than `embargo` (in the unit of `times`) after a part's last one are LEFT_OUT, so that windows which
    overlap a border are on neither side of it.

    >>> divide_in_time([3, 1, 2, 4], [1, 1, 1, 1], [0.5, 0.5]).tolist()
    [1, 0, 0, 1]
    >>> divide_in_time([3, 1, 2, 4], [1, 1, 1, 1], [0.5, 0.5], embargo=1.5).tolist()
    [-1, 0, 0, 1]
    """
    fractions = checked_fractions(fractions)
    moments, pieces = np.unique(np.asarray(times, dtype=np.float64), return_inverse=True)
    if len(moments) < len(fractions):
        raise InputError(f"{len(moments)} different times cannot fill {len(fractions)} parts: ask for fewer parts")
    sizes = np.bincount(pieces, weights=np.asarray(lengths, dtype=np.float64))
    parts = _cut(sizes, fractions)
    for border in np.flatnonzero(np.diff(parts)):
        parts[(np.arange(len(parts)) > border) & (moments < moments[border] + embargo)] = LEFT_OUT
    empty = set(range(len(fractions))) - set(parts.tolist())
    if empty:
        raise InputError(f"embargo={embargo:g} leaves nothing of part {min(empty) + 1}: make it shorter")
    return parts[pieces]


def _cut(sizes: NDArray[Any], fractions: Sequence[float]) -> Numbers:
    """The part of each size when their row is cut as near as can be to the fractions, with something in each part.

    >>> _cut(np.array([1.0, 1.0, 1.0, 1.0]), [0.6, 0.2, 0.2]).tolist()
    [0, 0, 1, 2]
    """
    ends = np.concatenate([[0.0], np.cumsum(sizes)])
    wanted = np.cumsum(fractions)[:-1] * ends[-1]
    after = np.searchsorted(ends, wanted)
    cuts = np.where(wanted - ends[after - 1] <= ends[after] - wanted, after - 1, after)
    for number in range(len(cuts)):  # a cut moves if it would leave a part empty, before it or after it
        cuts[number] = max(cuts[number], cuts[number - 1] + 1 if number else 1)
        cuts[number] = min(cuts[number], len(sizes) - (len(cuts) - number))
    return np.searchsorted(cuts, np.arange(len(sizes)), side="right")


def checked_fractions(fractions: Sequence[float]) -> Sequence[float]:
    """The fractions themselves, if they are parts of one whole."""
    if len(fractions) < 2 or min(fractions) <= 0 or abs(sum(fractions) - 1) > 1e-6:
        raise InputError(f"fractions {list(fractions)} are no parts of 1: give two or more above 0 that add up to 1")
    return fractions


def pieces_of(*names: Sequence[Hashable | None]) -> Numbers:
    """What must stay together: examples that share a name of any kind, straight or through others.

    None is no name: it ties nothing.

    >>> groups, texts = ["anna", "anna", "bert", None, "carl"], ["hi", "ho", "ho", "hm", None]
    >>> pieces_of(groups).tolist(), pieces_of(groups, texts).tolist()
    ([0, 0, 1, 2, 3], [0, 0, 0, 1, 2])
    """
    parents = list(range(len(names[0])))

    def root(number: int) -> int:
        while parents[number] != number:
            parents[number] = parents[parents[number]]
            number = parents[number]
        return number

    for kind in names:
        first: dict[Hashable, int] = {}
        for number, name in enumerate(kind):
            if name is not None:
                parents[root(number)] = root(first.setdefault(name, number))
    numbers: dict[int, int] = {}
    return np.array([numbers.setdefault(root(number), len(numbers)) for number in range(len(parents))], dtype=np.int64)


def divided(names: Sequence[Hashable | None], parts: Numbers) -> list[Hashable]:
    """Names that stand in more than one part, in order of appearance; what is left out divides nothing.

    >>> divided(["anna", "bert", "anna", None], np.array([0, 0, 1, 1]))
    ['anna']
    """
    seen: dict[Hashable, set[int]] = {}
    for name, part in zip(names, parts.tolist(), strict=True):
        if name is not None and part != LEFT_OUT:
            seen.setdefault(name, set()).add(part)
    return [name for name, where in seen.items() if len(where) > 1]
