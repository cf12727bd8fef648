"""Metrics of utterances whose pronunciation people scored: errors in the well said, and whether figures follow scores.

They do not know how people came to their scores. Examples without one count nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from project.contract import Hypothesis, InputError, Undefined
from project.metric.association import Array, Weighed, auc, pearson, spearman
from project.metric.edit import distance
from project.metric.pronunciation_reading import (
    assessment_of,
    goodness_of,
    require_judged,
    whole,
)
from project.metric.text import ErrorRate
from project.text.alphabet import Alphabet

Figure = Literal["per", "gop", "log_prob"]
Places: TypeAlias = NDArray[np.intp]


class GoodErrorRate:
    """The symbol error rate over utterances that people scored at least so high; nothing recognized is all deleted.

    In others it is not known what was said, so a recognizer that hears well is charged for what the speaker did.
    """

    def __init__(self, name: str, alphabet: Alphabet, aspect: str = "accuracy", least: float = 8.0) -> None:
        self.name = name
        self.better: Literal["lower", "higher"] = "lower"
        self._rate = ErrorRate(name, "symbol", alphabet)
        self.ratios: Mapping[str, tuple[Sequence[str], Sequence[str]]] = self._rate.ratios
        self._aspect, self._least = aspect, least

    def score(self, reference: str, hypothesis: Hypothesis) -> Mapping[str, float]:
        """Counts of one example, all 0 where it is not scored high enough."""
        counts = self._rate.score(reference, hypothesis)
        is_good = assessment_of(self.name, hypothesis).scores.get(self._aspect, -np.inf) >= self._least
        return counts if is_good else dict.fromkeys(counts, 0.0)

    def summarize(self, columns: Mapping[str, Sequence[float]]) -> Mapping[str, float]:
        """The rate, and the part of each kind of error in it."""
        if not sum(columns[f"{self.name}_length"]):
            raise Undefined(
                f"metric.{self.name}: no utterance has labels.{self._aspect} of {self._least:g} or more: score a "
                "manifest that has some"
            )
        return self._rate.summarize(columns)


class UtteranceCorrelation:
    """How a figure of each utterance goes with people's score of it: Pearson's correlation, and that of ranks.

    The figures: `per`, 1 less the symbol error rate; `gop`, the mean alignment-free goodness of its phones; `log_prob`,
    the log-probability of what should have been said, per phone.
    """

    ratios: Mapping[str, tuple[Sequence[str], Sequence[str]]] = {}

    def __init__(self, name: str, figure: Figure, aspect: str = "accuracy") -> None:
        self.name = name
        self.better: Literal["lower", "higher"] = "higher"
        self._read = Reader(name, figure, aspect)

    def score(self, reference: str, hypothesis: Hypothesis) -> Mapping[str, float]:
        """The figure, the score, and whether there is one."""
        return self._read(hypothesis)

    def summarize(self, columns: Mapping[str, Sequence[float]]) -> Mapping[str, float]:
        """Pearson's correlation, and Spearman's."""
        figures, size = self.weigh(arrays(columns, self._read.columns)), len(columns[self._read.columns[0]])
        return whole(self.name, figures, size, "all utterances have one score or one figure: score more of them")

    def weigh(self, columns: Mapping[str, Array]) -> Mapping[str, Weighed]:
        """The same of many resamples at once."""
        said_N, scores_N, kept_N = self._read.counted(columns)
        return {
            self.name: among(kept_N, pearson(said_N, scores_N)),
            f"{self.name}_spearman": among(kept_N, spearman(said_N, scores_N)),
        }


class LowRanking:
    """The chance that an utterance that people scored low has a lower figure than one they scored higher.

    Figures are those of UtteranceCorrelation. Beside it stands the part of utterances that is scored low.
    """

    def __init__(self, name: str, figure: Figure, aspect: str = "accuracy", most: float = 6.0) -> None:
        self.name = name
        self.better: Literal["lower", "higher"] = "higher"
        self._read, self._most, self._low = Reader(name, figure, aspect), most, f"{name}_low"
        self.ratios: Mapping[str, tuple[Sequence[str], Sequence[str]]] = {
            f"{name}_base": ((self._low,), (self._read.columns[2],))
        }

    def score(self, reference: str, hypothesis: Hypothesis) -> Mapping[str, float]:
        """The figure, the score, whether there is one, and whether it is low."""
        found = self._read(hypothesis)
        _, score, counted = found.values()
        return {**found, self._low: float(counted and score <= self._most)}

    def summarize(self, columns: Mapping[str, Sequence[float]]) -> Mapping[str, float]:
        """The area under the ROC curve, and the part that is scored low."""
        names = (*self._read.columns, self._low)
        figures, size = self.weigh(arrays(columns, names)), len(columns[self._low])
        remedy = f"people scored none of these utterances, or all, at most {self._most:g}: score a manifest with both"
        base = sum(columns[self._low]) / (sum(columns[self._read.columns[2]]) or 1)
        return {**whole(self.name, figures, size, remedy), f"{self.name}_base": base}

    def weigh(self, columns: Mapping[str, Array]) -> Mapping[str, Weighed]:
        """The area of many resamples at once."""
        said_N, _, kept_N = self._read.counted(columns)
        return {self.name: among(kept_N, auc(-said_N, columns[self._low][kept_N]))}


class Reader:
    """Reads a figure and people's score from a hypothesis, as columns."""

    def __init__(self, name: str, figure: Figure, aspect: str) -> None:
        if figure not in get_args(Figure):
            raise InputError(
                f"metric.{name}.figure: {figure!r} is not known: give one of {', '.join(get_args(Figure))}"
            )
        self.columns = (f"{name}_said", f"{name}_scored", f"{name}_counted")
        self._name, self._figure, self._aspect = name, figure, aspect

    def __call__(self, hypothesis: Hypothesis) -> dict[str, float]:
        """The figure, the score, and 1; all 0 where there is no score."""
        assessment = assessment_of(self._name, hypothesis)
        score = assessment.scores.get(self._aspect)
        if score is None or not assessment.phones:
            return dict.fromkeys(self.columns, 0.0)
        if self._figure == "per":
            errors = distance(reference=assessment.phones, hypothesis=hypothesis.text.split())
            said = 1 - errors / len(assessment.phones)
        elif self._figure == "gop":
            said = float(goodness_of(self._name, assessment, "free").mean())
        else:
            said = assessment.log_prob
        return dict(zip(self.columns, (said, score, 1.0), strict=True))

    def counted(self, columns: Mapping[str, Array]) -> tuple[Array, Array, Places]:
        """Figures and scores of the utterances that have one, and where these are."""
        said_N, scores_N, counted_N = (columns[name] for name in self.columns)
        kept_N = np.flatnonzero(counted_N)
        require_judged(self._name, len(kept_N), "utterances")
        return said_N[kept_N], scores_N[kept_N], kept_N


def arrays(columns: Mapping[str, Sequence[float]], names: Sequence[str]) -> dict[str, Array]:
    """Some columns, to reckon with."""
    return {name: np.asarray(columns[name], dtype=np.float64) for name in names}


def among(kept_K: Places, figure: Weighed) -> Weighed:
    """A figure of some of the examples alone, however often the others come."""
    return lambda counts_NR: figure(counts_NR[kept_K])
