"""Sweeps that are stopped go on: what is done is left out, what failed is tried again, what is new is added."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from project import cli
from project.build.compose import compose
from project.build.ranks import require_one
from project.contract import InputError
from project.run import Run
from project.sweep import Point, Sweep
from project.sweeping.sweep_run import conclude, name_of, work
from project.train import train_one

pytestmark = pytest.mark.long


Answer = tuple[int, str, str]


@pytest.fixture
def training(capsys: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    """`scansion train` in this process: exit code, standard output, standard error."""

    def answer(*words: str) -> Answer:
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            cli.main(["train", *words])
        told = capsys.readouterr()
        assert isinstance(stop.value.code, int)
        return stop.value.code, told.out, told.err

    return answer


def states(sweep: Sweep) -> Counter[str]:
    return Counter(sweep.state(point)["state"] for point in sweep.points())


def test_a_sweep_that_was_killed_goes_on_with_the_rest(
    tiny: list[str], morse: Path, tmp_path: Path, training: Callable[..., Answer]
) -> None:
    """Six points, killed with SIGKILL after three are done; the fifth fails until its manifest is there."""
    files = [tmp_path / f"dev-{n}.jsonl" for n in range(1, 7)]
    lines = [json.loads(line) for line in (morse / "dev.jsonl").read_text().splitlines()]
    text = "".join(json.dumps(line | {"media": str(morse / line["media"])}) + "\n" for line in lines)
    for file in files:
        if file != files[4]:
            shutil.copytree(morse, tmp_path / "media", dirs_exist_ok=True)
            file.write_text(text.replace(str(morse), "media"))
    fixed = [word for word in tiny if not word.startswith("data.manifest.dev")]
    words = [*fixed, f"runs={tmp_path}/runs", f"data.manifest.dev={','.join(map(str, files))}", "trainer.max_epochs=1"]
    process = subprocess.Popen([sys.executable, "-m", "project.cli", "train", "-m", *words], stderr=subprocess.PIPE)
    sweep = killed_after(process, tmp_path / "runs", 3)
    done = {point.name for point in sweep.points() if sweep.state(point)["state"] == "done"}
    assert len(done) == 3
    before = {name: (tmp_path / "runs/trial" / name / "state.json").stat().st_mtime_ns for name in done}

    code, out, err = training("-m", *words)
    assert code == 2
    assert out.splitlines()[-1] == str(sweep.folder)
    assert "points   6: 3 done already, 3 to run" in err
    assert states(sweep) == {"done": 5, "failed": 1}
    assert f"failed   data.manifest.dev={files[4]}: {files[4]}: no such manifest" in err
    assert {name: (tmp_path / "runs/trial" / name / "state.json").stat().st_mtime_ns for name in done} == before

    files[4].write_text(text.replace(str(morse), "media"))
    code, _, err = training("-m", *words)
    assert code == 0
    assert "points   6: 5 done already, 1 failed before" in err
    assert states(sweep) == {"done": 6}


def killed_after(process: subprocess.Popen[bytes], runs: Path, points: int) -> Sweep:
    """The sweep that a process worked at, killed as soon as so many of its points are done."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        assert process.poll() is None, process.stderr.read().decode() if process.stderr else ""
        if list(runs.glob(".sweeps/*/sweep.json")):
            sweep = Sweep.open(None, runs)
            if states(sweep)["done"] >= points:
                break
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return sweep


def test_two_points_of_two_processes_each(tiny: list[str], tmp_path: Path, training: Callable[..., Answer]) -> None:
    """Each point has its own learning rate on both ranks, its own folder, and leaves no group of processes."""
    words = [*tiny, f"runs={tmp_path}/runs", "trainer=ddp", "trainer.accelerator=cpu", "trainer.max_epochs=1"]
    code, _, err = training("-m", *words, "optimizer.lr=0.001,0.1")
    assert code == 0, err
    assert not torch.distributed.is_initialized()
    sweep = Sweep.open(None, tmp_path / "runs")
    points = sweep.points()
    assert [point.words for point in points] == [("optimizer.lr=0.001",), ("optimizer.lr=0.1",)]
    assert {point.ranks for point in points} == {2}
    for point, rate in zip(points, (0.001, 0.1), strict=True):
        run = Run(point.run)
        assert run.launch()["optimizer"]["lr"] == rate, "what rank 1 was started on"
        assert run.state()["step"] == 3
        state = torch.load(run.last, weights_only=True)["optimizer_states"][0]
        assert {group["initial_lr"] for group in state["param_groups"]} == {rate}
    folders = [folder for folder in (tmp_path / "runs").glob("*/*") if (folder / "config.yaml").exists()]
    assert len(folders) == 2


def test_more_values_are_more_points_of_the_same_sweep() -> None:
    config = {"signature_ignores": compose("train")["signature_ignores"]}
    fixed = ["experiment=a/b", "optimizer.lr=0.1"]
    name = name_of([[*fixed, "seed=1"], [*fixed, "seed=2"]], ["seed"], None, config)
    assert name == name_of([["runs=x", *fixed, "seed=3", "trainer=ddp"]], ["seed"], None, config)
    for other in ("trainer=gpu", "trainer.max_epochs=2", "name=other"):
        assert name != name_of([[*fixed, "seed=1", other]], ["seed"], None, config), "its points are others"
    assert name != name_of([["experiment=a/c", "optimizer.lr=0.1", "seed=1"]], ["seed"], None, config)
    assert name.startswith("seed-")
    assert name_of([[*fixed, "seed=1"]], ["seed"], "mask_weight", config).startswith("mask_weight-")


def test_points_that_are_one_experiment_run_once(
    tiny: list[str], tmp_path: Path, training: Callable[..., Answer]
) -> None:
    words = [word for word in tiny if not word.startswith("data.workers")]
    code, _, err = training("-m", *words, f"runs={tmp_path}/runs", "trainer.max_epochs=1", "threads=1,2")
    assert code == 0
    assert "threads=2 is the same experiment as threads=1: it runs once" in err
    assert states(Sweep.open(None, tmp_path / "runs")) == {"done": 1}


def test_a_point_that_another_process_trains_is_left_to_it(
    tiny: list[str], tmp_path: Path, training: Callable[..., Answer]
) -> None:
    """Two shells that start the same sweep at once: neither calls the other's point failed."""
    words = ["-m", *tiny, f"runs={tmp_path}/runs", "trainer.max_epochs=1", "seed=1,2"]
    assert training(*words)[0] == 0
    sweep = Sweep.open(None, tmp_path / "runs")
    first = sweep.points()[0]
    Run(first.run).note("running")
    sweep.note(first, "pending")
    with Run(first.run).lock():
        assert work(sweep, first, train_one) == 2
        assert sweep.state(first)["state"] == "running"
        code, _, err = training(*words)
    assert code == 0
    assert "1 running already, 1 done already" in err


def test_one_of_several_processes_starts_no_sweep(
    tiny: list[str], tmp_path: Path, training: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under torchrun ranks would train different points as one."""
    monkeypatch.setenv("WORLD_SIZE", "2")
    code, _, err = training("-m", *tiny, f"runs={tmp_path}/runs", "seed=1,2")
    assert code == 2
    assert "2 processes were started" in err
    with pytest.raises(InputError, match="3 processes"):
        require_one({"SLURM_STEP_NUM_TASKS": "3"})
    require_one({"SLURM_NTASKS": "3"})  # an allocation, in whose shell one process starts it


def test_points_are_trained_and_not_calibrated(
    tiny: list[str], tmp_path: Path, training: Callable[..., Answer]
) -> None:
    code, _, err = training("-m", *tiny, f"runs={tmp_path}/runs", "seed=1,2", "action.name=calibrate")
    assert code == 2
    assert "action=calibrate" in err


def test_a_ledger_is_read_from_another_folder(
    tiny: list[str], tmp_path: Path, training: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert training("-m", *tiny, "trainer.max_epochs=1", "seed=1,2")[0] == 0
    (tmp_path / "runs").rename(tmp_path / "moved")
    monkeypatch.chdir("/")
    points = Sweep.open(next((tmp_path / "moved/.sweeps").iterdir())).points()
    assert [(point.run / "config.yaml").is_file() for point in points] == [True, True]


def test_points_that_are_done_are_scored_where_that_is_asked_for_later(
    tiny: list[str], morse: Path, tmp_path: Path, training: Callable[..., Answer]
) -> None:
    words = ["-m", *tiny, f"runs={tmp_path}/runs", "trainer.max_epochs=1", "seed=1"]
    later = [*words, f"evaluate.manifests=[{morse}/test.jsonl]"]
    assert training(*words)[0] == 0
    assert "1 to be scored" in training(*later)[2]
    assert len(list((tmp_path / "runs").glob("trial/*/reports/*/report.json"))) == 1
    assert "1 done already" in training(*later)[2]


def test_a_point_whose_manifest_has_changed_holds_nothing_else_up(
    tiny: list[str], morse: Path, tmp_path: Path, training: Callable[..., Answer]
) -> None:
    """It is named with the remedy and is not called done; when its manifest is what it was, it is done again."""
    lines = [json.loads(line) for line in (morse / "dev.jsonl").read_text().splitlines()]
    shutil.copytree(morse, tmp_path / "media")
    files = [tmp_path / f"dev-{number}.jsonl" for number in range(3)]
    for file in files:
        file.write_text("".join(json.dumps(line | {"media": f"media/{line['media']}"}) + "\n" for line in lines))
    words = ["-m", *tiny, f"runs={tmp_path}/runs", "trainer.max_epochs=1"]
    assert training(*words, f"data.manifest.dev={files[0]},{files[1]}")[0] == 0
    whole = files[1].read_text()
    files[1].write_text(whole[: whole.index("\n") + 1])
    words.append(f"data.manifest.dev={','.join(map(str, files))}")
    code, _, err = training(*words)
    assert code == 2
    assert "points   3: 1 done already, 1 done on other data, 1 to run" in err
    sweep = Sweep.open(None, tmp_path / "runs")
    run = sweep.points()[1].run
    told = f"failed   data.manifest.dev={files[1]}: {run}: its dev manifest has changed since it began: restore it, or"
    assert told in err
    assert [sweep.state(point)["state"] for point in sweep.points()] == ["done", "failed", "done"]
    assert Run(run).state()["state"] == "finished", "nothing is trained anew under its name"
    assert training(*words)[0] == 2, "it stays so"
    files[1].write_text(whole)
    before = (run / "state.json").stat().st_mtime_ns
    assert training(*words)[0] == 0
    assert states(sweep) == {"done": 3}
    assert (run / "state.json").stat().st_mtime_ns == before


def test_the_exit_code_of_a_sweep(tmp_path: Path) -> None:
    """A job's script asks for its job once more by it: after a signal it is that signal's, whatever failed before."""
    sweep = Sweep.make(tmp_path / "runs/.sweeps/seed-1", {"axes": ["seed"]})
    points = [Point(f"r-{n}", (f"seed={n}",), (), tmp_path / f"runs/x/r-{n}") for n in range(3)]
    sweep.note(points[0], "failed", error="killed", code=137)
    sweep.note(points[1], "done")
    assert conclude(sweep, points, goes_on=False) == 137
    sweep.note(points[2], "requeued", error="stopped by SIGUSR2", code=140)
    assert conclude(sweep, points, goes_on=False) == 140
    assert conclude(sweep, points, goes_on=True) == 137, "SLURM's own job, which does without this process"
    sweep.note(points[2], "stopped", error="stopped by SIGINT", code=130)
    assert conclude(sweep, points, goes_on=False) == 130
