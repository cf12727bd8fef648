"""The benchmark of processes, at its smallest."""

from __future__ import annotations

import pytest

from project.benchmark.scaling import Scaling

pytestmark = pytest.mark.long


def test_one_process_and_two() -> None:
    table = Scaling(examples=1, frames=40, steps=5, rounds=1).run()
    assert [row[0] for row in table.rows] == [1, 2]
    assert table.rows[0][3:5] == (1.0, 1.0)
    assert all(value > 0 for row in table.rows for value in row[1:])
