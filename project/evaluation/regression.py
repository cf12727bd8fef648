"""People's scores from GOP: learned on one Report's examples, judged on another's, phone by phone, by word and whole.

Ridge regression: of phones from their GOP and what is round them, of words and utterances from features pooled over
their phones. How strongly it is held back is chosen by leaving out groups of speakers in turn. It does not know how GOP
comes about, and another model of the same shape can stand in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from project.contract import InputError
from project.evaluation.comparison import Delta
from project.evaluation.gop_fusion import of_parts, reckon
from project.evaluation.interval import Array, Interval, resampling_unit, weighed_intervals
from project.evaluation.utterance import (
    Utterance,
    aspects,
    phone_features,
    scored_words,
    utterance_features,
    word_features,
)
from project.metric.association import Weighed, pearson

PENALTIES = (1.0, 10.0, 100.0, 1_000.0)  # of squared weights of features with deviation 1
FOLDS = 5
NUM_RESAMPLES = 2_000
FREE = 1  # the column of alignment-free GOP


@dataclass(frozen=True, slots=True)
class Said:
    """What a model says of one utterance."""

    phones: Array  # (P,)
    words: Array  # (W, aspects)
    whole: Array  # (aspects,)


class Scorer(Protocol):
    """A model of people's scores."""

    word_aspects: tuple[str, ...]
    aspects: tuple[str, ...]

    def fit(self, found: Sequence[Utterance]) -> None:
        """Learn from utterances that people scored."""

    def predict(self, found: Sequence[Utterance]) -> list[Said]:
        """Scores of others."""


@dataclass(frozen=True, slots=True)
class Score:
    """How well one kind of score is told, on utterances that were not learned from."""

    level: str  # phone, word or utterance
    aspect: str
    num: int
    pcc: float
    pcc_interval: Interval | None
    mse: float
    mse_interval: Interval | None
    alone: float  # the correlation of GOP alone, its mean over the phones
    delta: Delta  # the correlation less that


@dataclass(frozen=True, slots=True)
class Ridge:
    """A line through standardized features, held back by a penalty on its weights."""

    weights_FK: Array
    means: tuple[Array, Array]
    scale_F: Array
    ends: tuple[Array, Array]  # the lowest and the highest score learned from

    @classmethod
    def of(cls, features_NF: Array, targets_NK: Array, penalty: float) -> Ridge:
        middle_F, scale_F = features_NF.mean(axis=0), features_NF.std(axis=0)
        scale_F = np.where(scale_F > 1e-9, scale_F, 1.0)
        x_NF, mean_K = (features_NF - middle_F) / scale_F, targets_NK.mean(axis=0)
        gram_FF = x_NF.T @ x_NF + penalty * np.eye(x_NF.shape[1])
        weights_FK = np.linalg.solve(gram_FF, x_NF.T @ (targets_NK - mean_K))
        return cls(weights_FK, (middle_F, mean_K), scale_F, (targets_NK.min(axis=0), targets_NK.max(axis=0)))

    def __call__(self, features_NF: Array) -> Array:
        said_NK = (features_NF - self.means[0]) / self.scale_F @ self.weights_FK + self.means[1]
        return np.clip(said_NK, *self.ends)


def held_out(
    features_NF: Array, targets_NK: Array, folds_N: NDArray[np.intp], penalties: Sequence[float] = PENALTIES
) -> tuple[float, Array]:
    """The penalty with the least squared error on folds that were left out, and what is said of each then."""
    found = []
    for penalty in penalties:
        said_NK = np.empty_like(targets_NK)
        for fold in np.unique(folds_N):
            out_N = folds_N == fold
            rest_N = ~out_N if (~out_N).any() else out_N
            said_NK[out_N] = Ridge.of(features_NF[rest_N], targets_NK[rest_N], penalty)(features_NF[out_N])
        found.append(
            (float(((said_NK - targets_NK) ** 2 / targets_NK.var(axis=0).clip(1e-9)).mean()), penalty, said_NK)
        )
    _, penalty, said_NK = min(found, key=lambda one: one[:2])
    return penalty, said_NK


class RidgeScorer:
    """Ridge regression at all three levels, the upper ones on what the lowest says of phones it did not learn from."""

    def __init__(self) -> None:
        self.word_aspects: tuple[str, ...] = ()
        self.aspects: tuple[str, ...] = ()
        self.penalties: dict[str, float] = {}  # chosen, by level
        self._lines: dict[str, Ridge] = {}
        self._phones: tuple[str, ...] = ()

    def fit(self, found: Sequence[Utterance]) -> None:
        found = [one for one in found if one.phone_scores is not None]
        if len(found) < FOLDS:
            raise InputError(f"only {len(found)} utterances have phone scores to learn from: name others to fit on")
        self._phones = tuple(sorted({phone for one in found for phone in one.phones}))
        self.word_aspects, self.aspects = aspects(found)
        folds = folds_of(found)
        sizes = [len(one.phones) for one in found]
        said_P = self._learn(
            "phone",
            np.concatenate([phone_features(one, self._phones) for one in found]),
            np.concatenate([one.phone_scores for one in found if one.phone_scores is not None])[:, None],
            np.repeat(folds, sizes),
        )[:, 0]
        said = np.split(said_P, np.cumsum(sizes)[:-1])
        if self.word_aspects:
            kept = [replace(one, words=scored_words(one)) for one in found]
            rows = [[[word.scores[name] for name in self.word_aspects] for word in one.words] for one in kept]
            self._learn(
                "word",
                np.concatenate([word_features(one, its) for one, its in zip(kept, said, strict=True)]),
                np.array([row for its in rows for row in its]),
                np.repeat(folds, [len(one.words) for one in kept]),
            )
        if self.aspects:
            features_NF = np.stack([utterance_features(one, its) for one, its in zip(found, said, strict=True)])
            targets_NK = np.array([[one.scores[name] for name in self.aspects] for one in found])
            self._learn("utterance", features_NF, targets_NK, folds)

    def predict(self, found: Sequence[Utterance]) -> list[Said]:
        made = []
        for one in found:
            said_P = self._lines["phone"](phone_features(one, self._phones))[:, 0]
            kept = replace(one, words=scored_words(one))
            words_WK = np.zeros((len(kept.words), len(self.word_aspects)))
            if "word" in self._lines and kept.words:
                words_WK = self._lines["word"](word_features(kept, said_P))
            whole_K = np.zeros(0)
            if "utterance" in self._lines:
                whole_K = self._lines["utterance"](utterance_features(one, said_P)[None])[0]
            made.append(Said(said_P, words_WK, whole_K))
        return made

    def _learn(self, level: str, features_NF: Array, targets_NK: Array, folds_N: NDArray[np.intp]) -> Array:
        self.penalties[level], said_NK = held_out(features_NF, targets_NK, folds_N)
        self._lines[level] = Ridge.of(features_NF, targets_NK, self.penalties[level])
        return said_NK


def folds_of(found: Sequence[Utterance]) -> NDArray[np.intp]:
    """Which of the folds each utterance is in: all of a speaker in one, if there are enough of them."""
    groups = [one.group for one in found]
    if None in groups or len(set(groups)) < FOLDS:
        return np.arange(len(found)) % FOLDS
    place = {group: n % FOLDS for n, group in enumerate(sorted(set(map(str, groups))))}
    return np.array([place[str(group)] for group in groups])


def judge(scorer: Scorer, found: Sequence[Utterance], num_resamples: int = NUM_RESAMPLES) -> list[Score]:
    """How well each kind of score is told, beside GOP alone, with intervals over speakers where there are enough."""
    said = scorer.predict(found)
    groups = [one.group for one in found]
    scores = []
    with_phones = [n for n, one in enumerate(found) if one.phone_scores is not None]
    if with_phones:
        truth = [one.phone_scores for one in found if one.phone_scores is not None]
        told = [said[n].phones for n in with_phones]
        alone = [found[n].gop_PF[:, FREE] for n in with_phones]
        places = np.repeat(with_phones, [len(part) for part in told])
        columns = (np.concatenate(told), np.concatenate(truth), np.concatenate(alone))
        scores.append(_score("phone", "phone", columns, places, groups, num_resamples))
    for k, name in enumerate(scorer.word_aspects):
        rows = [
            (said[n].words[w, k], word.scores[name], one.gop_PF[word.start : word.end, FREE].mean(), n)
            for n, one in enumerate(found)
            for w, word in enumerate(scored_words(one))
            if name in word.scores
        ]
        scores += _of_rows("word", name, rows, groups, num_resamples)
    for k, name in enumerate(scorer.aspects):
        rows = [
            (said[n].whole[k], one.scores[name], one.gop_PF[:, FREE].mean(), n)
            for n, one in enumerate(found)
            if name in one.scores
        ]
        scores += _of_rows("utterance", name, rows, groups, num_resamples)
    return scores


def _of_rows(
    level: str, name: str, rows: Sequence[tuple[float, ...]], groups: Sequence[str | None], num_resamples: int
) -> list[Score]:
    if len(rows) < 2:
        return []
    said, truth, alone, places = (np.array(column) for column in zip(*rows, strict=True))
    return [_score(level, name, (said, truth, alone), places.astype(np.intp), groups, num_resamples)]


def _score(
    level: str,
    name: str,
    columns: tuple[Array, Array, Array],
    places: NDArray[np.intp],
    groups: Sequence[str | None],
    num_resamples: int,
) -> Score:
    said, truth, alone = columns
    errors = (said - truth) ** 2
    named: dict[str, Weighed] = {
        "pcc": of_parts(pearson(said, truth), places),
        "mse": of_parts(lambda counts_PR: (errors @ counts_PR) / np.maximum(counts_PR.sum(axis=0), 1e-9), places),
        "alone": of_parts(pearson(alone, truth), places),
    }
    named["gain"] = _less(named["pcc"], named["alone"])
    values = reckon(named, len(groups))
    drawn = groups if resampling_unit(groups) == "group" else None
    ends = weighed_intervals({one: named[one] for one in values}, len(groups), drawn, num_resamples=num_resamples)
    pcc, mse, plain, gain = (values.get(one, 0.0) for one in ("pcc", "mse", "alone", "gain"))  # 0: nothing varies
    delta = Delta(gain, ends.get("gain"), "higher")
    return Score(level, name, len(said), pcc, ends.get("pcc"), mse, ends.get("mse"), plain, delta)


def _less(first: Callable[[Array], Array], second: Callable[[Array], Array]) -> Weighed:
    return lambda counts_NR: first(counts_NR) - second(counts_NR)
