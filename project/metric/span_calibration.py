"""Metrics of calibration: whether what is said to be probable to some per cent comes true as often."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from project.contract import Hypothesis, InputError
from project.metric.association import Array, Weighed
from project.metric.span_reading import read_frames


class FrameCalibration:
    """Expected calibration error over all frames, in bins of equal width, and the Brier score.

    The first is the mean distance, over frames, between what a bin's frames were said to be on average and the part of
    them that lies inside. The second is the mean square of the distance of each frame's probability from 0 or 1. A head
    that always says the base rate is calibrated: neither knows whether frames are told apart.
    """

    def __init__(self, name: str, brier: str, bins: int = 15) -> None:
        if bins < 1:
            raise InputError(f"metric.{name}.bins: {bins}: give 1 or more")
        self.name = name
        self.better: Literal["lower", "higher"] = "lower"
        self._brier = brier
        self._edges = np.arange(1, bins) / bins
        self._gaps = [f"{name}_gap_{place:02d}" for place in range(bins)]
        self._squares, self._frames = f"{name}_squares", f"{name}_frames"
        self.ratios: Mapping[str, tuple[Sequence[str], Sequence[str]]] = {brier: ((self._squares,), (self._frames,))}

    def score(self, reference: str, hypothesis: Hypothesis) -> Mapping[str, float]:
        """Of each bin the sum of probabilities less the frames inside; of all frames the sum of squared distances."""
        said_T, wanted_T = read_frames(self.name, reference, hypothesis)
        gaps_T = said_T - wanted_T
        places_T = np.searchsorted(self._edges, said_T, side="right")
        gaps = np.bincount(places_T, gaps_T, minlength=len(self._gaps)).tolist()
        return {
            **dict(zip(self._gaps, gaps, strict=True)),
            self._squares: float(np.square(gaps_T).sum()),
            self._frames: float(len(said_T)),
        }

    def summarize(self, columns: Mapping[str, Sequence[float]]) -> Mapping[str, float]:
        """The calibration error, and the Brier score."""
        frames = sum(columns[self._frames])
        if not frames:
            raise InputError(f"metric.{self.name}: there are no frames: evaluate a manifest that has some")
        gap = sum(abs(sum(columns[name])) for name in self._gaps)
        return {self.name: gap / frames, self._brier: sum(columns[self._squares]) / frames}

    def weigh(self, columns: Mapping[str, Array]) -> Mapping[str, Weighed]:
        """The calibration error of many resamples at once."""
        gaps_KN, frames_N = np.stack([columns[name] for name in self._gaps]), columns[self._frames]
        return {self.name: lambda counts_NR: np.abs(gaps_KN @ counts_NR).sum(axis=0) / (frames_N @ counts_NR)}
