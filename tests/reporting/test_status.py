"""How it stands with a sweep: what the ledger says, and what can be seen of processes, locks and queues."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from project.launcher.process import name_of
from project.launcher.slurm_queue import Answer
from project.reporting import standing, status
from project.reporting.standing import VANISHED, WAITS_FOR_NOBODY, standings
from project.sweep import Point, Sweep

CONFIG = {"callbacks": {"checkpoint": {"monitor": "dev/per", "mode": "min"}}}
HERE = name_of(os.getpid())
DEAD = HERE.replace("/", "/9")
NAMES = ("a", "b", "c", "d")


@pytest.fixture
def sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sweep:
    """Four points that nobody has begun."""
    monkeypatch.chdir(tmp_path)
    made = Sweep.make(Path("runs/.sweeps/lr-1"), {"axes": ["lr"], "order": [f"r-{name}" for name in NAMES]})
    for n, name in enumerate(NAMES):
        point = Point(f"r-{name}", (f"lr={n}",), (f"lr={n}",), Path(f"runs/x/r-{name}"))
        made.add(point, CONFIG)
    return made


def old(sweep: Sweep, point: Point, seconds: float = 1_000.0) -> None:
    moment = time.time() - seconds
    os.utime(sweep.folder / f"points/{point.name}.state", (moment, moment))


def run_says(point: Point, state: str) -> None:
    point.run.mkdir(parents=True, exist_ok=True)
    (point.run / "state.json").write_text(json.dumps({"state": state}))


@pytest.fixture
def held(sweep: Sweep) -> Iterator[Callable[[Point], None]]:
    """Holds a run as a process does that trains it."""
    files: list[Any] = []

    def hold(point: Point) -> None:
        point.run.mkdir(parents=True, exist_ok=True)
        files.append((point.run / ".lock").open("a+"))
        fcntl.flock(files[-1], fcntl.LOCK_EX)

    yield hold
    for file in files:
        file.close()


def states(sweep: Sweep) -> list[tuple[str, str]]:
    return [(one.state, one.error) for one in standings(sweep)[0]]


def test_who_runs_is_looked_for(sweep: Sweep, held: Callable[[Point], None]) -> None:
    """Held, with a process, just begun, and gone; of the last two that have neither lock nor process."""
    first, second, third, fourth = sweep.points()
    for point in (first, third, fourth):
        sweep.note(point, "running")
    sweep.note(second, "running", job=HERE)
    held(first)
    for point in (first, second, fourth):
        old(sweep, point)
    assert states(sweep) == [("running", "")] * 3 + [("failed", VANISHED)]
    sweep.note(third, "running", job=DEAD)
    assert states(sweep)[2] == ("failed", VANISHED), "its process is known: no need to wait"
    sweep.note(third, "running", job="pid 7/8 on another.machine")
    old(sweep, third)
    assert states(sweep)[2] == ("running", ""), "nothing can be seen from here"


def test_who_came_to_the_end_did_not_vanish(sweep: Sweep) -> None:
    first, second, *_ = sweep.points()
    for point, state in ((first, "finished"), (second, "pruned")):
        sweep.note(point, "running", job=DEAD)
        run_says(point, state)
    assert states(sweep)[:2] == [("done", ""), ("pruned", "")]


def test_what_has_ended_stands_and_what_waits_may_wait_in_vain(sweep: Sweep, held: Callable[[Point], None]) -> None:
    first, second, third, fourth = sweep.points()
    sweep.note(first, "failed", error="no such file", job=DEAD)
    sweep.note(second, "pending", job=DEAD)
    sweep.note(third, "pending", job=HERE)
    sweep.note(fourth, "stopped", error="stopped by SIGTERM after step 7")
    assert states(sweep) == [
        ("failed", "no such file"),
        ("pending", WAITS_FOR_NOBODY),
        ("pending", ""),
        ("stopped", "stopped by SIGTERM after step 7"),
    ]


def test_slurm_is_asked_about_its_own_jobs_alone(sweep: Sweep, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, third, fourth = sweep.points()
    sweep.note(first, "running", job="71_0")
    sweep.note(second, "running", job="71_1")
    sweep.note(third, "running", job=HERE)
    sweep.note(fourth, "pending", job="72")
    asked: list[str] = []

    def answer(jobs: Any) -> Answer:
        asked.extend(jobs)
        return Answer({"71_0": "RUNNING", "71_1": "OUT_OF_MEMORY", "72": "PENDING"})

    monkeypatch.setattr(standing, "ask", answer)
    found = states(sweep)
    assert asked == ["71_0", "71_1", "72"]
    assert [state for state, _ in found] == ["running", "failed", "running", "pending"]
    assert "more memory" in found[1][1]
    run_says(second, "finished")
    assert states(sweep)[1] == ("done", "")
    monkeypatch.setattr(standing, "ask", lambda jobs: Answer(problem="squeue: no controller"))
    assert [state for state, _ in states(sweep)] == ["running", "running", "running", "pending"], "as they were noted"


def act(sweep: str | None, **more: Any) -> int:
    return status.act({"sweep": sweep, "out": None, "markdown": None} | more)


def test_the_report(sweep: Sweep, capsys: pytest.CaptureFixture[str]) -> None:
    """The newest sweep unless one is named; table, Markdown and JSON say the same; failures are no failure of it."""
    first, second, *_ = sweep.points()
    sweep.note(first, "running")
    sweep.note(first, "done")
    first.run.mkdir(parents=True)
    (first.run / "metrics.csv").write_text("step,epoch,name,value\n10,1,dev/per,0.5\n20,2,dev/per,0.25\n20,2,x,1\n")
    log = sweep.log(second)
    log.write_text("boom\n")
    sweep.note(second, "running")
    sweep.note(second, "failed", error="boom (exit code 1)", log=str(log))
    other = Sweep.make(Path("runs/.sweeps/older-2"), {"axes": []})
    os.utime(other.folder / "sweep.json", (1, 1))
    assert act(None, out="new/status.json", markdown="new/status.md") == 0
    out = capsys.readouterr().out
    assert out.splitlines()[-1] == "new/status.json"
    assert "lr-1: 4 points: 2 pending, 1 done, 1 failed" in out
    assert f"failed lr=1: boom (exit code 1) (log: {log})" in " ".join(out.split())
    assert "other sweeps: older-2" in out
    assert f"failed lr=1: boom (exit code 1) (log: {log})" in Path("new/status.md").read_text()
    told = json.loads(Path("new/status.json").read_text())
    assert told["counts"] == {"pending": 2, "done": 1, "failed": 1}
    done, failed, *_ = told["points"]
    assert {key: done[key] for key in ("words", "figure", "value", "step", "epoch", "attempts", "error")} == {
        "words": ["lr=0"], "figure": "dev/per", "value": 0.25, "step": 20, "epoch": 3, "attempts": 1, "error": None,
    }  # fmt: skip
    assert (failed["error"], failed["log"], failed["value"]) == ("boom (exit code 1)", str(log), None)
    assert act("lr-1") == 0
    assert act("runs/.sweeps/lr-1") == 0
