"""Metrics of whole spans: F1 of those that overlap one that is wanted by enough, and the precision of their ranks.

Shapes: K bins of confidence in rising order, O overlaps, N examples, R resamples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from project.contract import Hypothesis, InputError
from project.metric.association import Array, Weighed, divide
from project.metric.span_overlap import count_matches, hits_in_turn, overlaps
from project.metric.span_ranking import average_precision
from project.metric.span_reading import confidences_of, wanted_in_all
from project.text.span_notation import read_spans


class SegmentF1:
    """F1 of spans: twice the pairs that overlap by enough, over the spans said and the spans wanted.

    Overlap is intersection over union; pairs are one to one and as many as possible. The first of `overlaps` is the
    figure's own. Kinds are not looked at. Where spans are wanted and none is said it is 0.
    """

    def __init__(self, name: str, overlaps: Sequence[float]) -> None:
        self._overlaps = checked_overlaps(name, overlaps)
        self.name = name
        self.better: Literal["lower", "higher"] = "higher"
        self._said, self._wanted = f"{name}_said", f"{name}_wanted"
        self._pairs = [f"{name}_pairs_{percent}" for percent in self._overlaps]
        figures = [name, *(f"{name}_{percent}" for percent in list(self._overlaps)[1:])]
        below = self._said, self._wanted
        self.ratios: Mapping[str, tuple[Sequence[str], Sequence[str]]] = {
            figure: ((pairs, pairs), below) for figure, pairs in zip(figures, self._pairs, strict=True)
        }

    def score(self, reference: str, hypothesis: Hypothesis) -> Mapping[str, float]:
        """Spans said and wanted, and pairs at each overlap."""
        wanted = [(mark.start, mark.end) for mark in read_spans(reference)]
        shares_SW = overlaps(hypothesis.spans, wanted)
        pairs = [float(count_matches(shares_SW, least)) for least in self._overlaps.values()]
        sizes = {self._said: float(len(hypothesis.spans)), self._wanted: float(len(wanted))}
        return sizes | dict(zip(self._pairs, pairs, strict=True))

    def summarize(self, columns: Mapping[str, Sequence[float]]) -> Mapping[str, float]:
        """F1 at each overlap."""
        total = wanted_in_all(self.name, columns[self._wanted]) + sum(columns[self._said])
        return {figure: 2 * sum(columns[pairs]) / total for figure, pairs in zip(self.ratios, self._pairs, strict=True)}


class SegmentMap:
    """Mean average precision of spans ranked by confidence: precision down to each hit, of all that are wanted.

    The mean is over overlaps as well. Within a window the surer span takes the wanted one first; one that is missed has
    precision 0. Over all windows, confidences are ranked in bins of equal width, those of one bin in random order.
    Precision is what it is: benchmarks that take the best at any higher recall come out a little higher. Kinds are not
    looked at.
    """

    ratios: Mapping[str, tuple[Sequence[str], Sequence[str]]] = {}

    def __init__(self, name: str, overlaps: Sequence[float], bins: int = 10) -> None:
        if bins < 1:
            raise InputError(f"metric.{name}.bins: {bins}: give 1 or more")
        self._overlaps = checked_overlaps(name, overlaps)
        self.name = name
        self.better: Literal["lower", "higher"] = "higher"
        self._edges = np.arange(1, bins) / bins
        self._wanted = f"{name}_wanted"
        self._said = [f"{name}_said_{place:02d}" for place in range(bins)]
        self._hits = {o: [f"{name}_hits_{o}_{place:02d}" for place in range(bins)] for o in self._overlaps}
        self._columns = [self._wanted, *self._said, *(column for hits in self._hits.values() for column in hits)]

    def score(self, reference: str, hypothesis: Hypothesis) -> Mapping[str, float]:
        """Spans wanted; spans said in each bin, and how many of these hit at each overlap."""
        wanted = [(mark.start, mark.end) for mark in read_spans(reference)]
        sure_S = np.array(confidences_of(self.name, hypothesis), dtype=np.float64)
        order_S = np.argsort(-sure_S, kind="stable")
        places_S = np.searchsorted(self._edges, sure_S[order_S], side="right")
        shares_SW = overlaps(hypothesis.spans, wanted)[order_S]
        found = {self._wanted: float(len(wanted)), **self._counted(self._said, places_S)}
        for percent, least in self._overlaps.items():
            found |= self._counted(self._hits[percent], places_S[hits_in_turn(shares_SW, least)])
        return found

    def summarize(self, columns: Mapping[str, Sequence[float]]) -> Mapping[str, float]:
        """The mean of all overlaps' average precisions."""
        wanted_in_all(self.name, columns[self._wanted])
        sums = {name: np.array([sum(columns[name])], dtype=np.float64) for name in self._columns}
        return {self.name: float(self.weigh(sums)[self.name](np.ones((1, 1)))[0])}

    def weigh(self, columns: Mapping[str, Array]) -> Mapping[str, Weighed]:
        """The same of many resamples at once."""
        columns_CN = np.stack([columns[name] for name in self._columns])
        bins = len(self._said)

        def figure(counts_NR: Array) -> Array:
            wanted_1R, said_KR, hits_CR = np.split(columns_CN @ counts_NR, [1, 1 + bins])
            hits_OKR = hits_CR.reshape(len(self._hits), bins, -1)
            areas = [hits_KR.sum(axis=0) * precision(hits_KR, said_KR) for hits_KR in hits_OKR]
            return divide(np.mean(areas, axis=0), wanted_1R[0])

        def precision(hits_KR: Array, said_KR: Array) -> Array:
            return np.nan_to_num(average_precision(hits_KR, said_KR - hits_KR))  # without a hit there is none

        return {self.name: figure}

    @staticmethod
    def _counted(names: Sequence[str], places: NDArray[np.intp]) -> dict[str, float]:
        counts = np.bincount(places, minlength=len(names)).astype(np.float64).tolist()
        return dict(zip(names, counts, strict=True))


def checked_overlaps(name: str, overlaps: Sequence[float]) -> dict[int, float]:
    """Overlaps by their per cent, which name columns and figures.

    >>> checked_overlaps("segment_f1", [0.5, 0.3])
    {50: 0.5, 30: 0.3}
    """
    found = {round(100 * least): least for least in overlaps}
    if not overlaps or len(found) < len(overlaps) or not all(0 < least <= 1 for least in overlaps):
        raise InputError(f"metric.{name}.overlaps: {list(overlaps)}: give different ones, more than 0 and 1 at most")
    return found
