"""A hand: which shapes it can take, and where its 21 points then lie.

A shape is twelve angles in radians. Points are in lengths of a hand from the wrist, in the hand's own directions: along
the straight fingers, out of the palm, and towards the thumb. It does not know where the hand is or which one it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

# Angles of a finger: at the knuckle, and at the joint after it.
_STRAIGHT, _FOLDED, _HOOKED = (0.05, 0.08), (1.45, 1.75), (0.25, 1.55)
_CURVED, _BENT, _TIPPED, _RELAXED = (0.55, 0.75), (1.35, 0.12), (0.95, 1.0), (0.35, 0.45)
# Angles of a thumb: away from the fingers, over the palm, at its joints.
_BESIDE, _ASIDE, _OVER, _MEETS = (0.25, 0.1, 0.1), (1.15, 0.0, 0.05), (0.5, 1.0, 0.6), (0.7, 0.8, 0.15)

_FINGERS: Final = {  # thumb, index, middle, ring and little finger, and how far the fingers are spread
    "flat": (_BESIDE, _STRAIGHT, _STRAIGHT, _STRAIGHT, _STRAIGHT, 0.02),
    "bent": (_BESIDE, _BENT, _BENT, _BENT, _BENT, 0.02),
    "spread": (_ASIDE, _STRAIGHT, _STRAIGHT, _STRAIGHT, _STRAIGHT, 0.24),
    "claw": (_ASIDE, _HOOKED, _HOOKED, _HOOKED, _HOOKED, 0.2),
    "cee": (_MEETS, _CURVED, _CURVED, _CURVED, _CURVED, 0.04),
    "ring": (_MEETS, _TIPPED, _TIPPED, _TIPPED, _TIPPED, 0.03),
    "pinch": (_MEETS, _TIPPED, _STRAIGHT, _STRAIGHT, _STRAIGHT, 0.18),
    "fist": (_OVER, _FOLDED, _FOLDED, _FOLDED, _FOLDED, 0.02),
    "thumb": (_ASIDE, _FOLDED, _FOLDED, _FOLDED, _FOLDED, 0.02),
    "point": (_OVER, _STRAIGHT, _FOLDED, _FOLDED, _FOLDED, 0.02),
    "hook": (_OVER, _HOOKED, _FOLDED, _FOLDED, _FOLDED, 0.02),
    "vee": (_OVER, _STRAIGHT, _STRAIGHT, _FOLDED, _FOLDED, 0.26),
    "pair": (_OVER, _STRAIGHT, _STRAIGHT, _FOLDED, _FOLDED, 0.01),
    "three": (_OVER, _STRAIGHT, _STRAIGHT, _STRAIGHT, _FOLDED, 0.2),
    "ell": (_ASIDE, _STRAIGHT, _FOLDED, _FOLDED, _FOLDED, 0.02),
    "wye": (_ASIDE, _FOLDED, _FOLDED, _FOLDED, _STRAIGHT, 0.15),
    "horns": (_OVER, _STRAIGHT, _FOLDED, _FOLDED, _STRAIGHT, 0.1),
    "little": (_OVER, _FOLDED, _FOLDED, _FOLDED, _STRAIGHT, 0.02),
    "relaxed": (_BESIDE, _RELAXED, _RELAXED, _RELAXED, _RELAXED, 0.06),
}


def _flat(parts: Any) -> NDArray[np.float64]:
    return np.hstack([np.atleast_1d(np.asarray(part, dtype=np.float64)) for part in parts])


# Name -> (12,): three angles of the thumb, two of each finger, the spread.
SHAPES: Final[Mapping[str, NDArray[np.float64]]] = {name: _flat(parts) for name, parts in _FINGERS.items()}
NUM_ANGLES: Final = 12
PALM: Final = 0.42  # the middle of the palm, in hands from the wrist along the fingers

_THUMB_BASE = np.array([0.16, 0.04, 0.16])
_THUMB_BONES = np.array([0.25, 0.19, 0.15])
_KNUCKLES = np.array([[0.51, 0, 0.14], [0.52, 0, 0.03], [0.48, 0, -0.07], [0.43, 0, -0.16]])
_BONES = np.array([[0.23, 0.14, 0.1], [0.25, 0.16, 0.11], [0.23, 0.15, 0.11], [0.18, 0.11, 0.09]])
_FAN = np.array([1.0, 0.15, -0.7, -1.6])  # how much of the spread each finger takes, towards the thumb
_LAST_JOINT = 0.65  # of the joint before it
_ACROSS = np.array([0.0, 0.75, -0.66])  # where the thumb goes that moves over the palm


def hand_points(angles_NK: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, 21, 3) points of hands with these angles (N, 12)."""
    points = np.zeros((len(angles_NK), 21, 3))
    points[:, 1:5] = _thumb(angles_NK[:, :3])
    at_joints = angles_NK[:, 3:11].reshape(-1, 4, 2)
    middle = at_joints[:, :, 1]
    bend = np.cumsum(np.stack([at_joints[:, :, 0], middle, _LAST_JOINT * middle], axis=2), axis=2)
    fan = angles_NK[:, 11, None] * _FAN
    along = np.cos(bend)
    ways = np.stack([along * np.cos(fan)[..., None], np.sin(bend), along * np.sin(fan)[..., None]], axis=3)
    fingers = _KNUCKLES[:, None] + np.cumsum(ways * _BONES[..., None], axis=2)
    knuckles = np.broadcast_to(_KNUCKLES[:, None], (len(points), 4, 1, 3))
    points[:, 5:] = np.concatenate([knuckles, fingers], axis=2).reshape(-1, 16, 3)
    return points


def _thumb(angles_NK: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, 4, 3) from where the thumb begins to its tip."""
    aside, over, joints = (angles_NK[:, place, None] for place in range(3))
    flat = np.stack([np.cos(aside), np.zeros_like(aside), np.sin(aside)], axis=2)
    turned = (over + joints * np.arange(3))[..., None]
    ways = np.cos(turned) * flat + np.sin(turned) * _ACROSS
    ways /= np.linalg.norm(ways, axis=2, keepdims=True)
    tips = _THUMB_BASE + np.cumsum(ways * _THUMB_BONES[:, None], axis=1)
    return np.concatenate([np.broadcast_to(_THUMB_BASE, (len(tips), 1, 3)), tips], axis=1)
