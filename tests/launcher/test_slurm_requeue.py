"""When a job asks to be started again: the script's lines, run by a shell, and what a process expects of them."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from project.launcher import slurm_requeue

Fake = Callable[[str, str], Path]
JOB = {"SLURM_JOB_ID": "14"}
TASK = {"SLURM_JOB_ID": "14", "SLURM_ARRAY_JOB_ID": "12", "SLURM_ARRAY_TASK_ID": "2"}


@pytest.mark.parametrize(
    ("code", "variables", "asked"),
    [
        (0, JOB, ""),
        (1, JOB, ""),
        (128 + signal.SIGUSR2, JOB, "requeue 14"),
        (128 + signal.SIGUSR1, JOB, "requeue 14"),
        (128 + signal.SIGUSR2, TASK, "requeue 12_2"),  # 14 may be the number of the whole array as well
        (128 + signal.SIGUSR2, {**JOB, "SLURM_RESTART_COUNT": "2"}, "requeue 14"),
        (128 + signal.SIGUSR2, {**JOB, "SLURM_RESTART_COUNT": "3"}, ""),
        (128 + signal.SIGTERM, JOB, ""),
        (128 + signal.SIGKILL, JOB, ""),
    ],
)
def test_a_script_and_its_processes_agree(
    code: int, variables: dict[str, str], asked: str, fake: Fake, tmp_path: Path
) -> None:
    """Under `set -e`, too, which somebody's setup may have said."""
    fake("scontrol", f'echo -n "$@" > {tmp_path}/asked')
    fake("srun", f"exit {code}")
    script = "\n".join(["set -e", *slurm_requeue.opening(3), "srun", *slurm_requeue.closing()])
    done = subprocess.run(["bash", "-c", script], env={**os.environ, **variables}, check=False)
    assert done.returncode == code
    said = tmp_path / "asked"
    assert (said.read_text() if said.exists() else "") == asked
    assert slurm_requeue.is_promised(code - 128, {**variables, slurm_requeue.MOST: "3"}) is bool(asked)


def test_a_signal_to_the_script_itself_does_not_end_it(fake: Fake, tmp_path: Path) -> None:
    fake("srun", "kill -USR2 $PPID; sleep 0.1; exit 7")
    script = "\n".join([*slurm_requeue.opening(3), "srun", *slurm_requeue.closing()])
    assert subprocess.run(["bash", "-c", script], check=False).returncode == 7


def test_outside_of_such_a_script_nothing_is_promised() -> None:
    assert not slurm_requeue.is_promised(signal.SIGUSR2, JOB)
