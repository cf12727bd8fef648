"""The camera: what it leaves as it is, what it loses, and how much points tremble."""

from __future__ import annotations

import numpy as np
import pytest

from project.contract import InputError
from project.corpus.signer.camera import Camera, record
from project.corpus.signer.performance import body, plan
from project.corpus.signer.style import Signing, draw_signer
from project.feature.landmark_layout import BLOCKS, NUM_POINTS
from project.feature.landmarks import normalized

CLEAR = {"turn_degrees": 0, "distance": (1000, 1000), "bottom": (9, 9), "jitter": 0, "dropouts": 0}


def still(frames: int = 400) -> np.ndarray:
    """A signer who goes on for long, without habits."""
    rng = np.random.default_rng(0)
    signer = draw_signer("train", 0, Signing(strength=0, left_handed=0), 0)
    points = body(plan(["DRIVE", "TREE", "EAT"], signer, rng), 25, rng)
    return np.concatenate([points] * (1 + frames // len(points)))[:frames]


def test_a_clear_picture_is_the_body_in_other_units() -> None:
    points = still()
    seen = record(points, Camera(**CLEAR), np.random.default_rng(1))
    assert seen.dtype == np.float32
    np.testing.assert_allclose(normalized(seen)[..., :2], normalized(points)[..., :2], atol=5e-3)
    assert np.nanmin(seen[..., :2]) > -2
    assert np.nanmax(seen[..., :2]) < 2
    hand = BLOCKS["left_hand"]
    depth = points[:, hand, 2] - points[:, hand.start, None, 2]
    np.testing.assert_allclose(
        normalized(seen)[:, hand, 2] - normalized(seen)[:, hand.start, None, 2], depth, atol=5e-3
    )
    assert (seen[:, hand.start, 2] == 0).all()


def test_hands_are_lost_whole_and_as_often_as_was_said() -> None:
    seen = record(still(4000), Camera(**CLEAR | {"dropouts": 0.1}), np.random.default_rng(2))
    for name in ("left_hand", "right_hand"):
        missing = np.isnan(seen[:, BLOCKS[name]])
        assert (missing.all(axis=(1, 2)) == missing.any(axis=(1, 2))).all()
        assert 0.06 < missing.mean() < 0.14
        lost = missing[:, 0, 0]
        assert lost.sum() / np.count_nonzero(np.diff(lost.astype(int)) == 1) > 2, "for some frames at a time"
    assert np.isfinite(seen[:, : BLOCKS["left_hand"].start]).all()


def test_a_hand_below_the_picture_is_not_found() -> None:
    points = still()
    seen = record(points, Camera(**CLEAR | {"bottom": (1.1, 1.1)}), np.random.default_rng(0))
    for name in ("left_hand", "right_hand"):
        below = points[:, BLOCKS[name].start, 1] > 1.1
        assert below.any()
        np.testing.assert_array_equal(np.isnan(seen[:, BLOCKS[name].start, 0]), below)


def test_points_tremble_as_much_as_was_said() -> None:
    points = still(300)
    calm, trembling = (
        record(points, Camera(**CLEAR | {"jitter": jitter}), np.random.default_rng(3)) for jitter in (0, 0.01)
    )
    shoulders = np.linalg.norm(calm[0, 11, :2] - calm[0, 12, :2])
    for block, together in (("pose", 0.6), ("face", 0.5), ("right_hand", 1.5)):
        noise = (trembling - calm)[:, BLOCKS[block]] / shoulders
        assert noise[..., :2].std() == pytest.approx(0.01 * np.hypot(1, together), rel=0.1)
        assert noise[..., 2].std() == pytest.approx(0.025 * np.hypot(1, together), rel=0.1)
    assert trembling.shape == (300, NUM_POINTS, 3)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"distance": (1, 2)}, r"camera\.distance"),
        ({"bottom": (2, 1)}, r"camera\.bottom"),
        ({"turn_degrees": 90}, r"camera\.turn_degrees"),
        ({"jitter": -1}, r"camera\.jitter"),
        ({"dropouts": 0.9}, r"camera\.dropouts"),
    ],
)
def test_wrong_settings_are_refused(wrong: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        Camera(**wrong)  # type: ignore[arg-type]
