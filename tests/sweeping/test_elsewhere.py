"""Points that other processes have are waited for, and gone on with where those were stopped."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from project.build.compose import compose
from project.contract import InputError
from project.launcher import process, slurm_waiting
from project.run import Run
from project.sweep import Point, Sweep
from project.sweeping import elsewhere, sweep_run

Says = Callable[[str], None]


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(elsewhere, "SECONDS_BETWEEN_LOOKS", 0.01)
    monkeypatch.setattr(slurm_waiting, "SECONDS_BETWEEN_LOOKS", 0.01)


@pytest.fixture
def squeue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Says:
    """A SLURM whose queue says what a script does; nobody keeps accounts."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")

    def says(script: str) -> None:
        for name, text in (("squeue", script), ("sacct", "exit 1")):
            (folder / name).write_text(f"#!/bin/bash\n{text}\n")
            (folder / name).chmod(0o755)

    return says


@pytest.fixture
def ledger(tmp_path: Path) -> Sweep:
    """Two points."""
    sweep = Sweep.make(tmp_path / "runs/.sweeps/lr-1", {"axes": ["lr"], "order": ["a", "b"]})
    for name in ("a", "b"):
        sweep.add(Point(name, (f"lr={name}",), (), tmp_path / "runs/x" / name), {})
    return sweep


def test_a_job_is_waited_for_until_its_point_has_ended(ledger: Sweep, tmp_path: Path, squeue: Says) -> None:
    """It waits, runs, and is no longer known when the point has noted that it is done."""
    first, second = ledger.points()
    ledger.note(first, "pending", job="8")
    done = f"""echo '{{"state": "done", "job": "8"}}' > {ledger.folder}/points/a.state"""
    squeue(
        f"echo look >> {tmp_path}/looks; case $(wc -l < {tmp_path}/looks) in 1) echo '8|PENDING';;"
        f" 2|3) echo '8|RUNNING';; *) {done}; echo 'Invalid job id specified' >&2; exit 1;; esac"
    )
    assert elsewhere.in_queue(ledger, [first, second]) == {"a"}
    assert elsewhere.wait_for(ledger, [first]) == []
    assert ledger.state(first)["state"] == "done"
    assert len((tmp_path / "looks").read_text().splitlines()) >= 4


def test_a_job_that_was_cancelled_is_not_started_again(ledger: Sweep, squeue: Says) -> None:
    """What it could not note is noted for it."""
    first = ledger.points()[0]
    ledger.note(first, "running", job="8")
    squeue("echo '8|CANCELLED'")
    assert elsewhere.wait_for(ledger, [first]) == []
    assert (ledger.state(first)["state"], ledger.state(first)["error"]) == ("stopped", "its job was cancelled")


def test_the_job_that_one_is_in_has_no_points(
    ledger: Sweep, squeue: Says, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A sweep that is started again in its own allocation would leave its points to itself, or wait for itself."""
    first, second = ledger.points()
    ledger.note(first, "running", job="8")
    ledger.note(second, "running", job="9")
    squeue("echo '8|RUNNING'; echo '9|RUNNING'")
    assert elsewhere.in_queue(ledger, [first, second]) == {"a", "b"}
    monkeypatch.setenv("SLURM_JOB_ID", "8")
    assert elsewhere.in_queue(ledger, [first, second]) == {"b"}
    assert elsewhere.wait_for(ledger, [first]) == [first]


def test_a_controller_that_is_away_is_told(ledger: Sweep, squeue: Says) -> None:
    ledger.note(ledger.points()[0], "running", job="8")
    squeue("echo 'Unable to contact slurm controller' >&2; exit 1")
    with pytest.raises(InputError, match="SLURM gives no answer"):
        elsewhere.wait_for(ledger, ledger.points())


def test_processes_are_waited_for_and_their_points_gone_on_with(ledger: Sweep) -> None:
    """One is stopped with its launcher, the other comes to its end; both hold their runs, or are about to."""
    first, second = ledger.points()
    locks = [Run(point.run).lock() for point in (first, second)]
    for point, lock in zip((first, second), locks, strict=True):
        ledger.note(point, "running", job=process.name_of(os.getpid()))
        assert elsewhere.is_at_work(point, ledger.state(point)), "it has begun"
        lock.__enter__()

    def end() -> None:
        for point, lock, state in zip((first, second), locks, ("stopped", "failed"), strict=True):
            ledger.note(point, state, job=None)  # type: ignore[arg-type]
            assert elsewhere.is_at_work(point, ledger.state(point)), "it holds its run"
            lock.__exit__(None, None, None)

    ending = threading.Timer(0.2, end)
    ending.start()
    assert elsewhere.wait_for(ledger, [first, second]) == [first]
    assert not ending.is_alive()
    ending.join()


DONE_LATER = """echo look >> {looks}; case $(wc -l < {looks}) in 1|2|3) echo '8|RUNNING';;
*) echo '{{"state": "done", "job": "8"}}' > {state}; echo 'Invalid job id specified' >&2; exit 1;; esac"""


def test_a_sweep_that_waits_does_so_for_what_was_handed_in_before(
    tiny: list[str], tmp_path: Path, squeue: Says, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its first call was ended; with `launcher.wait` the second one returns when the job has ended all the same."""
    words = [*tiny, f"runs={tmp_path}/runs", "seed=1", "launcher=slurm", "launcher.wait=true"]
    asked = [(compose("train", words), words)]
    ledger, (point,) = sweep_run.enrol(asked, ["seed"], None)
    ledger.note(point, "running", job="8")
    squeue(DONE_LATER.format(looks=tmp_path / "looks", state=ledger.file(point).with_suffix(".state")))
    assert sweep_run.sweep(asked, ["seed"], None, lambda config, words: 1) == 0
    told = capsys.readouterr().err
    assert "points   1: 1 in the queue already" in told
    assert "sweep    1 done" in told
