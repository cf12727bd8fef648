"""What SLURM says of jobs, and how it stands with a sweep's points when that is put beside what they noted themselves.

A process that is killed notes nothing: only SLURM knows. Where there is no SLURM the notes stand as they are.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from project.sweep import Point, Sweep

GONE = "GONE"  # neither in the queue nor kept by the accounting
OPEN = ("pending", "running", "requeued", "stopped")  # what SLURM may know better
WAITING = {"PENDING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "SPECIAL_EXIT", "RESV_DEL_HOLD"}
AT_WORK = {"RUNNING", "CONFIGURING", "COMPLETING", "SUSPENDED", "RESIZING", "SIGNALING", "STAGE_OUT", "STOPPED"}
REASONS = {
    "CANCELLED": "its job was cancelled",
    "PREEMPTED": "its job was preempted and not started again",
    "TIMEOUT": "its job ran into the time limit before it could save: raise launcher.signal_seconds",
    "OUT_OF_MEMORY": "its job used more memory than it had asked for: raise launcher.job.memory",
    "NODE_FAIL": "its node failed and SLURM did not start the job again",
    "FAILED": "its job failed before the point could say why: see its log",
    "COMPLETED": "its job ended and the point said nothing: see its log",
    GONE: "its job is not known to SLURM any more",
}
STOPPED = ("CANCELLED", "PREEMPTED", GONE)
SECONDS = 60  # for an answer
JOB = re.compile(r"\d+(_\d+)?")  # other launchers name processes


@dataclass(frozen=True, slots=True)
class Answer:
    """The state of each job in SLURM's word; nothing of those that it was not asked about or could not tell."""

    states: Mapping[str, str] = field(default_factory=dict)
    problem: str | None = None  # why there is no answer


def own_job() -> str | None:
    """The job that this process runs in, as `squeue` and `scontrol` name it; None outside of SLURM.

    >>> own_job() is None or "_" in own_job() or own_job().isdigit()
    True
    """
    if array := os.environ.get("SLURM_ARRAY_JOB_ID"):
        return f"{array}_{os.environ['SLURM_ARRAY_TASK_ID']}"
    return os.environ.get("SLURM_JOB_ID")


def ask(jobs: Iterable[str]) -> Answer:
    """What SLURM says of jobs: of those at work its queue, of those that have ended its accounting, if it has one."""
    wanted = {job for job in jobs if JOB.fullmatch(job)}
    if not wanted or shutil.which("squeue") is None:
        return Answer()
    numbers = "--jobs=" + ",".join(sorted({job.partition("_")[0] for job in wanted}))
    code, text = _run("squeue", "--noheader", "--array", "--states=all", "--format=%i|%T", numbers)
    if code and "Invalid job id" not in text:  # that is said where none of them is left
        return Answer(problem=" ".join(text.split()) or "squeue gives no answer")
    states = {} if code else read_states(text)
    if wanted - states.keys() and shutil.which("sacct"):
        code, text = _run("sacct", "--noheader", "--parsable2", "--allocations", "--format=JobID,State", numbers)
        states = states if code else read_states(text) | states
    return Answer({job: states.get(job, GONE) for job in wanted})


def read_states(text: str) -> dict[str, str]:
    """Job -> state, from lines such as `squeue` and `sacct` print.

    >>> read_states("12|RUNNING\\n13_4|CANCELLED by 1000\\n14_[0-2]|PENDING\\n")
    {'12': 'RUNNING', '13_4': 'CANCELLED', '14_0': 'PENDING', '14_1': 'PENDING', '14_2': 'PENDING'}
    """
    found: dict[str, str] = {}
    for line in text.splitlines():
        job, _, state = line.strip().partition("|")
        if state:
            found |= dict.fromkeys(_each(job), state.split()[0].rstrip("+"))
    return found


def look(sweep: Sweep, points: Sequence[Point]) -> tuple[dict[str, dict[str, Any]], str | None]:
    """How it stands with each point, by name, and why SLURM could not be asked, if it could not."""
    noted = {point.name: sweep.state(point) for point in points}
    answer = ask(str(state.get("job")) for state in noted.values() if state["state"] in OPEN)
    states = {name: settled(state, answer.states.get(str(state.get("job")))) for name, state in noted.items()}
    return states, answer.problem


def settled(noted: Mapping[str, Any], slurm: str | None) -> dict[str, Any]:
    """How it stands with a point that noted this, and of whose job SLURM says that.

    >>> settled({"state": "running", "job": "7"}, "CANCELLED")
    {'state': 'stopped', 'job': '7', 'error': 'its job was cancelled'}
    >>> settled({"state": "stopped", "job": "7"}, "PENDING")["state"]
    'requeued'
    """
    said = noted["state"]
    if slurm is None or said not in OPEN:
        return dict(noted)
    if slurm in WAITING:
        return {**noted, "state": "pending" if said == "pending" else "requeued"}
    if slurm in AT_WORK:  # also where it noted that it stopped: SLURM may yet start it again
        return {**noted, "state": "requeued" if (said, slurm) == ("requeued", "COMPLETING") else "running"}
    if said == "stopped":
        return dict(noted)
    reason = REASONS.get(slurm, f"SLURM says {slurm} of its job")
    return {**noted, "state": "stopped" if slurm in STOPPED else "failed", "error": reason}


def _each(job: str) -> list[str]:
    """The jobs of an array that waits as a whole: 14_[0-2,5%3] is four of them."""
    number, bracket, rest = job.partition("_[")
    if not bracket:
        return [job]
    found: list[str] = []
    for part in rest.rstrip("]").partition("%")[0].split(","):
        first, _, last = part.partition("-")
        if first.isdigit():
            found += [f"{number}_{place}" for place in range(int(first), int(last or first) + 1)]
    return found


def _run(*command: str) -> tuple[int, str]:
    """Exit code and what was printed; of a failure, what it said was wrong."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return 1, f"{command[0]}: no answer within {SECONDS} seconds"
    return done.returncode, done.stderr if done.returncode else done.stdout
