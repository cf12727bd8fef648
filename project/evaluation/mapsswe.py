"""MAPSSWE, the test that is quoted beside word error rates, and in how many words two runs differ.

Matched pairs of sentence segments, word error (Gillick and Cox 1989; NIST's sctk): where both runs have two words or
more right in a row, what follows is taken to be independent of what came before. Such places cut the texts into
segments, and a normal distribution tells whether their mean difference in errors is chance.

It does not know groups. Where an effect varies by speaker, segments of one speaker are alike, and it calls far more
than 5 % of equal runs different: it is shown because others quote it, and decides nothing here.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from project.evaluation.example import symbols_of
from project.evaluation.result import Report
from project.metric.edit import error_places

RIGHT_BETWEEN = 2  # symbols that both runs have right, and that part two segments; NIST's number

Places = Sequence[tuple[int, int]]  # of errors in a reference, in order: [start, end)


@dataclass(frozen=True, slots=True)
class MatchedPairs:
    """Two runs' answers, compared segment by segment and symbol by symbol."""

    p_value: float | None  # of MAPSSWE; None where segments are too few or too alike to say
    num_segments: int  # in which at least one of the two erred
    discordance: float  # symbols that exactly one of the two has wrong or puts in, for each one of the references


def matched_pairs(mine: Report, theirs: Report) -> MatchedPairs | None:
    """How their primary figures differ along the texts, of Reports with the same examples.

    None if it counts no errors in symbols that the texts show, or other errors than these texts have (means over seeds
    have).
    """
    split, measure = symbols_of(theirs), theirs.measures[theirs.primary]
    if split is None or measure.better != "lower":
        return None
    rows = {row.id: row for row in mine.rows}
    pairs, num_symbols = [], 0
    for row in theirs.rows:
        reference, other = split(row.reference), rows[row.id]
        found = [error_places(reference=reference, hypothesis=split(one.hypothesis)) for one in (other, row)]
        if [float(len(places)) for places in found] != measure.counts([other, row])[0]:
            return None
        pairs.append((found[0], found[1]))
        num_symbols += len(reference)
    gaps = [gap for pair in pairs for gap in segment_gaps(*pair)]
    apart = sum(sum(abs(count) for count in _balance(*pair).values()) for pair in pairs)
    return MatchedPairs(mapsswe(gaps), len(gaps), apart / num_symbols)


def segment_gaps(mine: Places, theirs: Places) -> Iterator[int]:
    """Of each segment of one text the errors of one run less those of the other.

    >>> list(segment_gaps([(0, 1), (1, 2), (9, 9)], [(2, 3)])), list(segment_gaps([(0, 1)], [(3, 4)]))
    ([1, 1], [1, -1])
    """
    gap, end = 0, None
    for start, stop, sign in sorted([*((*place, 1) for place in mine), *((*place, -1) for place in theirs)]):
        if end is not None and start - end >= RIGHT_BETWEEN:
            yield gap
            gap = 0
        gap, end = gap + sign, max(stop, end or 0)
    if end is not None:
        yield gap


def mapsswe(gaps: Sequence[int]) -> float | None:
    """The two-sided p-value of the mean of segments' differences; None without two segments that differ.

    >>> round(mapsswe([1, 0, -1, 2, 1, 1]), 3), mapsswe([1, 1])
    (0.114, None)
    """
    if len(set(gaps)) < 2:
        return 1.0 if len(gaps) > 1 and not any(gaps) else None
    score = float(np.mean(gaps) / (np.std(gaps, ddof=1) / math.sqrt(len(gaps))))
    return float(2 * ndtr(-abs(score)))


def _balance(mine: Places, theirs: Places) -> Counter[tuple[int, int]]:
    """At each place the errors of one less those of the other."""
    found = Counter(mine)
    found.subtract(Counter(theirs))
    return found
