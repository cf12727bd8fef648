"""What a face does, apart from where it is: tests of project.feature.expression."""

from __future__ import annotations

import numpy as np
import pytest

from project.feature.expression import NUM_COLUMNS, expression
from project.feature.landmark_file import Points

FRAMES, POINTS = 9, NUM_COLUMNS // 3


def face(seed: int = 0) -> Points:
    """One face that stands still."""
    points = np.random.default_rng(seed).normal(size=(1, POINTS, 3))
    return np.repeat(points, FRAMES, axis=0).astype(np.float32)


def test_a_face_that_does_nothing_says_nothing_wherever_it_goes() -> None:
    way = np.random.default_rng(1).normal(size=(FRAMES, 1, 3)).astype(np.float32)
    assert np.abs(expression(face() + 5 * way)).max() < 1e-4


def test_it_tells_by_how_much_a_point_moves_in_tenths_of_the_face() -> None:
    """Against a reckoning point by point."""
    moving = face()
    moving[4, 17, 1] += 0.5
    found = expression(moving).reshape(FRAMES, POINTS, 3)
    around = moving.astype(np.float64) - moving.astype(np.float64).mean(axis=1, keepdims=True)
    size = np.sqrt(np.mean([np.sum(point**2) for frame in around for point in frame]))
    for point in (0, 17, 200):
        for frame in (0, 4):
            wanted = 10 * (around[frame, point] - around[:, point].mean(axis=0)) / size
            np.testing.assert_allclose(found[frame, point], wanted, atol=1e-4)
    assert found[4, 17, 1] > 10 * np.abs(np.delete(found[4], 17, axis=0)).max()


@pytest.mark.parametrize("scale", [0.1, 40.0])
def test_size_and_place_do_not_matter(scale: float) -> None:
    moving = face()
    moving[2:5, 30:60] *= 1.1
    np.testing.assert_allclose(expression(scale * moving + 3), expression(moving), atol=1e-3)


def test_a_frame_without_the_face_says_nothing_and_the_others_the_same() -> None:
    moving = face()
    moving[2:5, 30:60] *= 1.1
    holes = np.concatenate([moving, np.full((1, POINTS, 3), np.nan, dtype=np.float32)])
    found = expression(holes)
    assert np.isnan(found[-1]).all()
    np.testing.assert_array_equal(found[:-1], expression(moving))
    assert np.isnan(expression(np.full_like(moving, np.nan))).all()
