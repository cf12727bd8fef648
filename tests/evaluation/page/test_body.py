from __future__ import annotations

import base64
import zlib
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from project.evaluation.page.body import EXTENT, LINES, MAX_SECONDS, MISSING, POINTS, Body, framed, make_body, packed
from project.feature import landmark_file
from project.feature.landmark_layout import BLOCKS, FACE_LINES, HAND_BONES, MIRROR, NUM_POINTS, POSE_BONES


def recording(path: Path, frames: int = 50) -> str:
    """A body whose points tremble; the left hand is seen in the second half only."""
    rng = np.random.default_rng(0)
    points_TPX = rng.normal(size=(NUM_POINTS, 3)) + 0.1 * rng.normal(size=(frames, NUM_POINTS, 3))
    points_TPX[: frames // 2, BLOCKS["left_hand"]] = np.nan
    landmark_file.write(path, points_TPX, 25.0)
    return str(path)


def unpacked(body: Body) -> np.ndarray:
    """The coordinates, number by number, as the format's description says."""
    content = zlib.decompress(base64.b64decode(body.points))
    low, high = content[: len(content) // 2], content[len(content) // 2 :]
    values, last = [], 0
    for n, folded in enumerate(one + 256 * two for one, two in zip(low, high, strict=True)):
        step = -(folded + 1) // 2 if folded % 2 else folded // 2
        last = (0 if n % body.frames == 0 else last) + step
        last = (last + 32768) % 65536 - 32768
        values.append(last)
    return np.array(values).reshape(len(POINTS), 2, body.frames).transpose(2, 0, 1)


def test_lines_are_the_bones_of_the_layout() -> None:
    drawn = {(POINTS[a], POINTS[b]) for part in LINES.values() for line in part for a, b in pairwise(line)}
    bones = {(start, end) for start, end in POSE_BONES}
    bones |= {
        (BLOCKS[hand].start + a, BLOCKS[hand].start + b) for hand in BLOCKS if "hand" in hand for a, b in HAND_BONES
    }
    face = BLOCKS["face"].start
    bones |= {(face + a, face + b) for line in FACE_LINES for a, b in pairwise(line)}
    assert drawn == bones
    assert len(POINTS) < 100


def test_a_figure_is_its_own_mirror_image() -> None:
    """A wrong number among the face's would show here."""
    assert {int(MIRROR[point]) for point in POINTS} == set(POINTS)


def test_points_are_those_of_the_file(tmp_path: Path) -> None:
    media = recording(tmp_path / "a.npz")
    body = make_body(media)
    assert isinstance(body, Body)
    assert (body.frames, body.frame_rate, body.whole_seconds) == (25, 12.5, 2.0)
    assert max(body.width, body.height) == EXTENT
    assert body.size == len(body.points) + len(body.poses)
    values_TPX = unpacked(body)
    wanted_TPX = landmark_file.read(media, 12.5)[:, POINTS, :2]
    missing_TP = np.isnan(wanted_TPX[..., 0])
    assert ((values_TPX == MISSING).all(axis=2) == missing_TP).all()
    assert missing_TP.any()
    # The same up to one shift and one scale for all.
    found_NX, wanted_NX = values_TPX[~missing_TP], wanted_TPX[~missing_TP]
    scale = np.ptp(found_NX[:, 0]) / np.ptp(wanted_NX[:, 0])
    assert np.abs((found_NX - found_NX.mean(axis=0)) - scale * (wanted_NX - wanted_NX.mean(axis=0))).max() < 2


def test_packing_keeps_every_value() -> None:
    units_TPX = np.random.default_rng(1).integers(-32768, 32768, (7, len(POINTS), 2)).astype(np.int16)
    body = Body(packed(units_TPX), 7, 12.5, 1, 1, 1.0, "")
    assert (unpacked(body) == units_TPX).all()


def test_a_long_movement_is_cut_and_small(tmp_path: Path) -> None:
    """Even of points that tremble at random half a minute takes less than a recording may."""
    body = make_body(recording(tmp_path / "a.npz", frames=25 * (MAX_SECONDS + 10)))
    assert isinstance(body, Body)
    assert (body.frames, body.whole_seconds) == (round(12.5 * MAX_SECONDS), MAX_SECONDS + 10)
    assert body.size < 150_000


def test_a_point_astray_does_not_make_the_body_small() -> None:
    points_TPX = np.random.default_rng(0).uniform(size=(100, NUM_POINTS, 3)).astype(np.float32)
    points_TPX[50, BLOCKS["face"].start + 10] = 1e4
    found = framed(points_TPX)
    assert not isinstance(found, str)
    units_TPX, width, height = found
    assert np.median(units_TPX[..., 0].max(axis=1)) > 0.8 * width
    assert np.median(units_TPX[..., 1].max(axis=1)) > 0.8 * height


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({"xyz": np.ones((3, 4))}, "fps"),
        ({"xyz": np.ones((3, 4)), "fps": 25}, "`xyz` has the shape (3, 4)"),
        ({"xyz": np.zeros((3, NUM_POINTS, 3)), "fps": 25}, "shows no body"),
        ({"xyz": np.ones((3, NUM_POINTS, 3)), "fps": 25}, "all points of a body in one place"),
    ],
)
def test_what_cannot_be_drawn_says_why(tmp_path: Path, content: dict[str, np.ndarray], reason: str) -> None:
    np.savez(tmp_path / "a.npz", **content)  # type: ignore[arg-type]
    found = make_body(str(tmp_path / "a.npz"))
    assert isinstance(found, str)
    assert reason in found
    assert str(tmp_path) not in found
