"""Runs as jobs of a real SLURM: submitted, interrupted in every way that a cluster knows, and the same in the end."""

from __future__ import annotations

import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from project import cli
from project.launcher import slurm_queue
from project.run import Run
from project.sweep import ENDED, Point, Sweep

MINUTES = 60.0
Weights = dict[str, torch.Tensor]


def scansion(*words: str) -> None:
    """The command, in this process."""
    with pytest.raises(SystemExit) as stop:
        cli.main(["train", *words])
    assert stop.value.code == 0


def until(holds: Callable[[], Any], seconds: float, told: Callable[[], object] = str) -> None:
    """Wait; `told` says why it was in vain."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, f"not within {seconds} s: {told()}"
        time.sleep(0.5)


def weights_of(run: Path) -> Weights:
    """The weights that a run ended with."""
    weights: Weights = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
    return weights


def assert_same(one: Weights, other: Weights) -> None:
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)


class Submitted:
    """A sweep in SLURM's hands: how it stands, and its end."""

    def __init__(self, slurm: Any, root: Path) -> None:
        self.slurm = slurm
        self.sweep = Sweep.open(None, root)
        self.points = self.sweep.points()

    @property
    def point(self) -> Point:
        (point,) = self.points
        return point

    @property
    def job(self) -> str:
        return str(self.sweep.state(self.point)["job"])

    def states(self) -> list[str]:
        states, problem = slurm_queue.look(self.sweep, self.points)
        assert problem is None
        return [states[point.name]["state"] for point in self.points]

    def wait_for_checkpoint(self) -> None:
        """Until it has learned something and saved that."""
        until((self.point.run / "checkpoints" / "last.ckpt").exists, 2 * MINUTES, self.told)

    def wait_for_end(self, seconds: float = 3 * MINUTES) -> list[str]:
        """Until all have ended, seen twice: between a failure and its requeue a job has failed for a moment."""
        seen: list[list[str]] = []

        def has_ended() -> bool:
            seen.append(self.states())
            return len(seen) > 1 and seen[-1] == seen[-2] and set(seen[-1]) <= set(ENDED)

        until(has_ended, seconds, self.told)
        return seen[-1]

    def told(self) -> str:
        """All that helps to find out why a test fails."""
        files = [file for file in sorted(self.sweep.folder.rglob("*")) if file.suffix in (".log", ".out", ".state")]
        texts = [f"== {file}\n{file.read_text(errors='replace')[-3000:]}" for file in files]
        return "\n".join([*texts, self.slurm.ask("squeue", check=False), self.slurm.logs()])


@pytest.fixture(scope="module")
def short(tiny: list[str]) -> list[str]:
    """A run of seconds."""
    return [*tiny, "trainer.max_epochs=2"]


@pytest.fixture(scope="module")
def long(tiny: list[str]) -> list[str]:
    """A run of half a minute, which saves every second."""
    words = [word for word in tiny if not word.startswith(("data.batching", "trainer.max_epochs"))]
    return [*words, "data.batching.max_batch_size=1", "trainer.max_epochs=40", "callbacks.checkpoint.every_seconds=1"]


@pytest.fixture(scope="module")
def undisturbed(long: list[str], tmp_path_factory: pytest.TempPathFactory) -> Weights:
    """What it ends with where nothing happens to it."""
    root = tmp_path_factory.mktemp("undisturbed")
    scansion(*long, f"runs={root}")
    (run,) = root.glob("trial/*")
    return weights_of(run)


@pytest.fixture
def submit(slurm: Any, tmp_path: Path) -> Iterator[Callable[..., Submitted]]:
    """Hand in what these words ask for, with its runs in the test's own folder. Nothing of it runs on afterwards."""

    def submit(*words: str) -> Submitted:
        scansion(*words, f"runs={tmp_path}/runs")
        return Submitted(slurm, tmp_path / "runs")

    yield submit
    slurm.clear()


def test_a_sweep_goes_on_without_its_shell(submit: Callable[..., Submitted], short: list[str]) -> None:
    """Three points, one of which fails; the same command again hands in nothing that is in the queue."""
    words = ["-m", *short, "optimizer.lr=0.001,0.002,-1", "launcher=slurm"]
    submitted = submit(*words)
    jobs = [submitted.sweep.state(point)["job"] for point in submitted.points]
    again = submit(*words)
    assert [again.sweep.state(point)["job"] for point in again.points] == jobs
    assert submitted.wait_for_end() == ["done", "done", "failed"]
    states = [submitted.sweep.state(point) for point in submitted.points]
    assert "learning rate" in states[2]["error"]
    assert [state["attempts"] for state in states] == [1, 1, 1]
    assert all(Path(state["log"]).read_text() for state in states)


def test_an_array_of_runs_with_two_ranks(submit: Callable[..., Submitted], short: list[str], tmp_path: Path) -> None:
    """Each point two processes of one job, waited for; the same weights as with two processes without SLURM."""
    ddp = [*short, "trainer=ddp", "trainer.accelerator=cpu", "trainer.max_epochs=2"]
    submitted = submit("-m", *ddp, "seed=1,2", "launcher=slurm_array", "launcher.wait=true")
    assert submitted.states() == ["done", "done"]
    jobs = [submitted.sweep.state(point)["job"] for point in submitted.points]
    assert [job.partition("_")[2] for job in jobs] == ["0", "1"]
    assert [Run(point.run).state()["step"] for point in submitted.points] == [6, 6]  # 24 examples, two ranks of four
    scansion(*ddp, "seed=1", f"runs={tmp_path}/here")
    (here,) = tmp_path.glob("here/trial/*")
    assert_same(weights_of(submitted.points[0].run), weights_of(here))


def test_ranks_on_two_nodes(submit: Callable[..., Submitted], short: list[str]) -> None:
    submitted = submit(*short, "trainer=ddp", "trainer.accelerator=cpu", "trainer.devices=1", "trainer.num_nodes=2",
                       "launcher=slurm")  # fmt: skip
    assert submitted.wait_for_end() == ["done"], submitted.told()
    assert Run(submitted.point.run).state()["step"] == 6


Disturb = Callable[[Any, Submitted], None]


def preempt(slurm: Any, submitted: Submitted) -> None:
    """What SLURM does with jobs that have to make room: SIGTERM, and to the end of the queue."""
    slurm.ask("scontrol", "requeue", submitted.job)


def warn(slurm: Any, submitted: Submitted) -> None:
    """The signal that comes before the end."""
    slurm.ask("scancel", "--signal=USR2", submitted.job)


def cut_the_power(slurm: Any, submitted: Submitted) -> None:
    """The node is gone with all that ran there; it comes back when SLURM has found that out."""
    node = slurm.ask("squeue", "--noheader", f"--jobs={submitted.job}", "--format=%N")
    slurm.kill_node(node)
    until(lambda: "down" in slurm.ask("sinfo", "--noheader", f"--nodes={node}", "--format=%T"), 2 * MINUTES)
    slurm.start_node(node)


@pytest.mark.parametrize("disturb", [preempt, warn, cut_the_power])
def test_a_disturbed_run_ends_as_an_undisturbed_one(
    disturb: Disturb, slurm: Any, submit: Callable[..., Submitted], long: list[str], undisturbed: Weights
) -> None:
    submitted = submit(*long, "launcher=slurm")
    submitted.wait_for_checkpoint()
    disturb(slurm, submitted)
    until(lambda: submitted.states() == ["requeued"], 2 * MINUTES, submitted.told)
    assert submitted.wait_for_end() == ["done"], submitted.told()
    assert submitted.sweep.state(submitted.point)["attempts"] == 2
    assert_same(weights_of(submitted.point.run), undisturbed)


def test_a_time_limit_is_no_end(
    slurm: Any, submit: Callable[..., Submitted], long: list[str], undisturbed: Weights
) -> None:
    """A run that does not come to its end in the minute that a job may take: it is held until SLURM warns it."""
    submitted = submit(*long, "launcher=slurm", "launcher.job.time=1", "launcher.signal_seconds=10")
    submitted.wait_for_checkpoint()
    slurm.ask("scancel", "--signal=STOP", submitted.job)
    until(lambda: submitted.states() == ["requeued"], 2 * MINUTES, submitted.told)
    assert "SIGUSR2" in submitted.sweep.state(submitted.point)["error"]
    assert submitted.wait_for_end() == ["done"], submitted.told()
    assert_same(weights_of(submitted.point.run), undisturbed)


def test_a_controller_that_restarts_is_not_noticed(
    slurm: Any, submit: Callable[..., Submitted], long: list[str], undisturbed: Weights
) -> None:
    """While it is away there is no answer, and the run goes on."""
    submitted = submit(*long, "launcher=slurm")
    submitted.wait_for_checkpoint()
    slurm.stop_controller()
    assert "slurm controller" in (slurm_queue.look(submitted.sweep, submitted.points)[1] or "")
    slurm.start_controller()
    assert submitted.wait_for_end() == ["done"], submitted.told()
    assert submitted.sweep.state(submitted.point)["attempts"] == 1
    assert_same(weights_of(submitted.point.run), undisturbed)


def test_a_search_takes_up_what_it_had_handed_in(
    slurm: Any, short: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Killed while its first trial waits in the queue: the same command waits for that job and hands in the second."""
    pytest.importorskip("optuna")
    words = [*short, f"runs={tmp_path}/runs", "search=random", "search.trials=2", "optimizer.lr=log(1e-4,1e-2)"]
    words += ["launcher=slurm", "+launcher.extra.begin=now+20"]
    with subprocess.Popen([sys.executable, "-m", "project", "train", *words], stderr=subprocess.DEVNULL) as search:
        until(lambda: list(tmp_path.glob("runs/.sweeps/*/points/*.state")), 2 * MINUTES)
        sweep = Sweep.open(None, tmp_path / "runs")
        (point,) = sweep.points()
        until(lambda: sweep.state(point).get("job"), MINUTES)
        search.kill()
    job = sweep.state(point)["job"]
    assert sweep.state(point)["state"] == "pending"
    capsys.readouterr()
    scansion(*words)
    assert "1 in the queue already: they are waited for" in capsys.readouterr().err
    assert [sweep.state(one)["state"] for one in sweep.points()] == ["done", "done"]
    assert [sweep.state(one)["attempts"] for one in sweep.points()] == [1, 1]
    assert sweep.state(point)["job"] == job
    slurm.clear()


def test_a_cancelled_run_is_seen_to_end(
    slurm: Any, submit: Callable[..., Submitted], long: list[str], undisturbed: Weights
) -> None:
    """It saves, and goes on from there when it is handed in again."""
    submitted = submit(*long, "launcher=slurm")
    submitted.wait_for_checkpoint()
    cancelled = submitted.job
    slurm.ask("scancel", cancelled)
    assert submitted.wait_for_end() == ["stopped"], submitted.told()
    again = submit(*long, "launcher=slurm")
    assert again.job != cancelled
    assert again.wait_for_end() == ["done"], again.told()
    assert_same(weights_of(again.point.run), undisturbed)


def test_a_run_cancelled_in_the_queue_is_seen_to_end(
    slurm: Any, submit: Callable[..., Submitted], long: list[str]
) -> None:
    submitted = submit(*long, "launcher=slurm", "+launcher.extra.begin=now+1hour")
    assert submitted.states() == ["pending"]
    slurm.ask("scancel", submitted.job)
    assert submitted.wait_for_end() == ["stopped"]


def test_the_written_script_runs(
    slurm: Any, submit: Callable[..., Submitted], long: list[str], undisturbed: Weights
) -> None:
    """An array of two, one of which is warned: both end as they should."""
    submitted = submit("-m", *long, "seed=1,2", "launcher=slurm_script", "launcher.array_parallelism=2")
    job = slurm.ask("sbatch", "--parsable", str(submitted.sweep.folder / "job.sbatch"))
    first, second = (Run(point.run) for point in submitted.points)
    until(first.last.exists, 2 * MINUTES, submitted.told)
    slurm.ask("scancel", "--signal=USR2", f"{job}_0")
    until(lambda: first.state()["state"] == "interrupted", MINUTES, submitted.told)
    until(lambda: {run.state()["state"] for run in (first, second)} == {"finished"}, 3 * MINUTES, submitted.told)
    assert_same(weights_of(first.folder), undisturbed)
    assert "stopped by SIGUSR2" in "".join(file.read_text() for file in submitted.sweep.folder.glob("logs/*_0.log"))


def test_a_sweep_in_one_job_goes_on_after_the_warning(
    slurm: Any, submit: Callable[..., Submitted], long: list[str], undisturbed: Weights, tmp_path: Path
) -> None:
    """A script that somebody changed: two points beside each other in one job, which is started again with both."""
    script = submit(*long, "launcher=slurm_script").sweep.folder / "job.sbatch"
    lines = script.read_text().splitlines()
    (place,) = (number for number, line in enumerate(lines) if line.startswith("srun "))
    words = ["-m", *long, f"runs={tmp_path}/both", "seed=1,2", "launcher=parallel", "launcher.memory_gb=0.01"]
    lines[place] = f"srun {shlex.join(['scansion', 'train', *words, 'launcher.jobs=2'])}"
    (tmp_path / "both.sbatch").write_text("\n".join(lines) + "\n")
    job = slurm.ask(
        "sbatch", "--parsable", "--open-mode=append", f"--output={tmp_path}/log", str(tmp_path / "both.sbatch")
    )
    checkpoints = lambda: list(tmp_path.glob("both/*/*/checkpoints/last.ckpt"))  # noqa: E731
    until(lambda: len(checkpoints()) == 2, 2 * MINUTES, slurm.logs)
    slurm.ask("scancel", "--signal=USR2", job)
    sweep = Sweep.open(None, tmp_path / "both")
    states = lambda: [sweep.state(point)["state"] for point in sweep.points()]  # noqa: E731
    until(lambda: set(states()) <= {"requeued", "stopped"}, MINUTES, (tmp_path / "log").read_text)
    until(lambda: states() == ["done", "done"], 5 * MINUTES, (tmp_path / "log").read_text)
    assert [sweep.state(point)["attempts"] for point in sweep.points()] == [2, 2]
    assert_same(weights_of(sweep.points()[0].run), undisturbed)


def test_tasks_that_do_not_fit_the_run_are_told(
    slurm: Any, submit: Callable[..., Submitted], short: list[str], tmp_path: Path
) -> None:
    """A script that somebody changed: one task, and a run of two processes."""
    submitted = submit(*short, "trainer=ddp", "trainer.accelerator=cpu", "launcher=slurm_script")
    file = submitted.sweep.folder / "job.sbatch"
    file.write_text(file.read_text().replace("--ntasks-per-node=2", "--ntasks-per-node=1"))
    slurm.ask("sbatch", "--wait", f"--output={tmp_path}/log", str(file), check=False, timeout=MINUTES)
    lines = [line for line in (tmp_path / "log").read_text().splitlines() if line.startswith("scansion: ")]
    assert len(lines) == 1
    assert "wants 2 processes on 1 nodes, and SLURM started 1 on 1" in lines[0]
