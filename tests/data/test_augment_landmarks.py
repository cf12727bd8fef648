"""Changes made to bodies: what each changes, what it must not, and that chance comes from the generator alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from project.contract import InputError
from project.data.augment_landmarks import FrameDrop, HandDropout, Mirror, OtherHands, PointNoise, TimeWarp, View
from project.feature.landmark_layout import BLOCKS, FINGERS, LEFT_SHOULDER, MIRROR, NUM_POINTS, RIGHT_SHOULDER, mirrored
from project.feature.landmarks import shoulder_width

LEFT, RIGHT = BLOCKS["left_hand"], BLOCKS["right_hand"]
ALL: dict[str, Callable[[], Any]] = {
    "Mirror": lambda: Mirror(1.0),
    "TimeWarp": TimeWarp,
    "FrameDrop": lambda: FrameDrop(0.3),
    "PointNoise": PointNoise,
    "HandDropout": lambda: HandDropout(1.0),
    "View": View,
    "OtherHands": OtherHands,
}
NOTHING: dict[str, Any] = {
    "Mirror": Mirror(0),
    "TimeWarp": TimeWarp(0, 0),
    "FrameDrop": FrameDrop(0),
    "PointNoise": PointNoise(0),
    "HandDropout": HandDropout(0),
    "View": View(0, 0, 0),
    "OtherHands": OtherHands(0, 0),
}


def body(frames: int = 30) -> np.ndarray:
    """A moving body; now and then its left hand is not detected."""
    points = np.random.default_rng(frames).normal(0.5, 0.05, (frames, NUM_POINTS, 3)).astype(np.float32)
    points[:, LEFT_SHOULDER, 0] += 0.15
    points[:, RIGHT_SHOULDER, 0] -= 0.15
    points[frames // 3 : frames // 2, LEFT] = np.nan
    return points


def ramp(frames: int) -> np.ndarray:
    """A body whose every coordinate is the number of its frame."""
    return np.broadcast_to(np.arange(frames, dtype=np.float32)[:, None, None], (frames, NUM_POINTS, 3)).copy()


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("name", ALL)
class TestAll:
    def test_chance_is_the_generators(self, name: str) -> None:
        augment, points = ALL[name](), body()
        first = augment(points, rng(3))
        np.random.default_rng().normal(size=7)
        np.testing.assert_array_equal(augment(points, rng(3)), first)
        np.testing.assert_array_equal(ALL[name]()(points, rng(3)), first)
        if name != "Mirror":
            assert not np.array_equal(augment(points, rng(4)), first, equal_nan=True)

    def test_the_input_stays_as_it_was(self, name: str) -> None:
        points = body()
        ALL[name]()(points, rng(1))
        np.testing.assert_array_equal(points, body())

    def test_it_gives_a_body_of_the_same_kind(self, name: str) -> None:
        for frames in (1, 2, 3, 30):
            found = ALL[name]()(body(frames), rng(2))
            assert found.dtype == np.float32
            assert found.shape[1:] == (NUM_POINTS, 3)
            assert len(found) == frames or (name == "TimeWarp" and len(found))

    def test_what_is_missing_stays_missing(self, name: str) -> None:
        found = ALL[name]()(body(), rng(5))
        missing = np.isnan(found)
        assert (missing.any(axis=2) == missing.all(axis=2)).all()
        before = np.isnan(body())
        if name == "Mirror":
            before = before[:, MIRROR]
        if name == "HandDropout":
            assert (missing >= before).all()
        elif name in {"TimeWarp", "FrameDrop"}:
            assert missing[:, LEFT].any()
            assert not missing[:, : LEFT.start].any()
        else:
            np.testing.assert_array_equal(missing, before)

    def test_without_strength_it_changes_nothing(self, name: str) -> None:
        for seed in range(5):
            np.testing.assert_allclose(NOTHING[name](body(), rng(seed)), body(), atol=1e-6)


def test_twice_in_a_mirror_is_as_before() -> None:
    once = Mirror(1.0)(body(), rng())
    np.testing.assert_array_equal(once, mirrored(body()))
    np.testing.assert_array_equal(Mirror(1.0)(once, rng()), body())
    seen = [Mirror(0.3)(body(1), rng(seed))[0, 0, 0] < 0 for seed in range(500)]
    assert 0.24 < np.mean(seen) < 0.36


def test_time_is_warped_in_order_from_the_first_frame_to_the_last() -> None:
    lengths = []
    for seed in range(300):
        found = TimeWarp()(ramp(60), rng(seed))[:, 0, 0]
        assert found[0] == 0
        assert found[-1] == 59
        assert (np.diff(found) > 0).all()
        assert np.diff(found).max() < 4
        lengths.append(len(found) / 60)
    assert 0.5 < min(lengths) < 0.85
    assert 1.2 < max(lengths) < 2
    logs = np.log(lengths)
    assert abs(logs.mean()) < 0.05
    assert 0.1 < logs.std() < 0.2  # the tempo's 0.1, and what is left of the wandering


def test_tempo_alone_is_even() -> None:
    logs = []
    for seed in range(200):
        steps = np.diff(TimeWarp(tempo=0.2, wander=0)(ramp(80), rng(seed))[:, 5, 1])
        np.testing.assert_allclose(steps, steps[0], atol=1e-3)
        logs.append(np.log(steps[0]))
    assert np.std(logs) == pytest.approx(0.2, rel=0.15)


def test_dropped_frames_are_the_ones_before() -> None:
    kept = 0
    for seed in range(50):
        found = FrameDrop(0.2)(ramp(40), rng(seed))[:, 0, 0]
        assert len(found) == 40
        repeats = found != np.arange(40)
        np.testing.assert_array_equal(found[1:][repeats[1:]], found[:-1][repeats[1:]])
        assert not repeats[0]
        kept += 40 - repeats.sum()
    assert kept / 2000 == pytest.approx(0.8, abs=0.03)
    assert not FrameDrop(1)(ramp(9), rng())[:, 0, 0].any()


def test_noise_is_measured_by_the_shoulders() -> None:
    points = np.nan_to_num(body(), nan=0.5)
    for size in (1.0, 300.0):
        moved = PointNoise(0.02)(size * points, rng()) - size * points
        assert moved.std() == pytest.approx(0.02 * size * shoulder_width(points), rel=0.02)
        assert abs(moved.mean()) < 0.01 * moved.std()


def test_one_hand_is_lost_for_one_span() -> None:
    lost, sides = np.zeros(12), set()
    for seed in range(400):
        missing = np.isnan(HandDropout(1, (2, 5))(np.nan_to_num(body(12), nan=0.5), rng(seed)))
        assert not missing[:, : LEFT.start].any()
        hands = [missing[:, hand].all(axis=(1, 2)) for hand in (LEFT, RIGHT)]
        assert missing.sum() == 63 * sum(hand.sum() for hand in hands)
        assert [hand.any() for hand in hands] in ([True, False], [False, True])
        frames = np.flatnonzero(hands[0] | hands[1])
        assert 2 <= len(frames) <= 5
        assert frames[-1] - frames[0] == len(frames) - 1
        lost[frames] += 1
        sides.add(bool(hands[0].any()))
    assert sides == {True, False}
    assert lost.min() > 0, "the first and the last frame may be lost as well"
    np.testing.assert_array_equal(np.isnan(HandDropout(1, (9, 9))(ramp(4), rng())).sum(), 4 * 63)


def test_a_part_of_the_examples_loses_a_hand() -> None:
    assert np.mean([np.isnan(HandDropout(0.3)(ramp(9), rng(seed))).any() for seed in range(500)]) == pytest.approx(
        0.3, abs=0.06
    )


def test_another_view_is_a_rotation() -> None:
    points = np.nan_to_num(body(), nan=0.5).astype(np.float64)
    angles = []
    for seed in range(200):
        found = View(8, 0, 0)(points.astype(np.float32), rng(seed))
        turn, *_ = np.linalg.lstsq(points.reshape(-1, 3), found.reshape(-1, 3).astype(np.float64), rcond=None)
        np.testing.assert_allclose(points @ turn, found, atol=1e-5)
        np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-5)
        assert np.linalg.det(turn) == pytest.approx(1, abs=1e-5)
        angles.append(np.degrees(np.arccos((np.trace(turn) - 1) / 2)))
    assert np.sqrt(np.mean(np.square(angles)) / 3) == pytest.approx(8, rel=0.15)  # about each of three axes


def test_depth_and_width_are_scaled_alone() -> None:
    points, logs = np.nan_to_num(body(), nan=0.5), []
    for seed in range(200):
        found = View(0, 0.3, 0.1)(points, rng(seed))
        scales = (found / points).reshape(-1, 3)
        np.testing.assert_allclose(scales, scales[:1].repeat(len(scales), axis=0), rtol=1e-5)
        logs.append(np.log(scales[0]))
    np.testing.assert_allclose(np.std(logs, axis=0), [0.1, 0, 0.3], rtol=0.15, atol=1e-6)


def test_other_hands_in_a_mirror_are_the_mirror_of_other_hands() -> None:
    augment = OtherHands(20, 0.2)
    for seed in range(5):
        np.testing.assert_allclose(
            augment(mirrored(body()), rng(seed)), mirrored(augment(body(), rng(seed))), atol=1e-6
        )


def lengths(hand_TPX: np.ndarray) -> np.ndarray:
    """Of every bone of the fingers, (T, 20)."""
    bones = [bone for finger in FINGERS for bone in zip((0, *finger), finger, strict=False)]
    return np.stack([np.linalg.norm(hand_TPX[:, end] - hand_TPX[:, start], axis=1) for start, end in bones], axis=1)


def test_other_hands_have_other_bones_for_a_whole_example() -> None:
    points, logs = np.nan_to_num(body(), nan=0.5) + np.random.default_rng(9).normal(0, 0.05, (30, NUM_POINTS, 3)), []
    points = points.astype(np.float32)
    for seed in range(100):
        found = OtherHands(15, 0.1)(points, rng(seed))
        np.testing.assert_array_equal(found[:, : LEFT.start], points[:, : LEFT.start])
        np.testing.assert_array_equal(found[:, [LEFT.start, RIGHT.start]], points[:, [LEFT.start, RIGHT.start]])
        ratios = [lengths(found[:, hand]) / lengths(points[:, hand]) for hand in (LEFT, RIGHT)]
        for ratio in ratios:
            np.testing.assert_allclose(ratio, ratios[0][:1].repeat(30, axis=0), rtol=1e-3)
        logs.append(np.log(ratios[0][0]))
    assert np.std(logs) == pytest.approx(0.1, rel=0.15)
    of_fingers = np.reshape(logs, (100, 5, 4)).mean(axis=2)
    assert of_fingers.std() == pytest.approx(0.1 * np.sqrt(1 / 2 + 1 / 8), rel=0.2)  # half is shared, half is not


def test_other_hands_turn_about_the_wrist() -> None:
    points = np.nan_to_num(body(), nan=0.5)
    found = OtherHands(20, 0)(points, rng())
    for hand in (LEFT, RIGHT):
        before, after = (one[:, hand] - one[:, hand][:, :1] for one in (points, found))
        np.testing.assert_allclose(np.linalg.norm(after, axis=2), np.linalg.norm(before, axis=2), atol=1e-5)
    assert np.abs(found - points)[:, RIGHT].max() > 0.02


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda: Mirror(1.5), r"Mirror\.part is 1\.5: give a part, 0 to 1"),
        (lambda: FrameDrop(-0.1), r"FrameDrop\.part is -0\.1"),
        (lambda: HandDropout(float("nan")), r"HandDropout\.part is nan"),
        (lambda: HandDropout(0.5, (5, 2)), r"HandDropout\.span_frames is \[5, 2\]: give \[shortest, longest\]"),
        (lambda: HandDropout(0.5, (0, 2)), r"HandDropout\.span_frames"),
        (lambda: HandDropout(0.5, (1, 2, 3)), r"HandDropout\.span_frames"),
        (lambda: TimeWarp(tempo=-1), r"TimeWarp\.tempo is -1: give 0 or more"),
        (lambda: TimeWarp(wander=float("inf")), r"TimeWarp\.wander is inf"),
        (lambda: TimeWarp(wander_frames=0), r"TimeWarp\.wander_frames is 0: give at least 1"),
        (lambda: PointNoise(float("nan")), r"PointNoise\.deviation is nan"),
        (lambda: View(degrees=-5), r"View\.degrees is -5"),
        (lambda: View(depth=-5), r"View\.depth"),
        (lambda: View(width=-5), r"View\.width"),
        (lambda: OtherHands(degrees=-5), r"OtherHands\.degrees"),
        (lambda: OtherHands(lengths=-5), r"OtherHands\.lengths"),
    ],
)
def test_wrong_settings_are_told(wrong: Callable[[], Any], words: str) -> None:
    with pytest.raises(InputError, match=rf"^data\.augment: {words}"):
        wrong()
