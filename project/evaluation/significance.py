"""Could a difference be chance? A matched-pair test: if two runs are alike, either could have made the other's answers.

The two runs' counts are exchanged unit by unit (a unit is an example, or a group whose examples are alike) in all
possible ways; the p-value is the share of ways in which the difference is larger than the one seen, ways in which it is
as large counting half (the mid-p value: counted whole, tests of few differing words call only 1 to 4 % of equal runs
different instead of 5 %). It assumes no distribution and holds for few units. It does not say how large the difference
is: intervals do.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from project.evaluation.interval import Array, Groups, paired_rows, unit_sums
from project.metric.association import divide

MOST_WORK = 5_000_000  # cosines: distinct gaps times points; more than that is sampled instead
EXCHANGES_AT_ONCE = 1_000_000  # units times samples held in memory
ROUNDING = 1e-9  # two differences nearer than that, relative to the one seen, are equal


def exchange_test(
    mine: tuple[ArrayLike, ArrayLike],
    theirs: tuple[ArrayLike, ArrayLike],
    groups: Groups | None = None,
    *,
    target: float | None = None,
    num_samples: int = 10_000,
    seed: int = 0,
) -> float:
    """The two-sided p-value of two ratios sum(above) / sum(below) over the same examples in the same order.

    Exact where both runs have the same whole counts below the line, as error rates have; otherwise from `num_samples`
    random exchanges. With `target` it is the distance from there that is compared: 1 for a length ratio.

    >>> round(exchange_test(([0] * 6 + [2] * 9, [10] * 15), ([1] * 6 + [2] * 9, [10] * 15)), 5)  # two of 64 ways, half
    0.01563
    """
    rows_NC = unit_sums(paired_rows(mine, theirs), groups)
    rows_NC = rows_NC[(rows_NC[:, :2] != rows_NC[:, 2:]).any(axis=1)]
    if not len(rows_NC):
        return 1.0
    gaps_N = rows_NC[:, 0] - rows_NC[:, 2]
    same_below = np.array_equal(rows_NC[:, 1], rows_NC[:, 3])
    if target is None and same_below and np.array_equal(gaps_N, np.round(gaps_N)):
        sizes_K, counts_K = np.unique(np.abs(gaps_N).astype(np.int64), return_counts=True)
        if len(sizes_K) * int(sizes_K @ counts_K) <= MOST_WORK:
            return exact_sign_flips(sizes_K, counts_K, float(abs(gaps_N.sum())))
    whole_NC = paired_rows(mine, theirs)
    return _sampled(rows_NC, whole_NC.sum(axis=0), target, num_samples, seed)


def exact_sign_flips(sizes_K: NDArray[np.int64], counts_K: NDArray[np.int64], seen: float) -> float:
    """The chance that a sum of whole gaps, each plus or minus by a coin's fall, is further from 0 than the one seen.

    Sums as far from 0 count half.

    The sum's distribution comes from the product of the gaps' Fourier transforms, which are cosines.

    >>> exact_sign_flips(np.array([1, 2]), np.array([2, 1]), 4.0)  # two of eight falls
    0.125
    """
    most = int(sizes_K @ counts_K)
    points = 2 * most + 1
    product = np.ones(most + 1)
    for size, count in zip(sizes_K, counts_K, strict=True):
        product *= np.cos(2 * np.pi / points * (np.arange(most + 1) * size % points)) ** int(count)
    chances = np.fft.irfft(product, n=points)  # of sums 0, 1, ..., most, -most, ..., -1
    further, as_far = 2 * float(chances[round(seen) + 1 : most + 1].sum()), float(chances[round(seen)])
    tail = further + as_far * (1 if seen else 0.5)
    return float(np.clip(tail, 2.0 ** max(-int(counts_K.sum()), -1000), 1.0))


def _sampled(rows_NC: Array, totals_C: Array, target: float | None, num_samples: int, seed: int) -> float:
    """The same from random exchanges; the arrangement seen counts as one of them, so that no chance is zero."""
    rng = np.random.default_rng(seed)
    gaps_NC = rows_NC[:, :2] - rows_NC[:, 2:]
    seen = abs(float(_difference(totals_C[None, :2], totals_C[None, 2:], target)[0]))
    found, done = 0.5, 0
    while done < num_samples:
        size = min(num_samples - done, max(1, EXCHANGES_AT_ONCE // len(rows_NC)))
        exchanged_RC = rng.integers(0, 2, (size, len(rows_NC)), dtype=np.int8).astype(np.float64) @ gaps_NC
        sizes_R = np.abs(_difference(totals_C[:2] - exchanged_RC, totals_C[2:] + exchanged_RC, target))
        equal_R = np.abs(sizes_R - seen) <= ROUNDING * max(seen, 1e-6)
        found += int(((sizes_R > seen) & ~equal_R).sum()) + 0.5 * int(equal_R.sum())
        done += size
    return found / (num_samples + 1)


def _difference(mine_RC: Array, theirs_RC: Array, target: float | None) -> Array:
    ratios = [divide(sums_RC[:, 0], sums_RC[:, 1]) for sums_RC in (mine_RC, theirs_RC)]
    if target is not None:
        ratios = [np.abs(ratio_R - target) for ratio_R in ratios]
    return ratios[0] - ratios[1]
