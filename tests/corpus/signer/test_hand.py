"""Hands bend as hands do: bones keep their length, fists are small, straight fingers straight."""

from __future__ import annotations

import numpy as np

from project.corpus.signer.hand import PALM, SHAPES, hand_points
from project.feature.landmark_layout import HAND_BONES, KNUCKLES

NAMES = list(SHAPES)
HANDS = hand_points(np.stack([SHAPES[name] for name in NAMES]))
TIPS = (8, 12, 16, 20)


def test_bones_keep_their_length() -> None:
    first, second = np.array(HAND_BONES).T
    lengths = np.linalg.norm(HANDS[:, first] - HANDS[:, second], axis=2)
    np.testing.assert_allclose(lengths, np.broadcast_to(lengths[0], lengths.shape), atol=1e-12)
    assert (lengths > 0.05).all()


def test_shapes_are_what_their_names_say() -> None:
    flat, fist, vee, wye = (HANDS[NAMES.index(name)] for name in ("flat", "fist", "vee", "wye"))
    palm = np.array([PALM, 0, 0])
    assert 0.95 < flat[12, 0] < 1.05, "a hand is as long as its middle finger reaches"
    assert np.linalg.norm(fist[list(TIPS)] - palm, axis=1).max() < 0.4
    assert (fist[list(TIPS), 1] > 0).all(), "fingers close over the palm"
    assert (vee[[8, 12], 0] > 0.9).all()
    assert (vee[[16, 20], 0] < 0.7).all()
    assert wye[20, 0] > 0.75 > wye[12, 0]
    assert (flat[list(KNUCKLES), 2] == np.sort(flat[list(KNUCKLES), 2])[::-1]).all(), "the index is next to the thumb"


def test_shapes_differ() -> None:
    apart = np.linalg.norm(HANDS[:, None] - HANDS[None], axis=3).max(axis=2)
    assert apart[~np.eye(len(NAMES), dtype=bool)].min() > 0.1
