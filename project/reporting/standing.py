"""How it stands with each point of a sweep: what the ledger says, held against what can be seen.

A process that is killed notes nothing. So a point that is said to run is looked for: the lock on its run, its process,
its job in the queue. One that is nowhere has failed.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from project.launcher.process import is_alive
from project.launcher.slurm_queue import ask, settled
from project.metrics_file import METRICS, Reached, latest
from project.run import Run, monitored
from project.sweep import ENDED, Point, State, Sweep

STARTING_SECONDS = 180  # a point that noted that it runs may import and build so long before it holds its run
VANISHED = "its process is gone and noted nothing"
JOB = re.compile(r"\d+(_\d+)?")
WAITS_FOR_NOBODY = "the process that was to start it is gone"
FINISHED: Mapping[str, State] = {"finished": "done", "pruned": "pruned"}  # what a run says of itself


@dataclass(frozen=True, slots=True)
class Standing:
    """One point, how far it came, and what is to be known about it."""

    point: Point
    config: Mapping[str, Any]
    state: State
    noted: Mapping[str, Any]  # what the ledger says
    reached: Reached | None  # the last figure that it wrote
    remark: str = ""  # why it stands other than the ledger says

    @property
    def error(self) -> str:
        """Why it did not come to its end, in a line."""
        return self.remark or ("" if self.state in ("done", "running") else str(self.noted.get("error") or ""))

    @property
    def log(self) -> Path | None:
        """Where what it printed can be read."""
        own = self.point.run / "train.log"
        found = [file for file in (Path(str(self.noted["log"])) if "log" in self.noted else own, own) if file.exists()]
        return found[0] if found else None


def standings(sweep: Sweep) -> tuple[list[Standing], str | None]:
    """Of all points, in the ledger's order; and why SLURM could not be asked, if it could not."""
    points = sweep.points()
    noted = [sweep.state(point) for point in points]
    answer = ask(str(one["job"]) for one in noted if is_queued(one))
    found = []
    for point, one in zip(points, noted, strict=True):
        config, file = Sweep.of(sweep.file(point))[2], sweep.file(point).with_suffix(".state")
        age = time.time() - file.stat().st_mtime if file.exists() else math.inf
        state, remark = seen(Run(point.run), one, answer.states.get(str(one.get("job"))), age)
        reached = latest(point.run / METRICS, monitored(config)[0])
        found.append(Standing(point, config, state, one, reached, remark))
    return found, answer.problem


def seen(run: Run, noted: Mapping[str, Any], slurm: str | None, age: float) -> tuple[State, str]:
    """The state of a point that was noted so many seconds ago, and why it is another one than was noted.

    `slurm` is what SLURM says of its job; None if it was not asked, or did not answer.
    """
    state: State = noted["state"]
    if state not in ENDED and run.is_held():
        return "running", ""
    if slurm is not None:
        told = settled(noted, slurm)
        same = told["state"] == state or told["state"] not in ENDED
        return (told["state"], "") if same else _gone(run, told["state"], str(told["error"]))
    job = str(noted.get("job") or "")
    lives = is_alive(job)
    if state in ENDED or lives or (lives is None and job):  # a job that cannot be asked about stands as it was noted
        return state, ""
    if state == "running":
        is_starting = lives is None and age < STARTING_SECONDS
        return (state, "") if is_starting else _gone(run, "failed", VANISHED)
    return state, WAITS_FOR_NOBODY if lives is False else ""


def counts(found: Sequence[Standing]) -> dict[str, int]:
    """How many points stand how, in the order in which a point goes through these."""
    order = ("pending", "running", "requeued", "done", "pruned", "stopped", "failed")
    return {state: count for state in order if (count := sum(one.state == state for one in found))}


def is_queued(noted: Mapping[str, Any]) -> bool:
    """Whether SLURM may know of it: its jobs are numbers, of an array with a task's.

    >>> is_queued({"state": "running", "job": "71_2"}), is_queued({"state": "running", "job": "pid 71/8 on a"})
    (True, False)
    """
    return noted["state"] not in ("done", "pruned", "failed") and bool(JOB.fullmatch(str(noted.get("job") or "")))


def _gone(run: Run, state: State, remark: str) -> tuple[State, str]:
    """Of a point that is nowhere: its run may have come to its end before it could be noted."""
    ended = FINISHED.get(str(run.state()["state"]))
    return (ended, "") if ended else (state, remark)
