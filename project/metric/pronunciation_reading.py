"""What metrics of pronunciation share: an assessment, the phones that people judged, and figures that are missing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

import numpy as np

from project.contract import Assessment, Hypothesis, InputError, Undefined
from project.metric.association import Array, Weighed

Kind = Literal["aligned", "free"]  # of goodness, as Assessment names them
KINDS: tuple[Kind, ...] = get_args(Kind)
BOUNDS = (0.5, 1.0)  # people's scores below which a phone counts as wrong, and as poor; thresholds are chosen for these


def threshold_name(kind: Kind, below: float) -> str:
    """How an Assessment names the threshold for phones that people gave less.

    >>> threshold_name("free", 1.0)
    'free<1'
    """
    return f"{kind}<{below:g}"


def assessment_of(name: str, hypothesis: Hypothesis) -> Assessment:
    """What was said of the phones."""
    if hypothesis.assessment is None:
        raise InputError(f"metric.{name}: nothing was said of how the phones were said: choose system=phoneme")
    return hypothesis.assessment


def check_kind(name: str, kind: Kind) -> None:
    """Refuse what an Assessment does not have."""
    if kind not in KINDS:
        raise InputError(f"metric.{name}.gop: {kind!r} is not known: give one of {', '.join(KINDS)}")


def goodness_of(name: str, assessment: Assessment, kind: Kind) -> Array:
    """(N,) goodness of all phones."""
    found: tuple[float, ...] = getattr(assessment, kind)
    if len(found) != len(assessment.phones):
        raise InputError(f"metric.{name}: the {kind} goodness of the phones was not reckoned: choose system=phoneme")
    return np.array(found, dtype=np.float64)


def judged_phones(name: str, hypothesis: Hypothesis, kind: Kind) -> tuple[Array, Array]:
    """(N,) goodness and people's scores of the phones; none where nobody judged them."""
    assessment = assessment_of(name, hypothesis)
    goodness_N, scores_N = goodness_of(name, assessment, kind), np.array(assessment.phone_scores, dtype=np.float64)
    return (goodness_N, scores_N) if len(scores_N) else (goodness_N[:0], scores_N)


def require_judged(name: str, judged: float, what: Literal["phones", "utterances"]) -> float:
    """How many were judged, if there are any."""
    if not judged:
        label = {"phones": "labels.phone_scores", "utterances": "labels.accuracy, or whatever is asked for"}[what]
        raise Undefined(f"metric.{name}: nobody judged any of these {what}: score a manifest that has {label}")
    return judged


def whole(name: str, figures: Mapping[str, Weighed], num_examples: int, remedy: str) -> dict[str, float]:
    """Figures of all examples, each counted once."""
    ones_N1 = np.ones((num_examples, 1))
    found = {figure: float(weighed(ones_N1)[0]) for figure, weighed in figures.items()}
    if np.isnan(list(found.values())).any():
        raise Undefined(f"metric.{name}: {remedy}")
    return found
