"""Changes made to signing bodies in training: functions of the generator they are given.

All work on landmarks as they were recorded, (T, 543, 3) with NaN where a point was not detected, before anything is
derived from them: velocities follow. Sizes are in shoulder widths, which the signals are measured by.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from project.contract import InputError
from project.feature.landmark_file import Points, at_times
from project.feature.landmark_layout import BLOCKS, FINGERS, HAND_WRIST, mirrored
from project.feature.landmarks import shoulder_width

_HANDS = (BLOCKS["left_hand"], BLOCKS["right_hand"])
_AXES = 3


class Mirror:
    """Shows a part of the examples in a mirror: left-handed signers of every sign."""

    stage = "signal"

    def __init__(self, part: float = 0.5) -> None:
        self.part = _part("Mirror.part", part)

    def __call__(self, item: Points, generator: np.random.Generator) -> Points:
        return mirrored(item) if generator.random() < self.part else item


class TimeWarp:
    """Makes signing faster or slower, as a whole and, smoothly, from moment to moment.

    `tempo` is the standard deviation of the logarithm of a whole example's speed, `wander` that around it, which
    changes about once in `wander_frames`. The number of frames changes with the speed.
    """

    stage = "signal"

    def __init__(self, tempo: float = 0.1, wander: float = 0.2, wander_frames: int = 25) -> None:
        self.tempo = _size("TimeWarp.tempo", tempo)
        self.wander = _size("TimeWarp.wander", wander)
        if wander_frames < 1:
            raise InputError(f"data.augment: TimeWarp.wander_frames is {wander_frames}: give at least 1")
        self.wander_frames = wander_frames

    def __call__(self, item: Points, generator: np.random.Generator) -> Points:
        frames = len(item)
        knots = generator.normal(0, self.wander, 2 + frames // self.wander_frames)
        places = np.linspace(0, len(knots) - 1, frames)
        speed_T = np.exp(generator.normal(0, self.tempo) + np.interp(places, np.arange(len(knots)), knots))
        ends_T = np.cumsum(1 / speed_T)  # when each frame is over, now
        wanted = max(1, round(float(ends_T[-1])))
        return at_times(item, np.interp(np.linspace(ends_T[0], ends_T[-1], wanted), ends_T, np.arange(frames)))


class FrameDrop:
    """Leaves out single frames, as cameras do: the body stands still for a moment, then jumps on."""

    stage = "signal"

    def __init__(self, part: float = 0.05) -> None:
        self.part = _part("FrameDrop.part", part)

    def __call__(self, item: Points, generator: np.random.Generator) -> Points:
        kept_T = generator.random(len(item)) >= self.part
        kept_T[0] = True
        return np.asarray(item[np.maximum.accumulate(np.where(kept_T, np.arange(len(item)), 0))])


class PointNoise:
    """Moves every point of every frame a little: normally distributed, this many shoulder widths."""

    stage = "signal"

    def __init__(self, deviation: float = 0.005) -> None:
        self.deviation = _size("PointNoise.deviation", deviation)

    def __call__(self, item: Points, generator: np.random.Generator) -> Points:
        noise_TPX = generator.standard_normal(item.shape, dtype=np.float32)
        return np.asarray(item + noise_TPX * np.float32(self.deviation * shoulder_width(item)))


class HandDropout:
    """Loses a hand for a while, as detectors do: in a part of the examples, one hand, one span of frames."""

    stage = "signal"

    def __init__(self, part: float = 0.3, span_frames: Sequence[int] = (2, 8)) -> None:
        if len(span_frames) != 2 or not 0 < span_frames[0] <= span_frames[1]:
            raise InputError(f"data.augment: HandDropout.span_frames is {list(span_frames)}: give [shortest, longest]")
        self.part = _part("HandDropout.part", part)
        self.span_frames = (int(span_frames[0]), int(span_frames[1]))

    def __call__(self, item: Points, generator: np.random.Generator) -> Points:
        if generator.random() >= self.part:
            return item
        width = int(generator.integers(self.span_frames[0], self.span_frames[1] + 1))
        start = int(generator.integers(0, max(1, len(item) - width + 1)))
        changed = item.copy()
        changed[start : start + width, _HANDS[int(generator.integers(2))]] = np.nan
        return changed


class View:
    """Looks at the whole body from a little beside, above or askew, and stretches what a camera gets wrong.

    `degrees` is the standard deviation of the turn about each of the three axes, `depth` that of the logarithm of the
    depth's scale, which detectors guess, and `width` of the ratio of width to height.
    """

    stage = "signal"

    def __init__(self, degrees: float = 5.0, depth: float = 0.2, width: float = 0.05) -> None:
        self.degrees = _size("View.degrees", degrees)
        self.depth = _size("View.depth", depth)
        self.width = _size("View.width", width)

    def __call__(self, item: Points, generator: np.random.Generator) -> Points:
        scales_X = np.exp(generator.normal(0, [self.width, 0, self.depth])).astype(np.float32)
        return np.asarray(item * scales_X) @ _turn(generator, self.degrees).T


class OtherHands:
    """Gives the signer other hands: turned a little in the wrist, with fingers and joints of other lengths.

    `degrees` is the standard deviation of the turn about each axis, `lengths` that of the logarithm of each bone's
    length, half of it shared by a finger's bones. Both hands change alike, and for the whole example.
    """

    stage = "signal"

    def __init__(self, degrees: float = 10.0, lengths: float = 0.1) -> None:
        self.degrees = _size("OtherHands.degrees", degrees)
        self.lengths = _size("OtherHands.lengths", lengths)

    def __call__(self, item: Points, generator: np.random.Generator) -> Points:
        turn_XX = _turn(generator, self.degrees)
        logs = generator.normal(0, self.lengths / np.sqrt(2), (len(FINGERS), 1 + len(FINGERS[0])))
        factors = np.exp(logs[:, :1] + logs[:, 1:]).astype(np.float32)
        changed = item.copy()
        for hand, side in zip(_HANDS, (-1, 1), strict=True):  # a mirror image turns the other way about two axes
            flip_X = np.array([side, 1, 1], dtype=np.float32)
            bones_TPX = _lengthened(item[:, hand], factors)
            changed[:, hand] = item[:, hand][:, :1] + (bones_TPX * flip_X) @ turn_XX.T * flip_X
        return changed


def _lengthened(hand_TPX: Points, factors: NDArray[np.float32]) -> Points:
    """The hand around its wrist, each bone of each finger so many times as long."""
    made = np.zeros_like(hand_TPX)
    for finger, scales in zip(FINGERS, factors, strict=True):
        before = HAND_WRIST
        for point, scale in zip(finger, scales, strict=True):
            made[:, point] = made[:, before] + (hand_TPX[:, point] - hand_TPX[:, before]) * scale
            before = point
    made[:, HAND_WRIST] = hand_TPX[:, HAND_WRIST] * 0  # NaN where the hand is missing
    return made


def _turn(generator: np.random.Generator, degrees: float) -> NDArray[np.float32]:
    """A rotation about x, then y, then z."""
    turn_XX = np.eye(_AXES)
    for axis, angle in enumerate(generator.normal(0, np.radians(degrees), _AXES)):
        one, other = (axis + 1) % _AXES, (axis + 2) % _AXES
        step_XX = np.eye(_AXES)
        step_XX[one, one] = step_XX[other, other] = np.cos(angle)
        step_XX[one, other], step_XX[other, one] = -np.sin(angle), np.sin(angle)
        turn_XX = step_XX @ turn_XX
    return turn_XX.astype(np.float32)


def _part(name: str, value: Any) -> float:
    if not 0 <= value <= 1:
        raise InputError(f"data.augment: {name} is {value}: give a part, 0 to 1")
    return float(value)


def _size(name: str, value: Any) -> float:
    if not 0 <= value < np.inf:
        raise InputError(f"data.augment: {name} is {value}: give 0 or more")
    return float(value)
