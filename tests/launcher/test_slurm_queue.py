"""What squeue and sacct say, put beside what points noted themselves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from project.launcher import slurm_queue
from project.sweep import Sweep

Fake = Callable[[str, str], Path]


def test_the_queue_knows_those_at_work_and_accounting_the_others(fake: Fake, tmp_path: Path) -> None:
    fake("squeue", f'echo "$@" > {tmp_path}/asked; echo "12|RUNNING"; echo "13_1|PENDING"; echo "14|PENDING"')
    fake("sacct", 'echo "12|FAILED"; echo "13_0|CANCELLED by 1000"; echo "13_0.batch|COMPLETED"')
    answer = slurm_queue.ask(["12", "13_0", "13_1", "15", "pid 71/80123 on node4"])
    assert answer == slurm_queue.Answer({"12": "RUNNING", "13_0": "CANCELLED", "13_1": "PENDING", "15": "GONE"})
    assert "--jobs=12,13,15" in (tmp_path / "asked").read_text()


def test_jobs_that_the_queue_has_forgotten(fake: Fake) -> None:
    """It calls an error what only means that none of them is left; nor is there any accounting."""
    fake("squeue", "echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1")
    fake("sacct", "echo 'Slurm accounting storage is disabled' >&2; exit 1")
    assert slurm_queue.ask(["12"]) == slurm_queue.Answer({"12": "GONE"})


def test_a_controller_that_is_away_is_told(fake: Fake) -> None:
    text = "slurm_load_jobs error: Unable to contact slurm controller (connect failure)"
    fake("squeue", f"echo '{text}' >&2; exit 1")
    assert slurm_queue.ask(["12"]) == slurm_queue.Answer(problem=text)


def test_a_controller_that_hangs_is_told(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slurm_queue, "SECONDS", 0.2)
    fake("squeue", "exec sleep 5")
    assert slurm_queue.ask(["12"]).problem == "squeue: no answer within 0.2 seconds"


def test_nothing_is_asked_where_there_is_no_slurm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert slurm_queue.ask(["12"]) == slurm_queue.ask([]) == slurm_queue.Answer()


@pytest.mark.parametrize(
    ("noted", "slurm", "state"),
    [
        ("pending", "PENDING", "pending"),
        ("pending", "RUNNING", "running"),
        ("running", "PENDING", "requeued"),  # preempted, killed or out of its time: SLURM starts it again
        ("stopped", "PENDING", "requeued"),
        ("stopped", "COMPLETING", "running"),  # not over: it may be started again
        ("requeued", "COMPLETING", "requeued"),
        ("requeued", "RUNNING", "running"),
        ("running", "NODE_FAIL", "failed"),
        ("running", "TIMEOUT", "failed"),
        ("pending", "CANCELLED", "stopped"),
        ("running", "GONE", "stopped"),
        ("stopped", "CANCELLED", "stopped"),
        ("stopped", "FAILED", "stopped"),  # it left with 143
        ("done", "FAILED", "done"),
        ("failed", "PENDING", "failed"),
        ("running", None, "running"),
        ("running", "A_NEW_STATE", "failed"),
    ],
)
def test_how_it_stands(noted: str, slurm: str | None, state: str) -> None:
    told = slurm_queue.settled({"state": noted, "job": "12", "attempts": 1}, slurm)
    assert (told["state"], told["job"], told["attempts"]) == (state, "12", 1)
    if state in ("failed", "stopped") and noted not in ("failed", "stopped"):
        assert "job" in told["error"]


def test_points_that_no_job_was_noted_for_are_left_as_they_are(fake: Fake, sweep: Sweep) -> None:
    fake("squeue", 'echo "7|PENDING"')
    first, second, _ = sweep.points()
    sweep.note(first, "running", job="7")
    sweep.note(second, "running", job="pid 71/80123 on node4")
    states, problem = slurm_queue.look(sweep, sweep.points())
    assert {name: state["state"] for name, state in states.items()} == {
        "run-1": "requeued",
        "run-2": "running",
        "run-3": "pending",
    }
    assert problem is None


def test_own_job(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SLURM_JOB_ID", "SLURM_ARRAY_JOB_ID", "SLURM_ARRAY_TASK_ID"):
        monkeypatch.delenv(name, raising=False)
    assert slurm_queue.own_job() is None
    monkeypatch.setenv("SLURM_JOB_ID", "14")
    assert slurm_queue.own_job() == "14"
    monkeypatch.setenv("SLURM_ARRAY_JOB_ID", "12")
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "2")
    assert slurm_queue.own_job() == "12_2"
