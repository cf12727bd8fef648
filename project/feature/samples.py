"""The sound itself, sample by sample: what networks are shown that make their own picture of speech.

It does not know what is said in it, nor cuts it up: each sample is a frame.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, final

import numpy as np
import torch
from torch import Tensor

from project.feature import waveform
from project.feature.waveform import Wave

_FLOOR = 1e-7  # of the variance: silence stays silence
_RMS = 0.1


@final
class Samples:
    """A recording at 16 kHz, mono, brought to one loudness as a whole.

    `level` is `standard` (zero mean and unit variance, as wav2vec2 and its kin were trained), `rms` (a root mean square
    of 0.1, the mean as it is) or `none` (full scale is 1, as recorded).
    """

    num_features = 1
    sample_rate = 16000
    settings: Mapping[str, Any]

    def __init__(self, level: Literal["standard", "rms", "none"] = "standard") -> None:
        self._level = level
        self.settings = {"feature": "samples@1", "sample_rate": self.sample_rate, "level": level}

    def read(self, media: str) -> Wave:
        """The waveform of a recording, mono, at 16 kHz."""
        return waveform.read(media, self.sample_rate)

    def __call__(self, signal: Wave) -> Tensor:
        """(T, 1) float32: the samples."""
        if self._level == "standard":
            signal = standardize(signal)
        elif self._level == "rms":
            signal = waveform.normalize_rms(signal, _RMS)
        return torch.from_numpy(np.array(signal, dtype=np.float32))[:, None]

    def num_frames(self, length: float) -> int:
        """How many samples a recording of that many seconds has."""
        return round(length * self.sample_rate)


def standardize(wave: Wave) -> Wave:
    """The same sound with zero mean and unit variance; what never changes becomes silence.

    >>> standardize(np.array([1.0, 3.0], dtype=np.float32)).round(4).tolist()
    [-1.0, 1.0]
    """
    if not len(wave):
        return wave
    exact = wave.astype(np.float64)
    return np.asarray((exact - exact.mean()) / np.sqrt(exact.var() + _FLOOR), dtype=np.float32)
