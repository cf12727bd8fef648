"""The benchmark of diagnosis: what it measures is in the hooks, and its parts are parts."""

from __future__ import annotations

import time
from typing import Any

from project.benchmark.diagnosis import HOOKS, Clock, Costs
from project.callbacks.diagnosis import Diagnosis
from project.callbacks.watcher import Watcher


def test_all_hooks_of_a_step_and_of_a_validation_are_timed() -> None:
    """A hook that is added must be counted as well."""
    own = {name for name in vars(Diagnosis) if name.startswith("on_") and vars(Diagnosis)[name] is not None}
    assert own - set(HOOKS) == {"on_train_start", "on_train_end"}
    assert set(HOOKS) <= own


def test_a_hook_that_takes_its_time_is_found_out() -> None:
    class Slow(Watcher):
        def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
            time.sleep(0.02)

    slow, clock = Slow(), Clock()
    clock.watch(slow)
    slow.on_validation_end(None, None)
    assert clock.inside("validation") == clock.inside("") >= 0.02
    assert clock.inside("train", "before") == 0


def test_the_table_holds_shares() -> None:
    table = Costs(steps=40, examples=1, frames=80, validate_every=20, validated=4).run()
    assert [row[0] for row in table.rows] == ["1", "3"]
    for row in table.rows:
        assert all(0 < float(share.rstrip("%")) < 100 for share in row[2:5])
