"""Five people who judge how phones were said: marks that lie about the truth, as those of real ones do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

_LENIENCE: Final = np.array([-0.15, -0.05, 0.0, 0.05, 0.15])  # of each rater, in units of a phone score
_LAPSES: Final = 0.01  # part of marks that are given to something else than the phone

# Of 644 utterances that people judged: accuracy = -2.7 + 5.6 * mean phone score, give or take 0.9.
_ACCURACY: Final = (-2.7, 5.6)
_ACCURACY_NOISE: Final = 0.9


def judge_phones(qualities: Sequence[float], noise: float, rng: np.random.Generator) -> list[float]:
    """A score from 0 to 2 for each phone: the mean of five whole marks."""
    heard_NR = np.array(qualities)[:, None] + _LENIENCE + noise * rng.standard_normal((len(qualities), len(_LENIENCE)))
    lapses_NR = rng.random(heard_NR.shape) < _LAPSES
    marks_NR = np.where(lapses_NR, rng.integers(0, 3, heard_NR.shape), np.clip(np.round(heard_NR), 0, 2))
    return [round(float(score), 1) for score in marks_NR.mean(axis=1)]


def judge_utterance(qualities: Sequence[float], noise: float, rng: np.random.Generator) -> float:
    """Accuracy from 0 to 10: the median of five whole marks, which hang on the mean quality of the phones."""
    constant, slope = _ACCURACY
    spread = _ACCURACY_NOISE * noise / 0.2
    heard_R = constant + slope * (np.mean(qualities) + _LENIENCE) + spread * rng.standard_normal(len(_LENIENCE))
    return float(np.median(np.clip(np.round(heard_R), 0, 10)))
