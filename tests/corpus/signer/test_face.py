"""A face is its own mirror image, and each part of an expression moves its own points."""

from __future__ import annotations

import numpy as np
import pytest

from project.corpus.signer.face import EXPRESSION, NUM_FACE, RESTING, face_points
from project.feature.landmark_layout import BLOCKS, MIRROR, NUM_POINTS, mirrored

BROW, EYE_CORNER, LOWER_LIP, UPPER_LIP, CORNER, CHIN, FOREHEAD = 105, 33, 14, 13, 61, 152, 10


def face(**parts: float) -> np.ndarray:
    expression = np.array([[parts.get(name, 0.0) for name in EXPRESSION]])
    return face_points(expression, np.eye(3)[None])[0].astype(np.float64)


@pytest.mark.parametrize("part", EXPRESSION)
def test_faces_are_symmetric(part: str) -> None:
    body = np.zeros((1, NUM_POINTS, 3))
    body[0, BLOCKS["face"]] = face(**{part: 0.7})
    np.testing.assert_allclose(mirrored(body), body, atol=1e-6)


def test_points_lie_apart_and_in_order() -> None:
    apart = np.linalg.norm(RESTING[:, None] - RESTING[None], axis=2) + np.eye(NUM_FACE)
    assert apart.min() > 1e-3
    heights = RESTING[[FOREHEAD, BROW, EYE_CORNER, UPPER_LIP, LOWER_LIP, CHIN], 1]
    assert (np.diff(heights) > 0).all()
    right = np.flatnonzero(MIRROR[BLOCKS["face"]] - BLOCKS["face"].start > np.arange(NUM_FACE))
    assert (RESTING[right, 0] < 0).all(), "the signer's right is on the left of the picture"


def test_expressions_move_what_they_are_named_after() -> None:
    rest = face()
    np.testing.assert_allclose(rest, RESTING, atol=1e-6)
    brows, mouth, wide = face(brows=1) - rest, face(open=1) - rest, face(wide=1) - rest
    assert brows[BROW, 1] < -0.1
    assert np.abs(brows[[LOWER_LIP, CHIN, CORNER]]).max() < 1e-3
    assert mouth[LOWER_LIP, 1] > 0.1
    assert mouth[UPPER_LIP, 1] < 0
    assert np.abs(mouth[[BROW, FOREHEAD]]).max() < 1e-3
    assert wide[CORNER, 0] < -0.05, "the corner of the mouth goes outwards"


def test_a_matrix_moves_every_point() -> None:
    way = np.random.default_rng(0).standard_normal((2, 3, 3))
    expression = np.random.default_rng(1).standard_normal((2, len(EXPRESSION)))
    still = face_points(expression, np.stack([np.eye(3)] * 2))
    np.testing.assert_allclose(face_points(expression, way), still @ way, atol=1e-5)
