"""What is learned from phones that people judged: below which goodness one counts as mispronounced, and which score.

It is chosen on what it is given, so figures on the same phones flatter: choose on dev, score on test. Sums are exact,
and so the same in whatever order the phones come.
"""

from __future__ import annotations

import math

import numpy as np

from project.metric.association import CONSTANT, Array


def best_cut(goodness_N: Array, wanted_N: Array) -> float | None:
    """The goodness below which phones are to be called mispronounced, for the best F1 of those that are wanted (> 0).

    It lies halfway between two phones, of equally good ones the middle one, or above all. None where none is wanted.

    >>> best_cut(np.array([-5.0, -3.0, -2.0, -1.0]), np.array([1, 1, 0, 0]))
    -2.5
    """
    values_K, places_N = np.unique(goodness_N, return_inverse=True)
    hits_K = np.bincount(places_N, wanted_N > 0, minlength=len(values_K)).cumsum()
    if not len(values_K) or not hits_K[-1]:
        return None
    said_K = np.bincount(places_N, minlength=len(values_K)).cumsum()
    f1_K = 2 * hits_K / (said_K + hits_K[-1])
    (best,) = np.nonzero(f1_K == f1_K.max())
    place = int(best[len(best) // 2])
    above = values_K[place + 1] if place + 1 < len(values_K) else values_K[place] + 1
    return float((values_K[place] + above) / 2)


def best_line(goodness_N: Array, scores_N: Array) -> tuple[float, float] | None:
    """Intercept and slope of the scores on the goodness, by least squares; None of nothing. All alike: slope 0.

    >>> best_line(np.array([-2.0, -1.0, 0.0]), np.array([0.0, 1.0, 2.0]))
    (2.0, 1.0)
    """
    if not len(goodness_N):
        return None
    middle, mean = math.fsum(goodness_N) / len(goodness_N), math.fsum(scores_N) / len(scores_N)
    away_N = goodness_N - middle
    spread = math.fsum(away_N**2)
    is_constant = spread <= CONSTANT * math.fsum(goodness_N**2)
    slope = 0.0 if is_constant else math.fsum(away_N * (scores_N - mean)) / spread
    return mean - slope * middle, slope
