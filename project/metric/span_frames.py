"""Metrics of single frames: F1 of those that count as inside a span, and how far probabilities lie apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from project.contract import Hypothesis, InputError
from project.metric.association import Array, Weighed, divide
from project.metric.span_reading import read_frames, wanted_in_all

HALF = 0.5


class FrameF1:
    """F1 of frames at the threshold that decodes, at a half, and of calling every frame inside.

    The last is what F1 comes to for nothing: 2p / (1 + p), with p the part of frames inside. Precision is left out
    where no frame was called inside. It does not know which frames make one span.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.better: Literal["lower", "higher"] = "higher"
        hits, said, wanted, frames, half_hits, half_said = (
            f"{name}_{part}" for part in ("hits", "said", "wanted", "frames", "half_hits", "half_said")
        )
        self.ratios: Mapping[str, tuple[Sequence[str], Sequence[str]]] = {
            name: ((hits, hits), (said, wanted)),
            f"{name}_half": ((half_hits, half_hits), (half_said, wanted)),
            f"{name}_all": ((wanted, wanted), (frames, wanted)),
            f"{name}_precision": ((hits,), (said,)),
            f"{name}_recall": ((hits,), (wanted,)),
        }

    def score(self, reference: str, hypothesis: Hypothesis) -> Mapping[str, float]:
        """Counts of one example: frames in all, wanted, said at both thresholds, and said rightly."""
        said_T, wanted_T = read_frames(self.name, reference, hypothesis)
        assert hypothesis.track is not None, "read_frames has seen to it"
        above_T, half_T = said_T >= hypothesis.track.threshold, said_T >= HALF
        counts = {
            "hits": above_T & wanted_T, "said": above_T, "wanted": wanted_T,
            "half_hits": half_T & wanted_T, "half_said": half_T,
        }  # fmt: skip
        found = {f"{self.name}_{part}": float(np.count_nonzero(flags_T)) for part, flags_T in counts.items()}
        return {**found, f"{self.name}_frames": float(len(said_T))}

    def summarize(self, columns: Mapping[str, Sequence[float]]) -> Mapping[str, float]:
        """F1 at the stored threshold first."""
        wanted_in_all(self.name, columns[f"{self.name}_wanted"])
        sums = {
            name: (sum(sum(columns[column]) for column in above), sum(sum(columns[column]) for column in below))
            for name, (above, below) in self.ratios.items()
        }
        return {name: above / below for name, (above, below) in sums.items() if below}


class FrameSeparation:
    """How much more probable frames inside are said to be than frames outside: the difference of the two means.

    It does not know whether a threshold between them would tell all apart: that is ranking.
    """

    ratios: Mapping[str, tuple[Sequence[str], Sequence[str]]] = {}

    def __init__(self, name: str) -> None:
        self.name = name
        self.better: Literal["lower", "higher"] = "higher"
        self._columns = tuple(f"{name}_{part}" for part in ("in_sum", "in_frames", "out_sum", "out_frames"))

    def score(self, reference: str, hypothesis: Hypothesis) -> Mapping[str, float]:
        """Sums of probabilities and numbers of frames, inside and outside."""
        said_T, wanted_T = read_frames(self.name, reference, hypothesis)
        within, wanted = float(said_T[wanted_T].sum()), float(np.count_nonzero(wanted_T))
        counts = within, wanted, float(said_T.sum()) - within, len(said_T) - wanted
        return dict(zip(self._columns, counts, strict=True))

    def summarize(self, columns: Mapping[str, Sequence[float]]) -> Mapping[str, float]:
        """The difference of the means."""
        inner, wanted, outer, others = (sum(columns[name]) for name in self._columns)
        wanted_in_all(self.name, columns[f"{self.name}_in_frames"])
        if not others:
            raise InputError(f"metric.{self.name}: every frame lies in a span: evaluate windows with frames outside")
        return {self.name: inner / wanted - outer / others}

    def weigh(self, columns: Mapping[str, Array]) -> Mapping[str, Weighed]:
        """The same of many resamples at once."""
        columns_CN = np.stack([columns[name] for name in self._columns])

        def figures(counts_NR: Array) -> Array:
            inner_R, wanted_R, outer_R, others_R = columns_CN @ counts_NR
            return divide(inner_R, wanted_R) - divide(outer_R, others_R)

        return {self.name: figures}
