"""A loader's worker is killed, as the system does when memory runs out: the step is finished, saved and continued."""

from __future__ import annotations

import multiprocessing
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from project.contract import Config
from project.run import Run

pytestmark = pytest.mark.long


def kill_a_worker() -> None:
    """Kill it and wait until the system has told so: torch's answer comes in the middle of what is done then."""
    number = min(process.pid or 0 for process in multiprocessing.active_children())  # of training: the first started
    os.kill(number, signal.SIGKILL)
    os.waitid(os.P_PID, number, os.WEXITED | os.WNOWAIT)


@pytest.mark.parametrize(("step", "within"), [(9, False), (8, True), (6, True)], ids=["between", "within", "validated"])
def test_a_killed_worker_loses_no_step(
    faults: Any, undisturbed: Run, config: Config, tmp_path: Path, step: int, within: bool
) -> None:
    """Between two steps and within one; and within the one after which a validation is due, in the last batch."""
    config, run = faults.config(config, workers=1, every_steps=None), Run(tmp_path / "run")
    trouble = faults.trouble(step, kill_a_worker, within=within)
    outcome = faults.apart(lambda: faults.fit(config, run.folder, [trouble]))
    assert outcome.code == 1
    assert "a loader's worker is killed by signal: Killed, as happens when memory runs out: lower" in outcome.line
    if step == 6:  # a checkpoint before the validation would skip it
        assert outcome.line.endswith("continue with: the same command: nothing was saved yet")
    else:
        assert outcome.line.endswith(f"after step {step}; then continue with: scansion train resume={run.folder}")
        assert faults.step(run) == step
    faults.fit(config, run.folder)
    assert faults.equal(run, undisturbed)
