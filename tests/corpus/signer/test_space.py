"""Turns of a hand against another library, and that the lexicon's words are all known."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from project.corpus.signer import space
from project.corpus.signer.space import MOVEMENTS, TURNS, TURNS_RQ, rotations


def test_rotations_are_those_of_another_library() -> None:
    quaternions = np.random.default_rng(0).standard_normal((50, 4))
    expected = Rotation.from_quat(quaternions, scalar_first=True).as_matrix()
    np.testing.assert_allclose(rotations(quaternions), np.swapaxes(expected, 1, 2), atol=1e-12)


def test_turns_point_where_their_names_say() -> None:
    for name, row in TURNS.items():
        ways = rotations(TURNS_RQ[row])
        np.testing.assert_allclose(ways @ ways.T, np.eye(3), atol=1e-12)
        np.testing.assert_allclose(np.linalg.det(ways), 1)
        if name != "relaxed":
            np.testing.assert_allclose(ways[0], space._WAYS[name[0]], atol=1e-12)
            np.testing.assert_allclose(ways[1], space._WAYS[name[1]], atol=1e-12)


def test_movements_that_repeat_come_back() -> None:
    for movement in MOVEMENTS.values():
        assert movement.repeats == 0 or movement.half_turns == 0, "one kind of repetition"
        assert any(movement.around) <= (movement.half_turns % 2 == 0), "circles close"
