"""Two recognizers' GOP as one, and what GOP is worth beside people's scores.

Each one's GOP is brought to mean 0 and deviation 1 first, by what it was on dev: two nets' log-probability ratios have
scales of their own. No frames are needed. It does not know how GOP comes about.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from project.contract import InputError
from project.evaluation.interval import Array
from project.evaluation.result import Report
from project.metric.association import Weighed, auc, pearson, spearman

Kind = Literal["free", "aligned"]
WRONG, LESS = 0.5, 1.0  # people's scores of a phone below which it counts as wrong, and as poor
LOW = 6.0  # people's accuracy of an utterance that still counts as low
AT_ONCE = 3_000_000  # phones in resamples


@dataclass(frozen=True, slots=True)
class Judged:
    """What one recognizer, or a mixture of two, says of how phones were said, and what people said of them."""

    gop_P: Array  # of all phones of all examples
    place_P: NDArray[np.intp]  # in which example each of them is
    log_prob_N: Array  # of each example's phones, divided by their number
    phones: tuple[str, ...]
    scores_P: Array | None  # people's, of phones; None where some are missing
    accuracy_N: Array | None  # and of examples
    groups: tuple[str | None, ...]

    @property
    def means(self) -> Array:
        """The mean GOP of each example."""
        size = len(self.log_prob_N)
        sums, sizes = np.bincount(self.place_P, self.gop_P, size), np.bincount(self.place_P, minlength=size)
        return np.asarray(sums / np.maximum(sizes, 1), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Scale:
    """Mean and deviation of GOP and of log-probabilities."""

    gop: tuple[float, float]
    log_prob: tuple[float, float]

    @classmethod
    def of(cls, judged: Judged) -> Scale:
        return cls(_moments(judged.gop_P), _moments(judged.log_prob_N))

    def __call__(self, judged: Judged) -> Judged:
        """The same in units of this scale."""
        gop_P, log_prob_N = judged.gop_P - self.gop[0], judged.log_prob_N - self.log_prob[0]
        return replace(judged, gop_P=gop_P / self.gop[1], log_prob_N=log_prob_N / self.log_prob[1])


def judged(report: Report, kind: Kind) -> Judged | str:
    """A Report's GOP, or one line that says why it has none."""
    found = [row.assessment for row in report.rows]
    told = [one for one in found if one is not None and len(getattr(one, kind)) == len(one.phones) > 0]
    if len(told) < len(found):
        return f"{report.run}: no {kind} GOP of {len(found) - len(told):,} of {len(found):,} examples"
    sizes = [len(one.phones) for one in told]
    with_scores = all(len(one.phone_scores) == len(one.phones) for one in told)
    with_accuracy = all("accuracy" in one.scores for one in told)
    return Judged(
        np.concatenate([np.array(getattr(one, kind), np.float64) for one in told]),
        np.repeat(np.arange(len(told)), sizes),
        np.array([one.log_prob for one in told]),
        tuple(phone for one in told for phone in one.phones),
        np.concatenate([np.array(one.phone_scores, np.float64) for one in told]) if with_scores else None,
        np.array([one.scores["accuracy"] for one in told]) if with_accuracy else None,
        tuple(row.group for row in report.rows),
    )


def fused(first: Judged, second: Judged, alpha: float) -> Judged:
    """The weighted sum of two that have one scale; `alpha` is the second's part."""
    if first.phones != second.phones or first.groups != second.groups:
        raise InputError("these runs judged other phones: evaluate both again on one manifest")
    gop_P = (1 - alpha) * first.gop_P + alpha * second.gop_P
    return replace(first, gop_P=gop_P, log_prob_N=(1 - alpha) * first.log_prob_N + alpha * second.log_prob_N)


def figures(judged: Judged) -> dict[str, Weighed]:
    """Each figure as a function of counts (N, R) of the examples; the higher the better, the first is the main one.

    They are named as the metrics of conf/metric that reckon the same of one run.
    """
    found: dict[str, Weighed] = {}
    if judged.scores_P is not None:
        scores_P = judged.scores_P
        found["phone_score"] = of_parts(pearson(judged.gop_P, scores_P), judged.place_P)
        for name, below in (("phone_wrong", WRONG), ("phone_poor", LESS)):
            found[name] = of_parts(auc(-judged.gop_P, _yes(scores_P < below)), judged.place_P)
    if judged.accuracy_N is not None:
        means_N, accuracy_N = judged.means, judged.accuracy_N
        found["accuracy_gop"] = pearson(means_N, accuracy_N)
        found["accuracy_gop_spearman"] = spearman(means_N, accuracy_N)
        found["accuracy_log_prob"] = pearson(judged.log_prob_N, accuracy_N)
        found["low_gop"] = auc(-means_N, _yes(accuracy_N <= LOW))
        found["low_log_prob"] = auc(-judged.log_prob_N, _yes(accuracy_N <= LOW))
    return found


def reckon(named: Mapping[str, Weighed], size: int) -> dict[str, float]:
    """The figures themselves, those that there are."""
    ones_N1 = np.ones((size, 1))
    values = {name: float(figure(ones_N1)[0]) for name, figure in named.items()}
    return {name: value for name, value in values.items() if np.isfinite(value)}


def gaps(mine: Mapping[str, Weighed], theirs: Mapping[str, Weighed]) -> dict[str, Weighed]:
    """How much each figure of one is above the other's, both on the same resamples."""

    def gap(first: Weighed, second: Weighed) -> Callable[[Array], Array]:
        return lambda counts_NR: first(counts_NR) - second(counts_NR)

    return {name: gap(mine[name], theirs[name]) for name in mine if name in theirs}


def of_parts(figure: Weighed, place_P: Sequence[int] | NDArray[np.intp]) -> Weighed:
    """A figure of phones, or other parts, as one of their examples; some resamples at a time, for there are many."""

    def figures(counts_NR: Array) -> Array:
        parts = np.array_split(counts_NR, -(-counts_NR.shape[1] * len(place_P) // AT_ONCE), axis=1)
        return np.concatenate([figure(part[place_P]) for part in parts])

    return figures


def _moments(values: Array) -> tuple[float, float]:
    return float(values.mean()), float(values.std()) or 1.0


def _yes(said: NDArray[np.bool_]) -> Array:
    return said.astype(np.float64)
