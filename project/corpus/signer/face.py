"""A face of 468 points that raises its eyebrows and moves its mouth.

Points are in halves of a face from its middle: x to the right of the picture, y down, z away from the viewer. Brows,
eyes, lips and outline lie where MediaPipe's mesh has them; the other points fill the face evenly, unlike that mesh.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from project.feature.landmark_layout import BLOCKS, MIRROR

NUM_FACE: Final = BLOCKS["face"].stop - BLOCKS["face"].start
EXPRESSION: Final = ("brows", "open", "wide", "puff", "eyes")  # what a face can do; 0 is at rest

_Edges = tuple[tuple[int, ...], tuple[int, ...]]  # upper and lower

# Points of the signer's right half, which is on the left of the picture.
_OUTLINE = (109, 67, 103, 54, 21, 162, 127, 234, 93, 132, 58, 172, 136, 150, 149, 176, 148)  # from the top down
_BROW: _Edges = ((70, 63, 105, 66, 107), (46, 53, 52, 65, 55))  # from the outside in, as the others
_EYE: _Edges = ((33, 246, 161, 160, 159, 158, 157, 173, 133), (7, 163, 144, 145, 153, 154, 155))
_OUTER_LIPS: _Edges = ((61, 185, 40, 39, 37), (146, 91, 181, 84))  # from the corner in
_INNER_LIPS: _Edges = ((78, 191, 80, 81, 82), (95, 88, 178, 87))
# Points in the middle, from the top down, and their heights.
_MIDDLE = {
    **{10: -1.0, 151: -0.8, 9: -0.6, 8: -0.46, 168: -0.34, 6: -0.22, 197: -0.1, 195: 0.0, 5: 0.07, 4: 0.13, 1: 0.18},
    **{19: 0.23, 94: 0.27, 2: 0.31, 164: 0.38, 0: 0.45, 11: 0.47, 12: 0.49, 13: 0.51, 14: 0.54, 15: 0.56, 16: 0.58},
    **{17: 0.61, 18: 0.66, 200: 0.76, 199: 0.84, 175: 0.92, 152: 1.0},
}
_MOUTH = 0.525  # height of the line between the lips


def _right_half() -> dict[int, tuple[float, float]]:
    """Point -> place, for what is known of the mesh."""
    places: dict[int, tuple[float, float]] = {point: (0.0, height) for point, height in _MIDDLE.items()}
    for step, point in enumerate(_OUTLINE, start=1):
        angle = np.pi * step / (len(_OUTLINE) + 1)
        places[point] = (-float(np.sin(angle)), -float(np.cos(angle)))
    for edge, rise in zip(_BROW, (-0.5, -0.43), strict=True):
        for point, part in zip(edge, np.linspace(0, 1, len(edge)), strict=True):
            places[point] = (-0.72 + 0.55 * part, rise - 0.07 * np.sin(np.pi * part))
    for edge, way, ends in ((_EYE[0], -1, (0.0, 1.0)), (_EYE[1], 1, (0.12, 0.88))):
        for point, part in zip(edge, np.linspace(*ends, len(edge)), strict=True):
            places[point] = (-0.62 + 0.38 * part, -0.26 + way * 0.06 * np.sin(np.pi * part))
    for lips, half, thick in ((_OUTER_LIPS, 0.36, 0.085), (_INNER_LIPS, 0.3, 0.015)):
        for edge, way, first in ((lips[0], -1, 0.0), (lips[1], 1, 0.2)):
            for point, part in zip(edge, np.linspace(first, 0.8, len(edge)), strict=True):
                places[point] = (-half * (1 - part), _MOUTH + way * thick * np.sin(np.pi * part / 2))
    return places


def _resting() -> NDArray[np.float64]:
    """(468, 3)"""
    start = BLOCKS["face"].start
    partner = MIRROR[BLOCKS["face"]] - start
    places = _right_half()
    others = [point for point in range(NUM_FACE) if point < partner[point] and point not in places]
    for step, point in enumerate(others):  # evenly over the half, each as far as can be from those before
        radius, angle = 0.95 * np.sqrt((step + 0.5) / len(others)), np.pi * ((step + 0.5) * 0.61803398875 % 1)
        places[point] = (-float(radius * np.sin(angle)), float(radius * np.cos(angle)))
    flat = np.zeros((NUM_FACE, 2))
    for point, (x, y) in places.items():
        flat[point] = (x, y)
        flat[partner[point]] = (-x, y)
    depth = -np.sqrt(np.clip(1.05 - np.square(flat).sum(axis=1), 0, None))
    nose = -0.35 * np.exp(-np.square(flat[:, 0] / 0.15) - np.square((flat[:, 1] - 0.15) / 0.2))
    return np.column_stack([flat, depth + nose])


def _bump(width: float, height: float, x: float, y: float) -> NDArray[np.float64]:
    """(468,) 1 at two places as far to the left and right, less around them."""
    away = (np.abs(RESTING[:, 0]) - x) / width, (RESTING[:, 1] - y) / height
    return np.asarray(np.exp(-np.square(away[0]) - np.square(away[1])))


def _changes() -> NDArray[np.float64]:
    """(5, 468, 3) by how much each part of an expression moves each point."""
    x, y = RESTING[:, 0], RESTING[:, 1]
    moves = np.zeros((len(EXPRESSION), NUM_FACE, 3))
    moves[0, :, 1] = -0.16 * _bump(0.45, 0.14, 0.44, -0.48)  # up
    below = 1 / (1 + np.exp(-(y - _MOUTH) / 0.004))  # what hangs on the jaw
    lips = np.exp(-np.square(x / 0.55))
    moves[1, :, 1] = 0.26 * below * lips - 0.05 * (1 - below) * lips * np.exp(-np.square((y - _MOUTH) / 0.12))
    near = np.exp(-np.square(x / 0.5) - np.square((y - _MOUTH) / 0.16))
    moves[2, :, 0] = 0.3 * x * near  # wider, or rounder where it is negative
    moves[2, :, 2] = 0.12 * near
    moves[3, :, 0] = 0.14 * np.sign(x) * _bump(0.25, 0.3, 0.55, 0.4)  # cheeks
    moves[3, :, 2] = -0.14 * _bump(0.25, 0.3, 0.55, 0.4)
    moves[4, :, 1] = 0.9 * (y + 0.26) * _bump(0.25, 0.08, 0.43, -0.26)  # wider open, or shut
    return moves


RESTING: Final = _resting()
_PARTS: Final = np.concatenate([RESTING[None], _changes()])  # (6, 468, 3) the face at rest, and what changes it
_PARTS_CP: Final = np.ascontiguousarray(_PARTS.transpose(0, 2, 1).reshape(-1, NUM_FACE)).astype(np.float32)


def face_points(expression_TE: NDArray[np.float64], ways_TXX: NDArray[np.float64]) -> NDArray[np.float32]:
    """(T, 468, 3) points of a face with these expressions (T, 5), each moved by a matrix as `point @ ways` does."""
    amounts_TA = np.hstack([np.ones((len(expression_TE), 1)), expression_TE])
    mixed = amounts_TA[:, None, :, None] * ways_TXX.transpose(0, 2, 1)[:, :, None, :]
    rows = mixed.reshape(3 * len(amounts_TA), len(_PARTS_CP)).astype(np.float32)
    return np.asarray((rows @ _PARTS_CP).reshape(-1, 3, NUM_FACE).transpose(0, 2, 1))
