"""Changes made to examples in training, and targets made of their frames: functions of the generator they are given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from project.contract import InputError
from project.feature.timing import TimingPrior

FloatArray = np.ndarray[Any, np.dtype[np.float32]]
BoolArray = np.ndarray[Any, np.dtype[np.bool_]]


class Gain:
    """Scales a waveform by a random factor, even in decibels."""

    stage = "signal"

    def __init__(self, low_db: float = -12.0, high_db: float = 0.0) -> None:
        self.low_db = low_db
        self.high_db = high_db

    def __call__(self, item: FloatArray, generator: np.random.Generator) -> FloatArray:
        factor = 10 ** (generator.uniform(self.low_db, self.high_db) / 20)
        return np.asarray(item * factor, dtype=np.float32)


class Noise:
    """Adds white noise at a random ratio of the whole signal's power to the noise's, over the full band."""

    stage = "signal"

    def __init__(self, low_db: float = 10.0, high_db: float = 40.0) -> None:
        self.low_db = low_db
        self.high_db = high_db

    def __call__(self, item: FloatArray, generator: np.random.Generator) -> FloatArray:
        power = float(np.mean(np.square(item, dtype=np.float64)))
        deviation = np.sqrt(power / 10 ** (generator.uniform(self.low_db, self.high_db) / 10))
        return np.asarray(item + deviation * generator.standard_normal(item.shape), dtype=np.float32)


class TimeMask:
    """Silences random stretches of frames, so that no single moment is relied on."""

    stage = "frames"

    def __init__(self, masks: int = 2, longest_frames: int = 10) -> None:
        self.masks = masks
        self.longest_frames = longest_frames

    def __call__(self, item: Tensor, generator: np.random.Generator) -> Tensor:
        frames_TF = item.clone()
        for _ in range(self.masks):
            width = int(generator.integers(0, self.longest_frames + 1))
            start = int(generator.integers(0, max(1, len(frames_TF) - width)))
            frames_TF[start : start + width] = 0
        return frames_TF


class SpanMask:
    """Chooses spans of frames to hide, and says what is to be told about them: whether the key is down.

    It changes no frame: the model leaves out what is `hidden`. `states` is the state of each frame as the feature tells
    it, and `trust` how much that counts, 0 to 1. With `timing` the 1/3/7 prior has its say: glitches are filled, and a
    run that is neither dit nor dah nor gap counts for less. A feature that integrates over several frames shows the
    beginning and end of a span in the frames beside it: nothing is asked of `guard_frames` at either end.
    """

    stage = "targets"

    def __init__(
        self,
        part: float = 0.3,
        span_frames: Sequence[int] = (10, 40),
        guard_frames: int = 0,
        timing: bool = False,
    ) -> None:
        if not 0 < part < 1:
            raise InputError(f"data.augment: SpanMask.part is {part}: give a part of the frames between 0 and 1")
        if len(span_frames) != 2 or not 0 < span_frames[0] <= span_frames[1]:
            raise InputError(f"data.augment: SpanMask.span_frames is {list(span_frames)}: give [shortest, longest]")
        if not 0 <= 2 * guard_frames < span_frames[0]:
            raise InputError(f"data.augment: SpanMask.guard_frames is {guard_frames}: give less than half a span")
        self.part = part
        self.span_frames = (int(span_frames[0]), int(span_frames[1]))
        self.guard_frames = guard_frames
        self.prior = TimingPrior() if timing else None

    def __call__(self, item: Tensor, generator: np.random.Generator) -> dict[str, Tensor]:
        hidden_T, asked_T = self._spans(len(item), generator)
        states_T, trust_T = item.numpy().astype(np.bool_), np.ones(len(item))
        if self.prior is not None:
            states_T = self.prior.clean(states_T)
            trust_T = self.prior.fit(states_T).trust
        return {
            "hidden": torch.from_numpy(hidden_T),
            "states": torch.from_numpy(states_T.astype(np.float32)),
            "trust": torch.from_numpy((trust_T * asked_T).astype(np.float32)),
        }

    def _spans(self, frames: int, generator: np.random.Generator) -> tuple[BoolArray, BoolArray]:
        """Which frames are hidden, and which of them lie far enough inside: spans until `part` is reached."""
        hidden_T = np.zeros(frames, dtype=np.bool_)
        while frames > 1 and hidden_T.sum() < self.part * frames:
            width = min(int(generator.integers(self.span_frames[0], self.span_frames[1] + 1)), frames // 2)
            start = int(generator.integers(0, frames - width + 1))
            hidden_T[start : start + width] = True
        asked_T = hidden_T.copy()
        for edge in 1 + np.flatnonzero(hidden_T[1:] != hidden_T[:-1]):
            asked_T[max(0, edge - self.guard_frames) : edge + self.guard_frames] = False
        return hidden_T, asked_T
