"""Pronunciation as the experiments that came before reckoned it, to compare with their tables and for nothing else.

Errors are counted over characters of IPA, so that a diphthong weighs as two phones. Examples of which nothing was
recognized are left out, which flatters a recognizer that often is silent; the threshold of F1 is chosen on the very
utterances that it is scored on, which flatters too. Metrics of `pronunciation` and `pronunciation_phone` do neither.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import numpy as np

from project.contract import Hypothesis, InputError, Undefined
from project.metric.association import Array, Weighed, auc, divide, pearson
from project.metric.edit import distance
from project.metric.pronunciation import among, arrays
from project.metric.pronunciation_reading import assessment_of, require_judged, whole
from project.text.phoneme import to_ipa

ASPECT = "accuracy"  # of people's scores of an utterance
GOOD, LOW = 8.0, 6.0  # scores from which on, and up to which, an utterance counts as good, and as bad
Ratios = Mapping[str, tuple[Sequence[str], Sequence[str]]]


def errors_of(name: str, reference: str, hypothesis: Hypothesis) -> tuple[int, int, float | None]:
    """Wrong characters of IPA, how many there are, and people's score."""
    wanted = to_ipa(reference)
    score = assessment_of(name, hypothesis).scores.get(ASPECT)
    return distance(reference=wanted, hypothesis=to_ipa(hypothesis.text)), len(wanted), score


class SourceErrorRate:
    """The error rate over all characters of IPA of good utterances; beside it the part of these that was left out."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.better: Literal["lower", "higher"] = "lower"
        self._columns = tuple(f"{name}_{part}" for part in ("errors", "length", "silent", "good"))
        errors, length, silent, good = self._columns
        self.ratios: Ratios = {name: ((errors,), (length,)), f"{name}_left_out": ((silent,), (good,))}

    def score(self, reference: str, hypothesis: Hypothesis) -> Mapping[str, float]:
        """Errors and length of a good utterance, and whether nothing was recognized in it."""
        errors, length, score = errors_of(self.name, reference, hypothesis)
        if score is None or score < GOOD:
            return dict.fromkeys(self._columns, 0.0)
        counts = (errors, length, 0, 1) if hypothesis.text else (0, 0, 1, 1)
        return dict(zip(self._columns, map(float, counts), strict=True))

    def summarize(self, columns: Mapping[str, Sequence[float]]) -> Mapping[str, float]:
        """The rate, and the part left out."""
        errors, length, silent, good = (sum(columns[name]) for name in self._columns)
        require_judged(self.name, good, "utterances")
        if not length:
            raise Undefined(f"metric.{self.name}: nothing was recognized in any good utterance: train the run longer")
        return {self.name: errors / length, f"{self.name}_left_out": silent / good}


class SourceFigure:
    """How the error rates of utterances go with people's scores of them, as one figure.

    `pearson`: the correlation of 1 less the rate with the score. `auc`: the chance that a bad utterance has a higher
    rate than another. `f1`: of calling utterances bad by their rate.
    """

    ratios: Mapping[str, tuple[Sequence[str], Sequence[str]]] = {}

    def __init__(self, name: str, figure: Literal["pearson", "auc", "f1"]) -> None:
        if figure not in FIGURES:
            raise InputError(f"metric.{name}.figure: {figure!r} is not known: give one of {', '.join(FIGURES)}")
        self.name = name
        self.better: Literal["lower", "higher"] = "higher"
        self._figure = FIGURES[figure]
        self._columns = tuple(f"{name}_{part}" for part in ("error", "scored", "counted"))

    def score(self, reference: str, hypothesis: Hypothesis) -> Mapping[str, float]:
        """The error rate, the score, and 1; all 0 where nothing was recognized or nobody judged."""
        errors, length, score = errors_of(self.name, reference, hypothesis)
        if score is None or not length or not hypothesis.text:
            return dict.fromkeys(self._columns, 0.0)
        return dict(zip(self._columns, (errors / length, score, 1.0), strict=True))

    def summarize(self, columns: Mapping[str, Sequence[float]]) -> Mapping[str, float]:
        """The one figure."""
        figures, size = self.weigh(arrays(columns, self._columns)), len(columns[self._columns[0]])
        remedy = f"utterances above {LOW:g} and up to it, with something recognized in them, are needed: score others"
        return whole(self.name, figures, size, remedy)

    def weigh(self, columns: Mapping[str, Array]) -> Mapping[str, Weighed]:
        """The same of many resamples at once."""
        errors_N, scores_N, counted_N = (columns[name] for name in self._columns)
        kept_N = np.flatnonzero(counted_N)
        require_judged(self.name, len(kept_N), "utterances")
        return {self.name: among(kept_N, self._figure(errors_N[kept_N], scores_N[kept_N]))}


def best_f1(errors_N: Array, scores_N: Array) -> Weighed:
    """F1 of bad utterances at the threshold that gives most; in each resample its own.

    >>> best_f1(np.array([0.9, 0.2, 0.6]), np.array([4.0, 9.0, 9.0]))(np.ones((3, 1))).tolist()
    [1.0]
    """
    order_N = np.argsort(-errors_N)
    ends_K = np.flatnonzero(np.diff(errors_N[order_N], append=np.inf))  # the last of equal ones
    is_low_N1 = (scores_N <= LOW)[order_N, None]

    def best(counts_NR: Array) -> Array:
        counts_NR = counts_NR[order_N]
        hits_NR, said_NR = (counts_NR * is_low_N1).cumsum(axis=0), counts_NR.cumsum(axis=0)
        wanted_R = hits_NR[-1]
        has_both_R = (wanted_R > 0) & (wanted_R < said_NR[-1])
        return np.where(has_both_R, divide(2 * hits_NR[ends_K], said_NR[ends_K] + wanted_R).max(axis=0), np.nan)

    return best


FIGURES: Mapping[str, Callable[[Array, Array], Weighed]] = {
    "pearson": lambda errors_N, scores_N: pearson(1 - errors_N, scores_N),
    "auc": lambda errors_N, scores_N: auc(errors_N, (scores_N <= LOW).astype(np.float64)),
    "f1": best_f1,
}
