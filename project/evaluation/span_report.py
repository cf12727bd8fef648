"""Reports of spans: how far recognized spans lie on those that are wanted, and what was said of single frames.

Texts of such reports are spans, `retracement 40-47`, which no alignment of letters can compare. It does not know what
is in a window. Shapes: N frames of all examples, S spans recognized, W spans wanted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from project.evaluation.grid import Grid
from project.evaluation.interval import Array
from project.evaluation.result import Report, Row
from project.metric.span_overlap import overlaps
from project.text.span_notation import SpanMark, read_spans

PRIMARY = "segment_f1"  # a figure by which a report is one of spans, even if it tells nothing of frames
LEAST_OVERLAP = 0.5  # intersection over union from which on a span is recognized
NUM_BINS = 10  # of a calibration

Pair = tuple[SpanMark | None, SpanMark | None]  # wanted and recognized; None is nothing
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Frames:
    """Of all frames of a report: the probability of lying in a span as it was said, and whether they do."""

    said_N: Array
    inside_N: Flags
    threshold: float

    @cached_property
    def is_called(self) -> Flags:
        """Which frames count as inside."""
        return self.said_N >= self.threshold


@dataclass(frozen=True)
class Bin:
    """Frames of which about the same was said: the mean of that, the part that lies inside, and how many they are."""

    said: float
    inside: float
    num_frames: int


def is_of_spans(report: Report) -> bool:
    """Whether its texts are spans."""
    return report.primary == PRIMARY or any(row.track is not None for row in report.rows)


def overlap(row: Row) -> float:
    """Frames that are in spans of both sides over frames in spans of either; 1 where both sides have none."""
    wanted, said = ({n for mark in marks for n in range(mark.start, mark.end)} for marks in sides(row))
    return len(wanted & said) / len(wanted | said) if wanted or said else 1.0


def distance(row: Row) -> float:
    """Mean square of how far each frame's probability is from what is right; 0 where nothing is said of frames."""
    if row.track is None or not row.track.inside:
        return 0.0
    said_T = np.array(row.track.inside)
    return float(np.square(said_T - is_inside(row.reference, len(said_T))).mean())


def sides(row: Row) -> tuple[list[SpanMark], list[SpanMark]]:
    """The spans that are wanted, and those that were recognized."""
    return read_spans(row.reference), read_spans(row.hypothesis)


def is_inside(reference: str, frames: int) -> Flags:
    """(T,) which frames lie in a span of that text."""
    inside_T = np.zeros(frames, dtype=np.bool_)
    for mark in read_spans(reference):
        inside_T[mark.start : mark.end] = True
    return inside_T


def matched(row: Row) -> list[Pair]:
    """Wanted and recognized spans one to one, as many as overlap by half or more, whatever their kinds; then the rest.

    Of all ways to pair that many, it is the one that overlaps most.
    """
    wanted, said = sides(row)
    ends_W, ends_S = ([(mark.start, mark.end) for mark in marks] for marks in (wanted, said))
    shares_SW = overlaps(ends_S, ends_W)
    fits_SW = shares_SW >= LEAST_OVERLAP
    size = 1 + min(len(wanted), len(said))  # one pair more counts more than all overlaps together
    rows, columns = linear_sum_assignment(fits_SW * (size + shares_SW), maximize=True)
    kept = [(int(s), int(w)) for s, w in zip(rows, columns, strict=True) if fits_SW[s, w]]
    found: list[Pair] = [(wanted[w], said[s]) for s, w in kept]
    found += [(mark, None) for n, mark in enumerate(wanted) if n not in {w for _, w in kept}]
    return found + [(None, mark) for n, mark in enumerate(said) if n not in {s for s, _ in kept}]


def frames_of(report: Report) -> Frames | None:
    """All frames of all examples; None where nothing is said of frames, or all or none of them lie inside."""
    tracks = [(row.track, row.reference) for row in report.rows if row.track is not None and row.track.inside]
    if not tracks:
        return None
    said_N = np.concatenate([np.array(track.inside) for track, _ in tracks])
    inside_N = np.concatenate([is_inside(reference, len(track.inside)) for track, reference in tracks])
    return None if inside_N.all() or not inside_N.any() else Frames(said_N, inside_N, tracks[0][0].threshold)


def calibration(frames: Frames, bins: int = NUM_BINS) -> list[Bin]:
    """Bins of equal width that have any frame, from 0 to 1."""
    places_N = np.searchsorted(np.arange(1, bins) / bins, frames.said_N, side="right")
    sizes, said, inside = (
        np.bincount(places_N, weights_N, minlength=bins) for weights_N in (None, frames.said_N, frames.inside_N)
    )
    return [Bin(said[n] / sizes[n], inside[n] / sizes[n], int(sizes[n])) for n in np.flatnonzero(sizes).tolist()]


def precision_recall(frames: Frames) -> tuple[Array, Array]:
    """Precision and recall at each probability that was said, as threshold, from the highest down."""
    order_N = np.argsort(-frames.said_N, kind="stable")
    last_N = np.flatnonzero(np.diff(frames.said_N[order_N], append=-1.0))  # equal ones come together
    hits_N = frames.inside_N[order_N].cumsum()[last_N]
    return hits_N / (last_N + 1), hits_N / frames.inside_N.sum()


def at_threshold(frames: Frames) -> tuple[float | None, float]:
    """Precision and recall of the frames that count as inside; no precision where none does."""
    hits, called = int((frames.inside_N & frames.is_called).sum()), int(frames.is_called.sum())
    return (hits / called if called else None), hits / int(frames.inside_N.sum())


def frame_grid(labels: Sequence[str], found: Sequence[Frames]) -> Grid:
    """Each run's frames in figures."""
    rows = []
    for label, frames in zip(labels, found, strict=True):
        within, without = frames.said_N[frames.inside_N].mean(), frames.said_N[~frames.inside_N].mean()
        precision, recall = at_threshold(frames)
        rows.append(
            (
                label, f"{len(frames.said_N):,}", f"{100 * frames.inside_N.mean():.1f} %", f"{within:.3f}",
                f"{without:.3f}", f"{round(within - without, 3) + 0.0:.3f}", f"{frames.threshold:.3f}",
                "-" if precision is None else f"{100 * precision:.1f} %", f"{100 * recall:.1f} %",
            )
        )  # fmt: skip
    heads = (
        "run", "frames", "inside", "mean inside", "mean outside", "separation", "threshold", "precision", "recall",
    )  # fmt: skip
    return Grid("Frames inside and outside of spans", heads, tuple(rows))
