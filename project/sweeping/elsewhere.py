"""Points that other processes have: those that SLURM was handed, and those that are being trained. They are left alone,
or waited for.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from project.contract import InputError
from project.launcher import process, slurm_queue, slurm_waiting
from project.run import Run
from project.sweep import Point, Sweep

SECONDS_BETWEEN_LOOKS = 1.0  # at processes, while they are waited for


def in_queue(ledger: Sweep, points: Sequence[Point]) -> set[str]:
    """The points that an earlier call handed to SLURM and that it still has."""
    alive = slurm_queue.WAITING | slurm_queue.AT_WORK
    return {name for name, state in _of_slurm(ledger, points).items() if state in alive}


def is_at_work(point: Point, noted: Mapping[str, Any]) -> bool:
    """Whether a process trains a point, or is about to: on this machine it is seen before it holds the run."""
    has_begun = noted["state"] == "running" and process.is_alive(str(noted.get("job") or ""))
    return bool(has_begun) or Run(point.run).is_held()


def wait_for(ledger: Sweep, points: Sequence[Point]) -> list[Point]:
    """Until nobody has these points any more; those to go on with, as the processes that had them were stopped.

    A job of SLURM's that was stopped is not among these: who cancels one does not want it started again.
    """
    jobs = _of_slurm(ledger, points)
    slurm_waiting.wait_for(ledger, [point for point in points if point.name in jobs])
    while any(is_at_work(point, ledger.state(point)) for point in points):
        time.sleep(SECONDS_BETWEEN_LOOKS)
    ended = ("done", "pruned", "failed")
    return [point for point in points if point.name not in jobs and ledger.state(point)["state"] not in ended]


def _of_slurm(ledger: Sweep, points: Sequence[Point]) -> dict[str, str]:
    """What SLURM says of the jobs of points, by the points' names; nothing of those that are none of its.

    Nor of the job that this process is in: that it runs does not say that one of its points does.
    """
    noted = {point.name: str(ledger.state(point).get("job")) for point in points}
    jobs = {name: job for name, job in noted.items() if job != slurm_queue.own_job()}
    answer = slurm_queue.ask(jobs.values())
    if answer.problem:
        raise InputError(f"launcher: SLURM gives no answer ({answer.problem}): try again when it does")
    return {name: answer.states[job] for name, job in jobs.items() if job in answer.states}
