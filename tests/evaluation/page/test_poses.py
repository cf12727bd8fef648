from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import numpy as np

from project.evaluation.page.poses import EXTENT, key_frames, poses_svg

MISSING = np.iinfo(np.int16).min
LINES = {"hand": [[0, 1, 2]]}


def test_a_pose_is_where_the_hands_hold_still() -> None:
    """Against the movement's own rule: it stops for the third frame of each ten."""
    rng = np.random.default_rng(0)
    step_T = np.where(np.arange(80) % 10 == 3, 0, rng.integers(5, 20, 80))
    units_TPX = np.zeros((81, 3, 2), dtype=np.int16)
    units_TPX[1:, :2, 0] = np.cumsum(step_T)[:, None]
    units_TPX[:, 2] = rng.integers(0, 1000, (81, 2))  # no hand
    seen_TP = np.ones((81, 3), dtype=bool)
    hands_P = np.array([True, True, False])
    assert key_frames(units_TPX[:80], seen_TP[:80], hands_P) == list(range(3, 80, 10))
    seen_TP[13, 0] = False  # still seen by the other point
    assert key_frames(units_TPX[:80], seen_TP[:80], hands_P)[1] == 13
    seen_TP[10:20, :2] = False
    assert key_frames(units_TPX[:80], seen_TP[:80], hands_P)[1] == 15  # no hand: the middle
    assert key_frames(units_TPX[:3], seen_TP[:3], hands_P) == [0, 1, 2]


def test_each_pose_is_drawn_where_its_points_are() -> None:
    units_TPX = np.array([[[0, 0], [500, 250], [1000, 500]], [[0, 0], [MISSING, MISSING], [1000, 500]]], dtype=np.int16)
    svg = poses_svg(units_TPX, LINES, (1000, 500), np.ones(3, dtype=bool))
    root = ET.fromstring(svg.replace("role=img", 'role="img"').replace("class=hand", 'class="hand"'))  # noqa: S314
    assert root.get("viewBox") == f"0 0 {2 * EXTENT} {EXTENT // 2}"
    assert [one.get("x") for one in root] == ["0", f"{EXTENT}"]
    first, second = (path.get("d") or "" for path in root.iter("path"))
    assert first == "M0 0l90 45l90 45"
    assert second == "M0 0M180 90"  # broken where a point is missing
    assert not re.search(r"\d{5}", svg)
