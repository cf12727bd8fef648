"""How well scores go with what is true: correlations, the area under the ROC curve, and F1, of many resamples at once.

Each takes columns of N examples and gives a function of counts (N, R), how often each example comes in each of R
resamples; its result is (R,) figures, and of ones the figure itself. Where there is nothing to tell apart (one value
only, one class only) a figure is NaN. A metric that has such figures offers them as `weigh(columns)`, by name, and its
intervals are made without a loop over resamples.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]
Weighed: TypeAlias = Callable[[Array], Array]

CONSTANT = 1e-12  # share of the whole column's variance: a resample with less has one value only


def pearson(first_N: Array, second_N: Array) -> Weighed:
    """The linear correlation of two columns.

    >>> pearson(np.array([1.0, 2, 3]), np.array([2.0, 4, 6]))(np.ones((3, 1))).tolist()
    [1.0]
    """
    first_N, second_N = first_N - first_N.mean(), second_N - second_N.mean()  # keeps the sums of squares small
    columns_CN = np.stack([first_N, second_N, first_N**2, second_N**2, first_N * second_N])
    least_x, least_y = CONSTANT * columns_CN[2:4].mean(axis=1)

    def figures(counts_NR: Array) -> Array:
        x_R, y_R, xx_R, yy_R, xy_R = np.einsum("cn,nr->cr", columns_CN, counts_NR) / counts_NR.sum(axis=0)
        xx_R, yy_R = xx_R - x_R**2, yy_R - y_R**2
        spread_R = np.where((xx_R > least_x) & (yy_R > least_y), xx_R * yy_R, 0.0)
        return np.clip(divide(xy_R - x_R * y_R, np.sqrt(spread_R)), -1, 1)

    return figures


def spearman(first_N: Array, second_N: Array) -> Weighed:
    """The correlation of ranks, equal values sharing their mean rank.

    >>> spearman(np.array([1.0, 2, 3]), np.array([2.0, 4, 8]))(np.ones((3, 1))).tolist()
    [1.0]
    """
    order_N = np.argsort(first_N)  # with one of them in order, only the other's counts are moved about
    first_ranks, second_ranks = midranks(first_N[order_N]), midranks(second_N[order_N])

    def figures(counts_NR: Array) -> Array:
        counts_NR = counts_NR[order_N]
        middle_R = (counts_NR.sum(axis=0) + 1) / 2
        first_NR, second_NR = first_ranks(counts_NR) - middle_R, second_ranks(counts_NR) - middle_R
        weighed_NR = counts_NR * first_NR
        xy_R = np.einsum("nr,nr->r", weighed_NR, second_NR)
        xx_R = np.einsum("nr,nr->r", weighed_NR, first_NR)
        yy_R = np.einsum("nr,nr,nr->r", counts_NR, second_NR, second_NR)
        return np.clip(divide(xy_R, np.sqrt(xx_R * yy_R)), -1, 1)

    return figures


def auc(scores_N: Array, positives_N: Array) -> Weighed:
    """The chance that a positive example (more than 0) scores higher than a negative one, equal scores counting half.

    >>> auc(np.array([0.1, 0.4, 0.35, 0.8]), np.array([0.0, 0, 1, 1]))(np.ones((4, 1))).tolist()
    [0.75]
    """
    are_positive_N, ranks = positives_N > 0, midranks(scores_N)

    def figures(counts_NR: Array) -> Array:
        positive_NR = counts_NR[are_positive_N]
        positives_R = positive_NR.sum(axis=0)
        negatives_R = counts_NR.sum(axis=0) - positives_R
        ranks_R = np.einsum("nr,nr->r", positive_NR, ranks(counts_NR)[are_positive_N])
        return divide(ranks_R - positives_R * (positives_R + 1) / 2, positives_R * negatives_R)

    return figures


def midranks(column_N: Array) -> Weighed:
    """(N, R) rank of each example's value where each comes as often as counted, from 1; equal values share the mean.

    >>> midranks(np.array([3.0, 1.0, 3.0]))(np.array([[1.0, 0], [1, 2], [1, 1]])).tolist()
    [[2.5, 3.0], [1.0, 1.5], [2.5, 3.0]]
    """
    _, places_N, sizes_K = np.unique(column_N, return_inverse=True, return_counts=True)
    order_N, starts_K = np.argsort(places_N, kind="stable"), np.cumsum(sizes_K) - sizes_K
    is_ordered = bool((order_N[1:] > order_N[:-1]).all())
    are_distinct = len(sizes_K) == len(column_N)

    def ranks(counts_NR: Array) -> Array:
        blocks_KR = counts_NR if is_ordered else counts_NR[order_N]
        if not are_distinct:
            blocks_KR = np.add.reduceat(blocks_KR, starts_K, axis=0)
        ranks_KR: Array = np.cumsum(blocks_KR, axis=0)
        ranks_KR -= (blocks_KR - 1) / 2
        return ranks_KR if is_ordered and are_distinct else ranks_KR[places_N]

    return ranks


def divide(above_R: Array, below_R: Array) -> Array:
    """Ratios of many resamples, NaN where one has nothing to divide by.

    >>> divide(np.array([1.0, 0.0]), np.array([2.0, 0.0])).tolist()
    [0.5, nan]
    """
    return np.divide(above_R, below_R, out=np.full_like(above_R, np.nan), where=below_R > 0)
