"""What metrics of spans share: frames of a reference and a hypothesis, its surest span, and sums that may be empty."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from project.contract import Hypothesis, InputError
from project.metric.association import Array
from project.text.span_notation import read_spans, write_spans

Flags: TypeAlias = NDArray[np.bool_]


def read_frames(name: str, reference: str, hypothesis: Hypothesis) -> tuple[Array, Flags]:
    """(T,) probabilities of lying inside a span as they were said, and whether each frame does."""
    track = hypothesis.track
    if track is None:
        raise InputError(f"metric.{name}: the decoder says nothing of single frames: choose decode=spans")
    said_T = np.array(track.inside, dtype=np.float64)
    if not np.isfinite(said_T).all():
        raise InputError(f"metric.{name}: the probability of a frame is no number: the model has diverged, lower lr")
    inside_T = np.zeros(len(said_T), dtype=np.bool_)
    for mark in read_spans(reference):
        if mark.end > len(said_T):
            raise InputError(
                f"metric.{name}: {write_spans([mark])} ends behind the {len(said_T)} frames that the model speaks of: "
                "use a model that says something of every frame"
            )
        inside_T[mark.start : mark.end] = True
    return said_T, inside_T


def confidences_of(name: str, hypothesis: Hypothesis) -> Sequence[float]:
    """How sure each span is."""
    if len(hypothesis.confidences) != len(hypothesis.spans):
        raise InputError(f"metric.{name}: the decoder does not say how sure its spans are: choose decode=spans")
    return hypothesis.confidences


def surest(name: str, hypothesis: Hypothesis) -> int | None:
    """Which span is said most confidently, the first of equal ones; None where none is said."""
    sure = confidences_of(name, hypothesis)
    return max(range(len(sure)), key=sure.__getitem__) if sure else None


def wanted_in_all(name: str, column: Sequence[float]) -> float:
    """The sum of what is wanted, by which a figure divides."""
    total = sum(column)
    if not total:
        raise InputError(f"metric.{name}: no span is wanted in any example: evaluate windows that have some")
    return total
