"""What a camera and a detector make of a body: a picture from somewhere, points that tremble, hands that get lost.

Depth is told as MediaPipe tells it: of a hand from its wrist on, of a face and a pose from their middles on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from project.contract import InputError
from project.corpus.ranges import between, check_range
from project.feature.landmark_layout import BLOCKS

Points = NDArray[np.float32]

_DEEPER: Final = 2.5  # times as uncertain as places in the picture
_TOGETHER: Final = {"pose": 0.6, "face": 0.5, "left_hand": 1.5, "right_hand": 1.5}  # what a block's points share
_LASTS: Final = 3.0  # frames that a loss lasts, on average
_HIPS: Final = (23, 24)
# The ways in which a face's mesh can tremble: its points come from one net, not each from its own.
_MODES: Final = 24
_MESH: Final = np.random.default_rng(5).normal(0, _MODES**-0.5, (_MODES, 3 * 468)).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Camera:
    """How signers are seen, drawn once a sentence."""

    turn_degrees: float = 15.0  # up to so far the signer is turned, and half as far tilted
    distance: Sequence[float] = (5, 9)  # of the camera, in shoulder widths
    bottom: Sequence[float] = (0.95, 1.5)  # the picture's lower edge, below the shoulders: no hand is found beyond it
    jitter: float = 0.01  # points tremble by so many shoulder widths, each by itself, and hands as much together
    dropouts: float = 0.06  # part of the time in which a hand is not found, though it could be; fast hands more often

    def __post_init__(self) -> None:
        check_range("camera.distance", self.distance, 3, 1000)
        check_range("camera.bottom", self.bottom, 0, 100)
        if not 0 <= self.turn_degrees <= 45:
            raise InputError(f"corpus: camera.turn_degrees is {self.turn_degrees}: give degrees from 0 to 45")
        if not 0 <= self.jitter <= 0.5:
            raise InputError(f"corpus: camera.jitter is {self.jitter}: give shoulder widths from 0 to 0.5")
        if not 0 <= self.dropouts <= 0.5:
            raise InputError(f"corpus: camera.dropouts is {self.dropouts}: give a part from 0 to 0.5")


def record(body_TPX: Points, camera: Camera, rng: np.random.Generator) -> Points:
    """(T, 543, 3) as a detector gives it: NaN where it found nothing."""
    bottom = between(camera.bottom, rng)
    size = np.float32(rng.uniform(0.14, 0.24))  # of a shoulder width in the picture
    middle = np.array([rng.uniform(0.44, 0.56), rng.uniform(0.36, 0.48), 0], dtype=np.float32)
    lost = {
        name: (body_TPX[:, BLOCKS[name].start, 1] > bottom) | _lost(body_TPX[:, BLOCKS[name].start], camera, rng)
        for name in ("left_hand", "right_hand")
    }
    picture = _seen(body_TPX, camera, rng)
    _make_depth_relative(picture)
    _tremble(picture, camera.jitter, rng)
    picture *= size
    picture += middle
    for name, gone in lost.items():
        picture[gone, BLOCKS[name]] = np.nan
    return picture


def _seen(body_TPX: Points, camera: Camera, rng: np.random.Generator) -> Points:
    """Turned, and nearer things larger."""
    yaw, pitch, roll = np.radians(camera.turn_degrees) * rng.uniform(-1, 1, 3) * (1, 0.5, 0.3)
    shake = np.array([[np.cos(yaw), 0, -np.sin(yaw)], [0, 1, 0], [np.sin(yaw), 0, np.cos(yaw)]])
    nod = np.array([[1, 0, 0], [0, np.cos(pitch), np.sin(pitch)], [0, -np.sin(pitch), np.cos(pitch)]])
    tilt = np.array([[np.cos(roll), np.sin(roll), 0], [-np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
    ways = (shake @ nod @ tilt).astype(np.float32)
    x, y, z = (body_TPX[..., axis] for axis in range(3))
    turned = np.empty_like(body_TPX)
    distance = np.float32(between(camera.distance, rng))
    depth = ways[0, 2] * x + ways[1, 2] * y + ways[2, 2] * z
    nearer = distance / (distance + depth)
    for axis in range(2):
        turned[..., axis] = nearer * (ways[0, axis] * x + ways[1, axis] * y + ways[2, axis] * z)
    turned[..., 2] = depth
    return turned


def _make_depth_relative(picture: Points) -> None:
    for name, block in BLOCKS.items():
        depth = picture[:, block, 2]
        middle = (
            depth[:, _HIPS].mean(axis=1) if name == "pose" else depth[:, 0] if "hand" in name else depth.mean(axis=1)
        )
        depth -= middle[:, None]


def _tremble(picture: Points, jitter: float, rng: np.random.Generator) -> None:
    """Points tremble one by one, and all points of a block together; those of a face as its mesh gives way."""
    if not jitter:
        return
    frames = len(picture)
    scale = np.float32(jitter) * np.array([1, 1, _DEEPER], dtype=np.float32)
    modes = rng.standard_normal((frames, len(_MESH)), dtype=np.float32)
    for name, block in BLOCKS.items():
        size = block.stop - block.start
        if name == "face":
            noise = (modes @ _MESH).reshape(frames, size, 3)
        else:
            noise = rng.standard_normal((frames, size, 3), dtype=np.float32)
        noise += np.float32(_TOGETHER[name]) * rng.standard_normal((frames, 1, 3), dtype=np.float32)
        noise *= scale
        picture[:, block] += noise


def _lost(wrist_TX: Points, camera: Camera, rng: np.random.Generator) -> NDArray[np.bool_]:
    """(T,) where a hand is not found, for some frames at a time."""
    frames = len(wrist_TX)
    speed = np.linalg.norm(np.diff(wrist_TX, axis=0, prepend=wrist_TX[:1]), axis=1)
    rate = camera.dropouts / _LASTS * (0.5 + speed / max(2 * float(speed.mean()), 1e-6))
    begins = np.flatnonzero(rng.random(frames) < rate)
    lasts = rng.geometric(1 / _LASTS, size=len(begins))
    lost = np.zeros(frames, dtype=bool)
    for begin, length in zip(begins, lasts, strict=True):
        lost[begin : begin + length] = True
    return lost
