"""A sentence as somebody signs it before a camera: first as a plan, then as points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from project.corpus.signer.body import body_points
from project.corpus.signer.camera import Camera, Points, record
from project.corpus.signer.face import EXPRESSION
from project.corpus.signer.lexicon import SIGNS
from project.corpus.signer.movement import Timing, move, time_signs
from project.corpus.signer.style import Signer
from project.feature.landmark_layout import mirrored

_KNOT_SECONDS = 0.35  # what moves by itself is drawn this far apart
_HEAD_RADIANS = 0.05
_SWAY = 0.015  # of the whole body, in shoulder widths


@dataclass(frozen=True, slots=True)
class Performance:
    """One sentence as it will be signed: all that decides how long it is."""

    glosses: tuple[str, ...]
    signer: Signer
    timing: Timing


def plan(glosses: Sequence[str], signer: Signer, rng: np.random.Generator) -> Performance:
    """When each sign is made."""
    signs = [SIGNS[gloss] for gloss in glosses]
    return Performance(tuple(glosses), signer, time_signs(signs, signer, rng))


def num_frames(performance: Performance, frame_rate: float) -> int:
    """Frames of a performance."""
    return max(1, round(performance.timing.seconds * frame_rate))


def body(performance: Performance, frame_rate: float, rng: np.random.Generator) -> Points:
    """(T, 543, 3) where the body is, without camera and detector, in shoulder widths from between the shoulders."""
    signer, signs = performance.signer, [SIGNS[gloss] for gloss in performance.glosses]
    times_T = np.arange(num_frames(performance, frame_rate)) / frame_rate
    motion = move(signs, performance.timing, signer, times_T, rng)
    head_T3 = signer.strength * _HEAD_RADIANS * _drifting(times_T, 3, rng)
    mouthing_TE = signer.mouthing * _drifting(times_T, len(EXPRESSION), rng)
    points = body_points(motion, signer, head_T3, mouthing_TE)
    points += (signer.strength * _SWAY * _drifting(times_T, 3, rng)).astype(np.float32)[:, None]
    return mirrored(points) if signer.left_handed else points


def render(performance: Performance, camera: Camera, frame_rate: float, rng: np.random.Generator) -> Points:
    """(T, 543, 3) float32 as a detector gives it; NaN where it found nothing."""
    return record(body(performance, frame_rate, rng), camera, rng)


def _drifting(times_T: NDArray[np.float64], curves: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """(T, curves) smooth random curves."""
    knots = int(times_T[-1] / _KNOT_SECONDS) + 4
    heights = rng.standard_normal((knots, curves))
    place = times_T / _KNOT_SECONDS
    before = place.astype(np.int64)
    part = (place - before)[:, None]
    part = part * part * (3 - 2 * part)
    return np.asarray(heights[before] * (1 - part) + heights[before + 1] * part)
