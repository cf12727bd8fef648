"""The envelope of a keyed tone: how loud it is at each moment, and whether the key seems down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.signal import butter, sosfiltfilt
from torch import Tensor

from project.contract import InputError
from project.feature import waveform
from project.feature.waveform import Wave


class Envelope:
    """Loudness over all frequencies: rectified, smoothed, divided by its peak, and compared with a threshold.

    Two features a frame: the level (0 to 1) and the state (1 where the level reaches `threshold_ratio`, else 0). Both
    are the same at any gain, and zero for silence. It does not know the tone: noise at every frequency counts, unless
    `band_hz` keeps a band only.
    """

    num_features = 2
    state_column = 1
    settings: Mapping[str, Any]

    def __init__(
        self,
        sample_rate: int = 8000,
        frame_rate: int = 100,
        smooth_ms: float = 10,
        threshold_ratio: float = 0.3,
        band_hz: Sequence[float] | None = None,
    ) -> None:
        if sample_rate <= 0 or frame_rate <= 0 or sample_rate % frame_rate:
            raise InputError(
                f"feature: sample_rate {sample_rate} is no multiple of frame_rate {frame_rate}: "
                "choose rates that divide, such as 8000 and 100"
            )
        if not 0 < threshold_ratio <= 1:
            raise InputError(f"feature: threshold_ratio {threshold_ratio} is outside (0, 1]: the source used 0.3")
        if band_hz is not None and not (len(band_hz) == 2 and 0 < band_hz[0] < band_hz[1] < sample_rate / 2):
            raise InputError(f"feature: band_hz {list(band_hz)} is no [low, high] below {sample_rate / 2:g} Hz")
        self.sample_rate = sample_rate
        self._hop = sample_rate // frame_rate
        self._window = max(1, round(smooth_ms / 1000 * sample_rate))
        self._threshold = threshold_ratio
        self._filter = None if band_hz is None else butter(2, list(band_hz), "bandpass", fs=sample_rate, output="sos")
        self.settings = {
            "feature": "envelope@1",
            "sample_rate": sample_rate,
            "level": "relative to the loudest moment",
            "frame_rate": frame_rate,
            "smooth_ms": smooth_ms,
            "threshold_ratio": threshold_ratio,
            "band_hz": None if band_hz is None else list(band_hz),
        }

    def read(self, media: str) -> Wave:
        """The waveform of a recording, mono, at this feature's sample rate."""
        return waveform.read(media, self.sample_rate)

    def __call__(self, signal: Wave) -> Tensor:
        """(T, 2) float32: level and state of each frame."""
        if self._filter is not None and len(signal) > _FILTER_PADDING:
            signal = sosfiltfilt(self._filter, signal, padlen=_FILTER_PADDING)
        level = frame_means(np.abs(signal), self._hop, self._window)
        peak = level.max(initial=0.0)
        level = level / peak if peak > 0 else level
        return torch.from_numpy(np.stack([level, level >= self._threshold], axis=1).astype(np.float32))

    def num_frames(self, length: float) -> int:
        """How many frames a recording of that many seconds gives."""
        return -(-round(length * self.sample_rate) // self._hop)


_FILTER_PADDING = 15  # samples; scipy's own choice for this filter


def frame_means(values: NDArray[np.float32], hop: int, window: int) -> NDArray[np.float64]:
    """Means over windows centred in frames of `hop` values; a last, shorter frame counts.

    Windows end where the values do, and hold at least one.

    >>> frame_means(np.array([1, 3, 5, 7, 9], dtype=np.float32), hop=2, window=2).tolist()
    [2.0, 6.0, 9.0]
    """
    sums = np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])
    starts = np.arange(0, len(values), hop) + (hop - window) // 2
    ends = np.clip(starts + window, 1, len(values))
    starts = np.clip(starts, 0, ends - 1)
    return np.asarray((sums[ends] - sums[starts]) / (ends - starts))
