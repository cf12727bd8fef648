"""Changes made to examples in training only, each a function of the generator it is given."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor

FloatArray = np.ndarray[Any, np.dtype[np.float32]]


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
