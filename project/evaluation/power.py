"""Could a difference be found at all? How small a difference a test set can show, and how many examples one needs.

Before a run nothing is known of the two systems but a guess at their discordance: the share of words (or other
symbols) that exactly one of them gets wrong. Two close relatives may differ in 1 % of words, two that have nothing in
common in many more. After a comparison the examples say themselves how much the difference scatters.

The reckoning is that of a t-test; simulated comparisons of 32 differing words reach 81 % power where it says 80 %. That
the true difference is as large as the one that was seen is a guess, no more.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import bdtr, nctdtr, nctdtrinc, stdtrit

from project.contract import Finding
from project.evaluation.interval import Array, Groups, Interval, effective_units, paired_rows, unit_sums
from project.metric.association import divide

ALPHA = 0.05  # of a test: how often it may call chance a difference
POWER = 0.8  # how often a difference that is there should be found
SATURATED = 0.05  # an error rate below which a benchmark has little left to tell
MOST_NEEDED = 10_000_000  # examples: nobody will record more
MOST_UNITS = 10**12  # no test set has more


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """What a comparison of two runs on the same examples can show."""

    error: float  # standard error of the difference
    num_units: int  # examples or groups
    detectable: float  # the smallest difference that is found with 80 % power
    needed: int | None  # units of this kind for a difference as large as the one seen; None if none was seen


@dataclass(frozen=True, slots=True)
class Extent:
    """How much there is of a test set, as far as it decides what can be shown with it."""

    num_symbols: int  # words, characters or other symbols of its references
    num_units: int  # examples or groups that are drawn
    design: float = 1.0  # variance of a difference over that with independent symbols: more where errors come together

    def error(self, discordance: float, difference: float = 0.0) -> float:
        """Standard error of the difference of two systems that differ in that share of symbols."""
        return math.sqrt(self.design * max(discordance - difference**2, 0.0) / self.num_symbols)

    def power(self, difference: float, discordance: float) -> float | None:
        """How often the difference would be found; None if systems so alike cannot differ that much."""
        if abs(difference) > discordance:
            return None
        return power(difference, self.error(discordance, difference), self.num_units - 1)

    def detectable(self, discordance: float) -> float | None:
        """The smallest difference found with 80 % power; None if not even all going one way is found."""
        quantiles = detectable(1.0, self.num_units - 1)
        share = quantiles**2 * self.design / self.num_symbols
        smallest = math.sqrt(share * discordance / (1 + share))  # solves smallest = quantiles * error(smallest)
        return smallest if smallest <= discordance else None

    def needed(self, difference: float, discordance: float) -> int | None:
        """Units like these for 80 % power; None if systems so alike cannot differ that much."""
        if not 0 < abs(difference) <= discordance:
            return None
        return needed(difference, self.error(discordance, difference), self.num_units)


def power(difference: float, error: float, freedom: float) -> float:
    """How often a two-sided test at 5 % finds a difference that scatters with this standard error.

    >>> round(power(0.005, 0.00178, 159), 2), round(power(0.0, 0.001, 159), 2)
    (0.8, 0.05)
    """
    if error <= 0:
        return 1.0 if difference else 0.0
    if freedom < 1:
        return 0.0
    critical = float(stdtrit(freedom, 1 - ALPHA / 2))
    shift = abs(difference) / error
    return float(1 - nctdtr(freedom, shift, critical) + nctdtr(freedom, shift, -critical))


def detectable(error: float, freedom: float) -> float:
    """The smallest difference that is found with 80 % power: 2.8 standard errors, more with few units.

    >>> round(detectable(1.0, 1e6), 2), round(detectable(1.0, 7), 2)
    (2.8, 3.27)
    """
    if freedom < 1:
        return math.inf
    return error * float(nctdtrinc(freedom, 1 - POWER, stdtrit(freedom, 1 - ALPHA / 2)))


def needed(difference: float, error: float, num_units: int) -> int:
    """How many units find the difference with 80 % power, if so many give this standard error.

    >>> needed(0.0012, 0.1 / math.sqrt(3200), 160)  # 1 % of words differ, 20 words each: no better than a rough guess
    2728
    """
    candidates = range(2, MOST_UNITS)
    place = bisect_left(candidates, POWER, key=lambda n: power(difference, error * math.sqrt(num_units / n), n - 1))
    return candidates[min(place, len(candidates) - 1)]


def sensitivity(
    mine: tuple[ArrayLike, ArrayLike], theirs: tuple[ArrayLike, ArrayLike], groups: Groups | None = None
) -> Sensitivity:
    """What these paired counts can show: ratios sum(above) / sum(below) of the same examples in the same order."""
    rows_NC = unit_sums(paired_rows(mine, theirs), groups)
    num_units, totals_C = len(rows_NC), rows_NC.sum(axis=0)
    difference = float(np.diff(divide(totals_C[[2, 0]], totals_C[[3, 1]]))[0])
    error = standard_error(rows_NC)
    freedom = effective_units(rows_NC[:, 1]) - 1
    enough = needed(difference, error, num_units) if difference and error else None
    return Sensitivity(error, num_units, detectable(error, freedom), enough)


def needed_room(rate: float, found: Sensitivity | None) -> float | None:
    """The smallest difference that is found, as a part of all errors: from 1 on not even their end would be seen.

    >>> needed_room(0.02, Sensitivity(0.01, 130, 0.028, None))
    1.4
    """
    return None if found is None or rate <= 0 or not found.error else round(found.detectable / rate, 6)


def standard_error(rows_NC: Array) -> float:
    """Of the difference of two ratios, from units' counts above and below of both: how their residuals scatter."""
    totals_C, num_units = rows_NC.sum(axis=0), len(rows_NC)
    if num_units < 2:
        return 0.0
    mine_N = (rows_NC[:, 0] - totals_C[0] / totals_C[1] * rows_NC[:, 1]) / totals_C[1]
    theirs_N = (rows_NC[:, 2] - totals_C[2] / totals_C[3] * rows_NC[:, 3]) / totals_C[3]
    return math.sqrt(num_units / (num_units - 1) * float(np.square(mine_N - theirs_N).sum()))


def independent_discordance(baseline: float) -> float:
    """The share of words that exactly one of two equally good systems gets wrong if they have nothing in common.

    >>> independent_discordance(0.25)
    0.375
    """
    return 2 * baseline * (1 - baseline)


def expected_interval(rate: float, num_symbols: int, design: float = 1.0) -> Interval:
    """The middle 95 % of error rates that a system of this rate would show, from the binomial distribution.

    >>> expected_interval(0.001, 1000)
    (0.0, 0.003)
    """
    independent = max(1, round(num_symbols / design))
    ends = [
        bisect_left(range(independent), share, key=lambda k: float(bdtr(k, independent, rate))) / independent
        for share in (ALPHA / 2, 1 - ALPHA / 2)
    ]
    return ends[0], ends[1]


def saturation(rate: float, interval: Interval, subject: str) -> Finding | None:
    """Whether an error rate is so low that the benchmark has little left to tell; None if it is not."""
    figures = {"rate": rate, "low": interval[0], "high": interval[1]}
    remedy = "take a harder test set: noise, other speakers, longer texts"
    if interval[0] <= 0:
        text = f"saturated: an error rate of {100 * rate:.2f} % is not clearly above 0 here, its interval touches 0"
        return Finding("saturated_benchmark", subject, text, f"{remedy}, or more of them", figures)
    if rate < SATURATED:
        text = f"nearly saturated: an error rate of {100 * rate:.2f} % is under {100 * SATURATED:.0f} %"
        return Finding("saturated_benchmark", subject, text, remedy, figures)
    return None
