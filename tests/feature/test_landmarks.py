"""A body as numbers, against the same reckoned point by point in plain Python."""

from __future__ import annotations

import json
from math import isfinite
from pathlib import Path
from statistics import median

import numpy as np
import pytest

from project.contract import InputError
from project.feature.landmark_file import write
from project.feature.landmark_layout import BLOCKS, LEFT_SHOULDER, NUM_POINTS, RIGHT_SHOULDER
from project.feature.landmarks import Landmarks, normalized, shoulder_width
from project.part import Feature

PLACES = 3 * NUM_POINTS


def body(frames: int = 9, seed: int = 0) -> np.ndarray:
    """A body that moves at random, its shoulders about 0.3 apart."""
    points = np.random.default_rng(seed).normal(0.5, 0.05, (frames, NUM_POINTS, 3)).astype(np.float32)
    points[:, LEFT_SHOULDER, 0] += 0.15
    points[:, RIGHT_SHOULDER, 0] -= 0.15
    return points


def by_hand(points: np.ndarray) -> np.ndarray:
    """Normalized places with nothing but Python's own numbers."""
    frames = [frame.tolist() for frame in points]
    pairs = [(frame[LEFT_SHOULDER], frame[RIGHT_SHOULDER]) for frame in frames]
    pairs = [(left, right) for left, right in pairs if all(map(isfinite, (*left, *right)))]
    middle = [median((left[axis] + right[axis]) / 2 for left, right in pairs) for axis in range(3)]
    width = median(((left[0] - right[0]) ** 2 + (left[1] - right[1]) ** 2) ** 0.5 for left, right in pairs)
    return np.array(
        [[[(point[axis] - middle[axis]) / width for axis in range(3)] for point in frame] for frame in frames]
    )


def changes(values: np.ndarray, rate: float) -> np.ndarray:
    """What `values` (T, columns) do in a tenth of a second, frame by frame; 0 where one of three is missing."""
    made = np.zeros_like(values)
    for frame in range(len(values)):
        before, after = max(0, frame - 1), min(len(values) - 1, frame + 1)
        for column in range(values.shape[1]):
            known = not np.isnan(values[[before, frame, after], column]).any()
            made[frame, column] = (values[after, column] - values[before, column]) / 2 * rate / 10 if known else np.nan
    return made


def test_places_are_in_shoulder_widths_from_between_the_shoulders() -> None:
    points = body()
    points[2:5, LEFT_SHOULDER] = np.nan
    points[4] *= 3  # a frame without both shoulders has no say
    np.testing.assert_allclose(normalized(points), by_hand(points), rtol=1e-4, atol=1e-4)
    seen = points[[0, 1, 5, 6, 7, 8]][:, [LEFT_SHOULDER, RIGHT_SHOULDER], :2].astype(float)
    assert shoulder_width(points) == pytest.approx(median(np.hypot(*(one - other)) for one, other in seen), rel=1e-5)


@pytest.mark.parametrize("rate", [25.0, 40.0])
def test_every_column_is_what_it_says(rate: float) -> None:
    points = body(7)
    points[3, 40] = np.nan  # for a single frame
    points[5:, 510] = np.nan
    places = by_hand(points).reshape(7, PLACES)
    velocity = changes(places, rate)
    expected = [np.nan_to_num(columns) for columns in (places, velocity, changes(velocity, rate))]
    found = Landmarks(rate, "source6516")(points).numpy()
    assert found.dtype == np.float32
    assert found.shape == (7, 6516)
    for number, columns in enumerate([*expected, expected[0]]):
        np.testing.assert_allclose(
            found[:, number * PLACES : (number + 1) * PLACES], columns, rtol=1e-3, atol=2e-4, err_msg=str(number)
        )


def test_smaller_sets_are_the_first_columns_of_larger_ones() -> None:
    whole = Landmarks(feature_set="source6516")(body()).numpy()
    for kind, number in (("pos", 1), ("pos_vel", 2), ("pos_vel_acc", 3)):
        feature = Landmarks(feature_set=kind)  # type: ignore[arg-type]
        assert feature.num_features == number * PLACES
        np.testing.assert_array_equal(feature(body()).numpy(), whole[:, : number * PLACES])


@pytest.mark.parametrize("kind", ["pos", "pos_vel", "pos_vel_acc", "source6516"])
@pytest.mark.parametrize("hand_shape", [False, True])
def test_columns_are_named_and_lie_side_by_side(kind: str, hand_shape: bool) -> None:
    feature: Feature = Landmarks(feature_set=kind, hand_shape=hand_shape)  # type: ignore[arg-type]
    columns = feature.columns  # type: ignore[attr-defined]
    assert columns["pose"] == (0, 99)
    assert columns["face"] == (99, 1503)
    assert columns["hands"] == (1503, 1629)
    assert ("motion" in columns) == ("hands_motion" in columns) == (kind != "pos")
    if kind != "pos":
        assert columns["motion"][0] == PLACES
        assert columns["hands_motion"] == (1629 + 1503, 2 * 1629)
    assert ("shape" in columns) == hand_shape
    apart = [span for name, span in columns.items() if name != "hands_motion"]
    assert [end for _, end in apart][:-1] == [start for start, _ in apart][1:]
    assert apart[-1][1] == feature.num_features == feature(body()).shape[1]
    assert json.loads(json.dumps(dict(feature.settings))) == feature.settings


def test_place_and_size_in_the_picture_do_not_matter() -> None:
    feature = Landmarks(feature_set="pos_vel_acc", hand_shape=True)
    expected = feature(body()).numpy()
    shift = np.array([0.7, -0.3, 2.0], dtype=np.float32)
    for changed in (body() + shift, 500 * body(), 0.02 * (body() + shift)):
        np.testing.assert_allclose(feature(changed.astype(np.float32)).numpy(), expected, atol=2e-3)


def test_a_missing_point_is_zero_and_so_is_its_movement() -> None:
    """Between frames that show it, too: a point that is not there does not move."""
    points = body(11)
    points[5, 510] = np.nan
    feature = Landmarks(feature_set="pos_vel_acc")
    found = feature(points).numpy().reshape(11, 3, NUM_POINTS, 3)
    zero = (found[:, :, 510] == 0).all(axis=2)
    assert np.flatnonzero(zero[:, 0]).tolist() == [5]
    assert np.flatnonzero(zero[:, 1]).tolist() == [4, 5, 6]
    assert np.flatnonzero(zero[:, 2]).tolist() == [3, 4, 5, 6, 7]
    others = np.delete(found, 510, axis=2)
    np.testing.assert_array_equal(others, np.delete(feature(body(11)).numpy().reshape(11, 3, NUM_POINTS, 3), 510, 2))


@pytest.mark.parametrize("side", ["left_hand", "right_hand"])
def test_moving_a_hand_point_changes_the_hand_alone(side: str) -> None:
    feature = Landmarks(feature_set="source6516", hand_shape=True)
    moved = body()
    moved[4, BLOCKS[side].start + 8] += 0.1
    changed = np.flatnonzero((feature(moved) != feature(body())).any(dim=0).numpy())
    start, end = 3 * BLOCKS[side].start, 3 * BLOCKS[side].stop
    shape, half = feature.columns["shape"][0], 0 if side == "left_hand" else 120
    allowed = {number * PLACES + column for number in range(4) for column in range(start, end)}
    allowed |= set(range(shape + half, shape + half + 120))
    assert set(changed.tolist()) <= allowed
    named = [feature.columns[name] for name in ("hands", "hands_motion", "shape")]
    assert all(any(first <= column < last for column in changed) for first, last in named)
    for name in ("pose", "face"):
        assert not any(feature.columns[name][0] <= column < feature.columns[name][1] for column in changed)


def test_movement_is_measured_in_time_not_in_frames() -> None:
    """A shoulder width in a second, whatever the frame rate."""
    for rate in (25.0, 50.0):
        points = body(1).repeat(21, axis=0)
        points[:, 520, 1] += shoulder_width(points) * np.arange(21, dtype=np.float32) / rate
        found = Landmarks(rate)(points).numpy()
        np.testing.assert_allclose(found[1:-1, PLACES + 3 * 520 + 1], 0.1, atol=1e-4)


def test_the_input_stays_as_it_was() -> None:
    points = body()
    points[1, 530] = np.nan
    kept = points.copy()
    Landmarks(hand_shape=True)(points)
    np.testing.assert_array_equal(points, kept)


def test_files_are_read_at_the_features_rate(tmp_path: Path) -> None:
    write(tmp_path / "a.npz", body(60), 50)
    feature = Landmarks(frame_rate=25)
    found = feature.read(str(tmp_path / "a.npz"))
    assert len(found) == 30 == feature.num_frames(60 / 50)
    np.testing.assert_array_equal(found, body(60).astype(np.float16)[::2])
    assert feature.num_frames(0.001) == 1


def test_what_cannot_be_measured_is_told() -> None:
    points = body()
    points[::2, LEFT_SHOULDER] = np.nan
    points[1::2, RIGHT_SHOULDER, 2] = np.nan
    with pytest.raises(InputError, match="no frame shows both shoulders"):
        Landmarks()(points)
    points = body()
    points[:, LEFT_SHOULDER] = points[:, RIGHT_SHOULDER]
    with pytest.raises(InputError, match="the shoulders lie in one place"):
        Landmarks()(points)


def test_wrong_settings_are_told() -> None:
    for wrong, words in (
        ({"frame_rate": 0}, r"feature\.frame_rate is 0: give"),
        ({"frame_rate": float("nan")}, r"feature\.frame_rate is nan"),
        ({"feature_set": "all"}, "feature_set is 'all': choose from pos, pos_vel, pos_vel_acc, source6516"),
    ):
        with pytest.raises(InputError, match=words):
            Landmarks(**wrong)  # type: ignore[arg-type]
