"""Metrics of phones that people judged: whether goodness of pronunciation, or recognition, finds those said badly.

They do not know where a phone lies, nor which one was said instead. Phones that nobody judged count nothing.

Shapes: K steps of goodness in rising order, N examples, R resamples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from project.contract import Hypothesis, InputError, Undefined
from project.metric.association import CONSTANT, Array, Weighed, divide
from project.metric.edit import align
from project.metric.pronunciation import arrays
from project.metric.pronunciation_reading import (
    Kind,
    assessment_of,
    check_kind,
    judged_phones,
    require_judged,
    threshold_name,
    whole,
)
from project.metric.span_ranking import average_precision, roc_area

Ratios = Mapping[str, tuple[Sequence[str], Sequence[str]]]


class PhoneDetection:
    """Whether phones that people gave less than `below` have less goodness: areas under the ROC and precision curves.

    Beside them: the part of such phones, which is what average precision comes to for nothing; F1, precision and recall
    at the threshold that training chose on dev, where it did; and F1 of calling all phones bad.

    Goodness is counted in steps, and phones within one step rank as equal; alignment-free goodness, which is crowded
    below 0, by its log odds. Steps of 0.25 up to 20 move the areas by 0.001 and 0.003 at most where the log odds of bad
    phones, and of good ones, deviate by 1 or more.
    """

    def __init__(
        self, name: str, gop: Kind = "free", below: float = 1.0, step: float = 0.25, limit: float = 20.0
    ) -> None:
        check_kind(name, gop)
        if not 0 < step <= limit:
            raise InputError(f"metric.{name}.step: {step} of goodness up to {limit}: give less than that, more than 0")
        self.name = name
        self.better: Literal["lower", "higher"] = "higher"
        self._gop: Kind = gop
        self._below = below
        half = round(limit / step)
        self._edges_K = step * np.arange(-half, half + 1)
        places = range(len(self._edges_K) + 1)
        self._bad, self._good = ([f"{name}_{side}_{place:03d}" for place in places] for side in ("bad", "good"))
        self._counts = tuple(f"{name}_{part}" for part in ("hits", "said", "wanted", "phones", "asked"))
        hits, said, wanted, phones, asked = self._counts
        self.ratios: Ratios = {
            f"{name}_base": ((wanted,), (phones,)),
            f"{name}_f1": ((hits, hits), (said, asked)),
            f"{name}_precision": ((hits,), (said,)),
            f"{name}_recall": ((hits,), (asked,)),
            f"{name}_f1_all": ((wanted, wanted), (phones, wanted)),
        }

    def score(self, reference: str, hypothesis: Hypothesis) -> Mapping[str, float]:
        """Phones of each step, bad and good; and what the threshold says of them, nothing asked where there is none."""
        goodness_N, scores_N = judged_phones(self.name, hypothesis, self._gop)
        bad_N = scores_N < self._below
        size = len(self._bad)
        # the worst stand last: ranking is of those wanted
        places_N = np.searchsorted(self._edges_K, -self._steps(goodness_N), side="right")
        found = np.bincount(places_N + size * ~bad_N, minlength=2 * size).astype(np.float64).tolist()
        threshold = assessment_of(self.name, hypothesis).thresholds.get(threshold_name(self._gop, self._below))
        said_N = np.zeros_like(bad_N) if threshold is None else goodness_N < threshold
        asked = 0 if threshold is None else bad_N.sum()
        counts = (said_N & bad_N).sum(), said_N.sum(), bad_N.sum(), len(bad_N), asked
        return {
            **dict(zip([*self._bad, *self._good], found, strict=True)),
            **dict(zip(self._counts, map(float, counts), strict=True)),
        }

    def _steps(self, goodness_N: Array) -> Array:
        """What is counted in steps: of a log-probability its log odds."""
        if self._gop == "aligned":
            return goodness_N
        with np.errstate(divide="ignore"):  # the odds of what is certain
            return goodness_N - np.log(-np.expm1(goodness_N))

    def summarize(self, columns: Mapping[str, Sequence[float]]) -> Mapping[str, float]:
        """The area under the ROC curve, average precision, and F1 with what it is made of."""
        require_judged(self.name, sum(columns[self._counts[3]]), "phones")
        remedy = f"people gave none of these phones, or all, less than {self._below:g}: score a manifest with both"
        found = whole(
            self.name, self.weigh(arrays(columns, [*self._bad, *self._good])), len(columns[self._bad[0]]), remedy
        )
        return {**found, **quotients(self.ratios, columns)}

    def weigh(self, columns: Mapping[str, Array]) -> Mapping[str, Weighed]:
        """The areas of many resamples at once."""
        bad_KN, good_KN = (np.stack([columns[name] for name in names]) for names in (self._bad, self._good))

        def area(counts_NR: Array) -> Array:
            return roc_area(bad_KN @ counts_NR, good_KN @ counts_NR)

        def precision(counts_NR: Array) -> Array:
            return average_precision(bad_KN @ counts_NR, good_KN @ counts_NR)

        return {self.name: area, f"{self.name}_ap": precision}


class PhoneCorrelation:
    """Pearson's correlation of goodness with people's score, over all phones of all utterances."""

    ratios: Mapping[str, tuple[Sequence[str], Sequence[str]]] = {}

    def __init__(self, name: str, gop: Kind = "free") -> None:
        check_kind(name, gop)
        self.name = name
        self.better: Literal["lower", "higher"] = "higher"
        self._gop: Kind = gop
        self._columns = tuple(f"{name}_{part}" for part in ("n", "x", "y", "xx", "yy", "xy"))

    def score(self, reference: str, hypothesis: Hypothesis) -> Mapping[str, float]:
        """Sums of goodness, scores and their products."""
        x_N, y_N = judged_phones(self.name, hypothesis, self._gop)
        sums = len(x_N), x_N.sum(), y_N.sum(), (x_N**2).sum(), (y_N**2).sum(), (x_N * y_N).sum()
        return dict(zip(self._columns, map(float, sums), strict=True))

    def summarize(self, columns: Mapping[str, Sequence[float]]) -> Mapping[str, float]:
        """The correlation."""
        require_judged(self.name, sum(columns[self._columns[0]]), "phones")
        figures, size = self.weigh(arrays(columns, self._columns)), len(columns[self._columns[0]])
        return whole(self.name, figures, size, "all phones have one score or one goodness: score more of them")

    def weigh(self, columns: Mapping[str, Array]) -> Mapping[str, Weighed]:
        """The correlation in many resamples at once."""
        columns_CN = np.stack([columns[name] for name in self._columns])

        def figures(counts_NR: Array) -> Array:
            n_R, x_R, y_R, xx_R, yy_R, xy_R = columns_CN @ counts_NR
            x_R, y_R, xx_R, yy_R, xy_R = (divide(sum_R, n_R) for sum_R in (x_R, y_R, xx_R, yy_R, xy_R))
            spread_x, spread_y = xx_R - x_R**2, yy_R - y_R**2
            varies_R = (spread_x > CONSTANT * xx_R) & (spread_y > CONSTANT * yy_R)
            spread_R = np.where(varies_R, spread_x * spread_y, 0.0)
            return np.clip(divide(xy_R - x_R * y_R, np.sqrt(spread_R)), -1, 1)

        return {self.name: figures}


class PhoneError:
    """The mean square of how far the score is off that goodness says, by the line that training learned on dev.

    Beside it what always saying these phones' mean score would give, which nobody knows beforehand.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.better: Literal["lower", "higher"] = "lower"
        self._columns = tuple(f"{name}_{part}" for part in ("squares", "phones", "sum", "sum_squares", "said"))
        self.ratios: Ratios = {name: ((self._columns[0],), (self._columns[1],))}
        self.units = {name: "points²"}

    def score(self, reference: str, hypothesis: Hypothesis) -> Mapping[str, float]:
        """Squared distances, and sums of scores; `said` are phones of which a line says something."""
        goodness_N, scores_N = judged_phones(self.name, hypothesis, "free")
        first, second = assessment_of(self.name, hypothesis).calibration
        squares = ((first + second * goodness_N - scores_N) ** 2).sum()
        said = len(scores_N) if (first, second) != (0.0, 0.0) else 0
        sums = squares, len(scores_N), scores_N.sum(), (scores_N**2).sum(), said
        return dict(zip(self._columns, map(float, sums), strict=True))

    def summarize(self, columns: Mapping[str, Sequence[float]]) -> Mapping[str, float]:
        """The mean square, and that of the mean score."""
        squares, phones, _, _, said = (sum(columns[name]) for name in self._columns)
        require_judged(self.name, phones, "phones")
        if not said:
            raise Undefined(
                f"metric.{self.name}: no line leads from goodness to scores: train with a dev manifest that has "
                "labels.phone_scores"
            )
        mean = self.weigh(arrays(columns, self._columns))[f"{self.name}_mean"](
            np.ones((len(columns[self._columns[0]]), 1))
        )
        return {self.name: squares / phones, f"{self.name}_mean": float(mean[0])}

    def weigh(self, columns: Mapping[str, Array]) -> Mapping[str, Weighed]:
        """The mean square around the mean score in many resamples at once."""
        _, phones_N, sums_N, squares_N, _ = (columns[name] for name in self._columns)
        sums_CN = np.stack([phones_N, sums_N, squares_N])

        def spread(counts_NR: Array) -> Array:
            n_R, y_R, yy_R = sums_CN @ counts_NR
            return (divide(yy_R, n_R) - divide(y_R, n_R) ** 2).clip(min=0)

        return {f"{self.name}_mean": spread}


class PhoneHeard:
    """F1 of phones that are recognized as others, or not at all, for those that people gave less than `below`.

    Which phone was recognized in whose place is read off the alignment with the fewest errors. Beside it F1 of calling
    all phones bad.
    """

    def __init__(self, name: str, below: float = 1.0) -> None:
        self.name = name
        self.better: Literal["lower", "higher"] = "higher"
        self._below = below
        self._counts = tuple(f"{name}_{part}" for part in ("hits", "said", "wanted", "phones"))
        hits, said, wanted, phones = self._counts
        self.ratios: Ratios = {
            name: ((hits, hits), (said, wanted)),
            f"{name}_precision": ((hits,), (said,)),
            f"{name}_recall": ((hits,), (wanted,)),
            f"{name}_all": ((wanted, wanted), (phones, wanted)),
        }

    def score(self, reference: str, hypothesis: Hypothesis) -> Mapping[str, float]:
        """Counts of phones: bad, called bad, and both."""
        assessment = assessment_of(self.name, hypothesis)
        if not assessment.phone_scores:
            return dict.fromkeys(self._counts, 0.0)
        steps = align(reference=assessment.phones, hypothesis=hypothesis.text.split())
        said_N = np.array([step != "equal" for step, phone, _ in steps if phone is not None])
        bad_N = np.array(assessment.phone_scores) < self._below
        counts = (said_N & bad_N).sum(), said_N.sum(), bad_N.sum(), len(bad_N)
        return dict(zip(self._counts, map(float, counts), strict=True))

    def summarize(self, columns: Mapping[str, Sequence[float]]) -> Mapping[str, float]:
        """F1, precision (where any was called bad), recall, and F1 of calling all bad."""
        require_judged(self.name, sum(columns[self._counts[3]]), "phones")
        if not sum(columns[self._counts[2]]):
            raise Undefined(f"metric.{self.name}: people gave no phone less than {self._below:g}: score others")
        return quotients(self.ratios, columns)


def quotients(ratios: Ratios, columns: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """The figures that are sums of columns over sums of others, those that have something to divide by."""
    sums = {
        name: (sum(sum(columns[column]) for column in above), sum(sum(columns[column]) for column in below))
        for name, (above, below) in ratios.items()
    }
    return {name: above / below for name, (above, below) in sums.items() if below}
