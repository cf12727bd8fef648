"""The table of points against what anatomy says, and its mirror against faces that were recorded."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from project.feature.landmark_layout import (
    BLOCKS,
    FINGERS,
    HAND_BONES,
    HAND_WRIST,
    KNUCKLES,
    LEFT_SHOULDER,
    LEFT_WRIST,
    MIRROR,
    NOSE,
    NUM_POINTS,
    RIGHT_SHOULDER,
    RIGHT_WRIST,
    mirrored,
)

FACE = BLOCKS["face"].start


def test_blocks_follow_each_other() -> None:
    points = [point for block in BLOCKS.values() for point in range(block.start, block.stop)]
    assert points == list(range(NUM_POINTS))
    assert [block.stop - block.start for block in BLOCKS.values()] == [33, 468, 21, 21]


def test_the_mirror_is_its_own_inverse_and_keeps_blocks() -> None:
    np.testing.assert_array_equal(MIRROR[MIRROR], np.arange(NUM_POINTS))
    other = {"pose": "pose", "face": "face", "left_hand": "right_hand", "right_hand": "left_hand"}
    for block, where in BLOCKS.items():
        assert sorted(MIRROR[where]) == list(range(BLOCKS[other[block]].start, BLOCKS[other[block]].stop))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        *((LEFT_SHOULDER, RIGHT_SHOULDER), (LEFT_WRIST, RIGHT_WRIST), (7, 8), (13, 14), (23, 24), (31, 32)),
        *((FACE + 33, FACE + 263), (FACE + 133, FACE + 362), (FACE + 61, FACE + 291)),  # corners of eyes and mouth
        *((FACE + 105, FACE + 334), (FACE + 234, FACE + 454)),  # brows, cheeks
        *((501, 522), (501 + 8, 522 + 8), (521, 542)),  # wrists, index fingers' tips, little fingers' tips
    ],
)
def test_left_and_right_change_places(one: int, other: int) -> None:
    assert (MIRROR[one], MIRROR[other]) == (other, one)


def test_what_lies_in_the_middle_stays() -> None:
    for point in (NOSE, *(FACE + point for point in (1, 4, 10, 13, 14, 17, 152, 168, 199))):
        assert MIRROR[point] == point
    fixed = np.flatnonzero(np.arange(NUM_POINTS) == MIRROR)
    assert len(fixed) == 1 + 28


def test_fingers_and_bones_are_those_of_a_hand() -> None:
    assert sorted((HAND_WRIST, *(point for finger in FINGERS for point in finger))) == list(range(21))
    assert [finger[0] for finger in FINGERS[1:]] == list(KNUCKLES)
    bones = set(HAND_BONES)
    assert len(bones) == len(HAND_BONES)
    assert all(bone in bones for finger in FINGERS for bone in pairwise(finger))


def test_a_mirror_shows_the_other_hand() -> None:
    points = np.random.default_rng(0).normal(size=(3, NUM_POINTS, 3)).astype(np.float32)
    points[1, BLOCKS["left_hand"]] = np.nan
    found = mirrored(points)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found[:, 522:, 0], -points[:, 501:522, 0])
    np.testing.assert_array_equal(found[:, 522:, 1:], points[:, 501:522, 1:])
    assert np.isnan(found[1, BLOCKS["right_hand"]]).all()
    assert np.isfinite(found[1, BLOCKS["left_hand"]]).all()
    np.testing.assert_array_equal(mirrored(found), points)


def test_recorded_faces_are_like_their_mirror_image(recorded_letters: Path) -> None:
    """Two neighbours that changed places would lie a good deal further off than faces are lopsided."""
    faces = []
    for path in sorted(recorded_letters.glob("clips_*.npz")):
        with np.load(path) as content:
            face = content["xyz"][::10, BLOCKS["face"]].astype(np.float64)
        faces.append(face[face.any(axis=(1, 2))].mean(axis=0))
    face_PX = np.mean(faces, axis=0)
    face_PX[:, 0] -= face_PX[:, 0].mean()
    seen_PX = (face_PX * [-1, 1, 1])[MIRROR[BLOCKS["face"]] - FACE]
    off_P = np.linalg.norm(face_PX - seen_PX, axis=1)
    width = np.ptp(face_PX[:, 0])
    assert off_P.mean() < 0.02 * width
    assert off_P.max() < 0.06 * width
