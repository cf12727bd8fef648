"""How spans that were said lie on those that are wanted: overlaps, and who is matched with whom.

A match is one to one, whatever the kinds. Shapes: S spans said, W spans wanted.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment

from project.metric.association import Array
from project.metric.span_reading import Flags


def overlaps(said: Sequence[tuple[int, int]], wanted: Sequence[tuple[int, int]]) -> Array:
    """(S, W) temporal intersection over union of spans [start, end).

    >>> overlaps([(0, 4), (6, 8)], [(2, 6)]).round(3).tolist()
    [[0.333], [0.0]]
    """
    shares = [[_overlap(one, other) for other in wanted] for one in said]  # mostly of one and one: no work for numpy
    return np.array(shares, dtype=np.float64).reshape(len(said), len(wanted))


def _overlap(one: tuple[int, int], other: tuple[int, int]) -> float:
    common = max(0, min(one[1], other[1]) - max(one[0], other[0]))
    return common / (one[1] - one[0] + other[1] - other[0] - common)


def count_matches(overlaps_SW: Array, least: float) -> int:
    """The most pairs there can be that overlap by at least so much, each span being in one pair at most.

    Taking the best overlap first would find fewer at times: here the first span, of which it leaves nothing to others.

    >>> count_matches(np.array([[0.6, 0.5], [0.4, 0.0]]), 0.4)
    2
    """
    fits_SW = overlaps_SW >= least
    if min(fits_SW.shape) < 2:
        return int(fits_SW.any())
    rows, columns = linear_sum_assignment(fits_SW, maximize=True)
    return int(fits_SW[rows, columns].sum())


def hits_in_turn(overlaps_SW: Array, least: float) -> Flags:
    """(S,) which spans hit if each in turn takes the best of what those before it have left, as detection is scored.

    >>> hits_in_turn(np.array([[0.6, 0.5], [0.4, 0.0]]), 0.4).tolist()
    [True, False]
    """
    free_SW = overlaps_SW.copy()
    hits_S = np.zeros(len(free_SW), dtype=np.bool_)
    for place in range(len(free_SW) if free_SW.shape[1] else 0):
        best = int(free_SW[place].argmax())
        if free_SW[place, best] >= least:
            hits_S[place] = True
            free_SW[:, best] = -1
    return hits_S
