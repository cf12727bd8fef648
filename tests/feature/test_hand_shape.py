"""The shape of a hand against a calculation finger by finger, and what it does and does not depend on."""

from __future__ import annotations

import math

import numpy as np
from scipy.spatial.transform import Rotation

from project.feature.hand_shape import NUM_COLUMNS, hand_shape
from project.feature.landmark_layout import BLOCKS, FINGERS, mirrored
from project.feature.landmarks import Landmarks


def hand(frames: int = 4, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(frames, 21, 3)).astype(np.float32)


def columns(found: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Places and directions, (T, 20, 3) each."""
    by_point = found.reshape(len(found), 2, NUM_COLUMNS // 6, 3)
    return by_point[:, 0], by_point[:, 1]


def test_it_is_what_a_ruler_says() -> None:
    points = hand().astype(float)
    places, directions = columns(hand_shape(hand()))
    for frame, one in enumerate(points):
        palm = sum(math.dist(one[0], one[knuckle]) for knuckle in (5, 9, 13, 17)) / 4
        number = 0
        for finger in FINGERS:
            before = 0
            for point in finger:
                expected = [(one[point][axis] - one[0][axis]) / palm for axis in range(3)]
                np.testing.assert_allclose(places[frame, number], expected, rtol=1e-4)
                length = math.dist(one[point], one[before])
                expected = [(one[point][axis] - one[before][axis]) / length for axis in range(3)]
                np.testing.assert_allclose(directions[frame, number], expected, rtol=1e-4, atol=1e-6)
                before, number = point, number + 1
    assert NUM_COLUMNS == 120


def test_place_and_size_do_not_matter() -> None:
    expected = hand_shape(hand())
    assert expected.dtype == np.float32
    frames, shift = np.arange(4, dtype=np.float32)[:, None, None], np.array([3, -2, 1])
    for changed in (hand() + shift + frames, 0.05 * hand(), (1 + frames) * hand()):
        np.testing.assert_allclose(hand_shape(changed.astype(np.float32)), expected, atol=1e-4)


def test_turning_does_matter() -> None:
    turn = Rotation.from_euler("xyz", [10, 20, 30], degrees=True).as_matrix().astype(np.float32)
    straight, turned = columns(hand_shape(hand())), columns(hand_shape(hand() @ turn.T))
    for before, after in zip(straight, turned, strict=True):
        np.testing.assert_allclose(after, before @ turn.T, atol=1e-5)
    assert np.abs(straight[0] - turned[0]).max() > 0.2


def test_a_mirrored_hand_has_the_mirrored_shape() -> None:
    flip = np.array([-1, 1, 1], dtype=np.float32)
    for one, other in zip(columns(hand_shape(hand())), columns(hand_shape(hand() * flip)), strict=True):
        np.testing.assert_allclose(other, one * flip, atol=1e-6)


def test_in_a_mirror_the_left_hand_has_the_shape_of_the_right() -> None:
    body = np.random.default_rng(1).normal(size=(4, 543, 3)).astype(np.float32)
    feature = Landmarks(hand_shape=True)
    start, end = feature.columns["shape"]
    assert end - start == 2 * NUM_COLUMNS
    left, right = np.split(feature(body)[:, start:end].numpy(), 2, axis=1)
    left_seen, right_seen = np.split(feature(mirrored(body))[:, start:end].numpy(), 2, axis=1)
    flip = np.tile(np.array([-1, 1, 1], dtype=np.float32), NUM_COLUMNS // 3)
    np.testing.assert_allclose(left_seen, right * flip, atol=1e-4)
    np.testing.assert_allclose(right_seen, left * flip, atol=1e-4)


def test_a_missing_hand_has_no_shape_and_a_flat_one_a_finite_one() -> None:
    points = hand()
    points[1] = np.nan
    found = hand_shape(points)
    assert np.isnan(found[1]).all()
    assert np.isfinite(found[[0, 2, 3]]).all()
    assert not hand_shape(np.ones((1, 21, 3), np.float32)).any()
    body = np.random.default_rng(1).normal(size=(4, 543, 3)).astype(np.float32)
    body[2, BLOCKS["left_hand"]] = np.nan
    feature = Landmarks(hand_shape=True)
    start, end = feature.columns["shape"]
    left, right = np.split(feature(body)[:, start:end].numpy(), 2, axis=1)
    assert not left[2].any()
    assert right[2].any()
