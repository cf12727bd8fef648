"""Metrics of ranks: whether frames inside a span are said to be more probable than frames outside, at any threshold.

Shapes: K steps of log odds in rising order, N examples, R resamples.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import numpy as np
from scipy.special import digamma, expit

from project.contract import Hypothesis, InputError
from project.metric.association import Array, Weighed, divide
from project.metric.span_reading import read_frames, wanted_in_all


class FrameRanking:
    """Average precision and the area under the ROC curve over all frames of all examples.

    Log odds are counted in steps from `-limit` to `limit`, and frames within one step rank as equal. With steps of a
    quarter both come out 0.002 too low at most where log odds are calibrated, 7 % of the frames lie inside and the area
    is .74 to .94; but a head whose answers lie within a few steps ranks nearer to chance here than it does.
    """

    ratios: Mapping[str, tuple[Sequence[str], Sequence[str]]] = {}

    def __init__(self, name: str, auroc: str, step: float = 0.25, limit: float = 7.0) -> None:
        if not 0 < step <= limit:
            raise InputError(
                f"metric.{name}.step: {step} of log odds up to {limit}: give less than that and more than 0"
            )
        self.name = name
        self.better: Literal["lower", "higher"] = "higher"
        self._auroc = auroc
        half = round(limit / step)
        self._edges_K = expit(step * np.arange(-half, half + 1))
        places = range(len(self._edges_K) + 1)
        self._inside, self._outside = ([f"{name}_{side}_{place:03d}" for place in places] for side in ("in", "out"))

    def score(self, reference: str, hypothesis: Hypothesis) -> Mapping[str, float]:
        """How many frames inside, and how many outside, lie in each step."""
        said_T, wanted_T = read_frames(self.name, reference, hypothesis)
        size = len(self._inside)
        places_T = np.searchsorted(self._edges_K, said_T, side="right")
        counts = np.bincount(places_T + size * ~wanted_T, minlength=2 * size).astype(np.float64).tolist()
        return dict(zip([*self._inside, *self._outside], counts, strict=True))

    def summarize(self, columns: Mapping[str, Sequence[float]]) -> Mapping[str, float]:
        """Average precision, and the area under the ROC curve."""
        inside_K1, outside_K1 = (
            np.array([[sum(columns[name])] for name in names], dtype=np.float64)
            for names in (self._inside, self._outside)
        )
        wanted_in_all(self.name, inside_K1[:, 0].tolist())
        if not outside_K1.any():
            raise InputError(f"metric.{self.name}: every frame lies in a span: evaluate windows with frames outside")
        precision_1, area_1 = average_precision(inside_K1, outside_K1), roc_area(inside_K1, outside_K1)
        return {self.name: float(precision_1[0]), self._auroc: float(area_1[0])}

    def weigh(self, columns: Mapping[str, Array]) -> Mapping[str, Weighed]:
        """The same of many resamples at once."""
        inside_KN, outside_KN = (np.stack([columns[name] for name in names]) for names in (self._inside, self._outside))

        def resampled(figure: Callable[[Array, Array], Array]) -> Weighed:
            return lambda counts_NR: figure(inside_KN @ counts_NR, outside_KN @ counts_NR)

        return {self.name: resampled(average_precision), self._auroc: resampled(roc_area)}


def average_precision(inside_KR: Array, outside_KR: Array) -> Array:
    """(R,) mean, over frames inside, of the precision down to each, as expected with equal ranks in random order.

    That is McSherry and Najork's (2008). Of a step with s frames, h of them inside, that follows on b frames with a of
    them inside, the place i has a frame inside with chance h/s, and with it a + 1 + (i - 1)(h - 1)/(s - 1) of b + i
    frames are inside, which sums up by harmonic numbers. With precision at the step's end instead, as ties are often
    reckoned, wide steps would cost much more.

    >>> average_precision(np.array([[0.0], [1.0], [1.0]]), np.array([[2.0], [1.0], [0.0]])).round(3).tolist()
    [0.917]
    """
    inside_KR, sizes_KR = inside_KR[::-1], (inside_KR + outside_KR)[::-1]
    hits_KR, said_KR = inside_KR.cumsum(axis=0) - inside_KR, sizes_KR.cumsum(axis=0) - sizes_KR
    slope_KR = (inside_KR - 1) / (sizes_KR - 1).clip(min=1)
    harmonic_KR = digamma(said_KR + sizes_KR + 1) - digamma(said_KR + 1)
    sums_KR = slope_KR * sizes_KR + (hits_KR + 1 - slope_KR * (said_KR + 1)) * harmonic_KR
    return divide((inside_KR / sizes_KR.clip(min=1) * sums_KR).sum(axis=0), inside_KR.sum(axis=0))


def roc_area(inside_KR: Array, outside_KR: Array) -> Array:
    """(R,) chance that a frame inside stands in a higher step than one outside, the same step counting half.

    >>> roc_area(np.array([[0.0], [1.0], [1.0]]), np.array([[2.0], [1.0], [0.0]])).round(3).tolist()
    [0.917]
    """
    below_KR = outside_KR.cumsum(axis=0) - outside_KR / 2
    return divide((inside_KR * below_KR).sum(axis=0), inside_KR.sum(axis=0) * outside_KR.sum(axis=0))
