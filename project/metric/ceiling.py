"""How good a judge of pronunciation can be, by what people said: figures to read a model's beside.

Three judges: a recognizer that hears every phone as it was said (right or wrong, nothing between), people's mean score
of the phones, and one rater, whose truth is the mean of the others. It does not know models, nor how sure a figure is:
each is a function of how often every utterance comes in each of R resamples (see `project.metric.association`).

Shapes: N utterances, P phones of all of them, K pairs of values that phones have, R resamples.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from project.contract import InputError
from project.metric.association import Array, Weighed, auc, pearson, spearman

Figure = Callable[[Array, Array], Weighed]  # of what is said and what is true


@dataclass(frozen=True, slots=True)
class Judged:
    """What people said of an utterance."""

    accuracy: float  # 0 to 10
    phone_scores: tuple[float, ...]  # their mean for each phone, 0 to 2
    rater_accuracy: tuple[float, ...] = ()  # of each rater
    rater_phone_scores: tuple[tuple[float, ...], ...] = ()  # of each rater, for each phone


@dataclass(frozen=True, slots=True)
class Ceiling:
    """What one judge would get."""

    judge: str
    num: int  # utterances or phones that it judges
    figures: Mapping[str, Weighed]


def read_judged(labels: Mapping[str, Any] | None) -> Judged | None:
    """What people said, of a manifest line's labels; None if they said nothing.

    >>> read_judged({"accuracy": 8, "phone_scores": [2, 1.8]})
    Judged(accuracy=8.0, phone_scores=(2.0, 1.8), rater_accuracy=(), rater_phone_scores=())
    """
    labels = labels or {}
    if "accuracy" not in labels or not labels.get("phone_scores"):
        return None
    try:
        judged = Judged(
            float(labels["accuracy"]),
            tuple(map(float, labels["phone_scores"])),
            tuple(map(float, labels.get("rater_accuracy", ()))),
            tuple(tuple(map(float, scores)) for scores in labels.get("rater_phone_scores", ())),
        )
    except (TypeError, ValueError):
        raise InputError("labels of people's scores are no numbers: prepare the corpus again") from None
    if any(len(scores) != len(judged.phone_scores) for scores in judged.rater_phone_scores):
        raise InputError("labels.rater_phone_scores are of another number of phones: prepare the corpus again")
    return judged


def utterance_ceilings(judged: Sequence[Judged], low: float, wrong: Sequence[float]) -> list[Ceiling]:
    """What judges of utterances get: correlations with accuracy, and AUC for telling accuracy up to `low` from above.

    The recognizer's score is 1 - PER, each phone with a score below `wrong` being one that it hears as another.
    """
    truth_N = np.array([one.accuracy for one in judged])
    found = []
    for threshold in wrong:
        right_N = np.array([np.mean([score >= threshold for score in one.phone_scores]) for one in judged])
        judge = f"1 - PER of a perfect recognizer (wrong: below {threshold:g})"
        found.append(Ceiling(judge, len(judged), _of_utterances(right_N, truth_N, low)))
    means_N = np.array([np.mean(one.phone_scores) for one in judged])
    found.append(Ceiling("people's mean phone score", len(judged), _of_utterances(means_N, truth_N, low)))
    return found + _rater_ceilings([one.rater_accuracy for one in judged], low)


def phone_ceilings(judged: Sequence[Judged], wrong: Sequence[float]) -> list[Ceiling]:
    """What one rater gets as a judge of phones against the mean of the others: PCC, AUC for each `wrong`, and MSE."""
    owners = [number for number, one in enumerate(judged) for _ in one.phone_scores if one.rater_phone_scores]
    lists = [one.rater_phone_scores for one in judged if one.rater_phone_scores]
    if not lists or len({len(scores) for scores in lists}) != 1 or len(lists[0]) < 2:
        return []
    scores_QP = np.concatenate([np.array(scores) for scores in lists], axis=1)
    owners_P = np.array(owners)
    found = []
    for rater in range(len(scores_QP)):
        said_P, others_P = scores_QP[rater], np.delete(scores_QP, rater, axis=0).mean(axis=0)
        figures = {"PCC": _pooled(pearson, said_P, others_P, owners_P, len(judged))}
        for threshold in wrong:
            figures[f"AUC, below {threshold:g}"] = _pooled(_below(threshold), said_P, others_P, owners_P, len(judged))
        figures["MSE"] = _pooled(_squared_error, said_P, others_P, owners_P, len(judged))
        found.append(Ceiling(f"rater {rater + 1} against the others", len(owners_P), figures))
    return [*found, _mean(found)]


def _rater_ceilings(scores: Sequence[tuple[float, ...]], low: float) -> list[Ceiling]:
    """One rater's accuracy against the mean of the others', of the utterances that all of them judged."""
    rows_M = np.array([number for number, one in enumerate(scores) if one], dtype=np.intp)
    if not len(rows_M) or len({len(scores[row]) for row in rows_M}) != 1 or len(scores[rows_M[0]]) < 2:
        return []
    scores_QM = np.array([scores[row] for row in rows_M]).T
    found = []
    for rater in range(len(scores_QM)):
        others_M = np.delete(scores_QM, rater, axis=0).mean(axis=0)
        figures = {
            name: _among(weigh, rows_M) for name, weigh in _of_utterances(scores_QM[rater], others_M, low).items()
        }
        found.append(Ceiling(f"rater {rater + 1} against the others", len(rows_M), figures))
    return [*found, _mean(found)]


def _of_utterances(said_N: Array, true_N: Array, low: float) -> dict[str, Weighed]:
    return {
        "Pearson": pearson(said_N, true_N),
        "Spearman": spearman(said_N, true_N),
        "AUC": auc(-said_N, (true_N <= low).astype(np.float64)),
    }


def _below(threshold: float) -> Figure:
    return lambda said_K, true_K: auc(-said_K, (true_K < threshold).astype(np.float64))


def _squared_error(said_K: Array, true_K: Array) -> Weighed:
    errors_K = (said_K - true_K) ** 2
    return lambda counts_KR: (errors_K @ counts_KR) / counts_KR.sum(axis=0)


def _among(weigh: Weighed, rows_M: NDArray[np.intp]) -> Weighed:
    return lambda counts_NR: weigh(counts_NR[rows_M])


def _pooled(figure: Figure, said_P: Array, true_P: Array, owners_P: NDArray[np.intp], num: int) -> Weighed:
    """A figure of phones as one of their utterances. Scores have few values, so phones of the same two are counted."""
    pairs_K2, places_P = np.unique(np.stack([said_P, true_P], axis=1), axis=0, return_inverse=True)
    table_KN = np.zeros((len(pairs_K2), num))
    np.add.at(table_KN, (places_P.reshape(-1), owners_P), 1)
    weigh = figure(pairs_K2[:, 0], pairs_K2[:, 1])
    return lambda counts_NR: weigh(table_KN @ counts_NR)


def _mean(ceilings: Sequence[Ceiling]) -> Ceiling:
    """Of all raters."""

    def mean(name: str) -> Weighed:
        def figure(counts_NR: Array) -> Array:
            found_QR = np.stack([one.figures[name](counts_NR) for one in ceilings])
            average_R: Array = found_QR.mean(axis=0)
            return average_R

        return figure

    return Ceiling("one rater, mean", ceilings[0].num, {name: mean(name) for name in ceilings[0].figures})
