"""The benchmark of checkpoints, at its smallest."""

from __future__ import annotations

import pytest

from project.benchmark.checkpoint import Checkpoints


def test_a_checkpoint_is_weights_and_two_moments() -> None:
    (row,) = Checkpoints(millions=[1.0], rounds=1).run().rows
    assert row[1] == pytest.approx(3 * 4.0, rel=0.02), "megabytes of float32"
    assert all(value > 0 for value in row[2:])
