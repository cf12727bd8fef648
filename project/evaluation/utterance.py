"""Utterances as a regression sees them: GOP of each phone and what is round it, and people's scores of it all.

It does not know how scores are learned. Features are plain arrays; what people did not score is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from project.contract import InputError
from project.evaluation.interval import Array
from project.evaluation.result import Report
from project.evaluation.words import Word
from project.metric.edit import align

MOST = 12.0  # of a log-probability ratio: beyond, it says no more


@dataclass(frozen=True, slots=True)
class Utterance:
    """What one recognizer says of how an utterance was said, and what people said."""

    id: str
    group: str | None
    seconds: float
    phones: tuple[str, ...]
    gop_PF: Array  # of each phone: see FEATURES
    log_prob: float
    phone_scores: Array | None
    scores: Mapping[str, float]
    words: tuple[Word, ...]


FEATURES = ("aligned", "free", "posterior", "heard")  # GOP, GOP, the latter as a probability, and whether it was heard


def utterances(report: Report, words: Mapping[str, Sequence[Word]]) -> list[Utterance]:
    """A Report's examples that have phones; refused where it has no GOP."""
    found = []
    for row in report.rows:
        one = row.assessment
        if one is None or not len(one.aligned) == len(one.free) == len(one.phones):
            raise InputError(f"{report.run}: {row.id}: its report has no GOP: evaluate it with system=phoneme")
        if not one.phones:
            continue
        scores = np.array(one.phone_scores) if len(one.phone_scores) == len(one.phones) else None
        aligned, free = (np.clip(np.array(gop, np.float64), -MOST, MOST) for gop in (one.aligned, one.free))
        heard = np.array(heard_right(one.phones, row.hypothesis.split()), np.float64)
        gop_PF = np.stack([aligned, free, np.exp(np.minimum(free, 0)), heard], axis=1)
        who = row.id, row.group, row.length, tuple(one.phones)
        found.append(Utterance(*who, gop_PF, one.log_prob, scores, one.scores, tuple(words.get(row.id, ()))))
    if not found:
        raise InputError(f"{report.run}: its report has no phones: evaluate it on a manifest that has some")
    return found


def heard_right(wanted: Sequence[str], heard: Sequence[str]) -> list[bool]:
    """Of each phone wanted, whether it was recognized in its place.

    >>> heard_right(["K", "AE", "T"], ["K", "EH", "T"])
    [True, False, True]
    """
    steps = align(reference=wanted, hypothesis=heard)
    return [kind == "equal" for kind, left, _ in steps if left is not None]


def phone_features(one: Utterance, names: Sequence[str]) -> Array:
    """(P, F) of each phone: its own, its neighbours', the utterance's, and which phone it is (of those named)."""
    own_PF = one.gop_PF
    silence_1F = np.zeros((1, own_PF.shape[1]))
    before_PF = np.concatenate([silence_1F, own_PF[:-1]])
    behind_PF = np.concatenate([own_PF[1:], silence_1F])
    whole_PF = np.broadcast_to([*own_PF.mean(axis=0), one.log_prob], (len(own_PF), own_PF.shape[1] + 1))
    place = {name: n for n, name in enumerate(names)}
    which_PV = np.zeros((len(own_PF), len(names)))
    for n, phone in enumerate(one.phones):
        if phone in place:
            which_PV[n, place[phone]] = 1
    return np.concatenate([own_PF, before_PF, behind_PF, whole_PF, which_PV], axis=1)


def word_features(one: Utterance, said_P: Array) -> Array:
    """(W, F) of each word, from its phones and what a regression said of these."""
    columns_PF = np.concatenate([one.gop_PF, said_P[:, None]], axis=1)
    rows = []
    for word in one.words:
        part_PF = columns_PF[word.start : word.end]
        rows.append([*part_PF.mean(axis=0), *part_PF.min(axis=0), len(part_PF), *columns_PF.mean(axis=0)])
    return np.array(rows).reshape(len(rows), 3 * columns_PF.shape[1] + 1)


def utterance_features(one: Utterance, said_P: Array) -> Array:
    """(F,) of the whole utterance: how its phones are, how much they vary, and how fast they come."""
    columns_PF = np.concatenate([one.gop_PF, said_P[:, None]], axis=1)
    low_F, high_F = np.quantile(columns_PF, [0.1, 0.9], axis=0)
    count = len(columns_PF)
    pace = count / one.seconds if one.seconds > 0 else 0.0
    parts = (columns_PF.mean(axis=0), columns_PF.std(axis=0), low_F, high_F)
    return np.concatenate([*parts, [one.log_prob, np.log(count), pace, np.log(one.seconds + 1)]])


def scored_words(one: Utterance) -> tuple[Word, ...]:
    """The words that hold phones."""
    return tuple(word for word in one.words if word.end > word.start)


def aspects(found: Sequence[Utterance]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What people scored of all words, and of all utterances, of those that have any score."""
    words = [set(word.scores) for one in found for word in one.words]
    wholes = [set(one.scores) for one in found]
    shared = [set.intersection(*names) if names else set[str]() for names in (words, wholes)]
    return tuple(sorted(shared[0])), tuple(sorted(shared[1]))
