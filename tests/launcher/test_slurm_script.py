"""The script that is written for sbatch: what it asks for, and what it would run."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from project.build.bind import make
from project.build.compose import compose
from project.contract import InputError
from project.launcher.job_request import JobRequest
from project.launcher.slurm_script import SlurmScript
from project.sweep import Sweep

Fake = Callable[[str, str], Path]


def test_one_job(sweep: Sweep, fake: Fake, tmp_path: Path) -> None:
    """Line by line."""
    job = JobRequest(partition="gpu", time="4:00:00", cpus_per_rank=2, gpus_per_rank=1)
    launcher = SlurmScript(job, extra={"comment": "two words"}, setup=["module load cuda"], signal_seconds=60)
    lines = launcher.text(sweep, sweep.points()[2:]).splitlines()
    here = Path.cwd()
    assert lines[:16] == [
        "#!/bin/bash",
        "# One run of seed-1a2b3c.",
        "# Every word may be changed; sbatch takes this file.",
        "#SBATCH --job-name=seed-1a2b3c",
        "#SBATCH --partition=gpu",
        "#SBATCH --nodes=2",
        "#SBATCH --ntasks-per-node=2",
        "#SBATCH --cpus-per-task=2",
        "#SBATCH --gpus-per-node=2",
        "#SBATCH --time=4:00:00",
        f"#SBATCH --chdir={here}",
        f"#SBATCH --output={tmp_path}/runs/.sweeps/seed-1a2b3c/logs/%x-%j.log",
        "#SBATCH --open-mode=append",
        "#SBATCH --requeue",
        "#SBATCH --signal=USR2@60",
        "#SBATCH --comment='two words'",
    ]
    assert lines[17] == "module load cuda"
    (command,) = (line for line in lines if line.startswith("srun"))
    assert command.startswith(
        "srun --kill-on-bad-exit=0 --cpus-per-task=2 scansion train experiment=morse/quick seed=3"
    )
    assert "launcher" not in command


def test_an_array_runs_each_point(sweep: Sweep, fake: Fake, tmp_path: Path) -> None:
    """What a shell makes of it, task by task: the words arrive as they were, also those with blanks and quotes."""
    points = sweep.points()[:2]
    text = SlurmScript(JobRequest(), array_parallelism=4).text(sweep, points)
    assert "#SBATCH --array=0-1%4\n" in text
    fake("srun", 'shift; printf "%s\\n" "$@"')
    for place, point in enumerate(points):
        variables = {**os.environ, "SLURM_ARRAY_TASK_ID": str(place), "SLURM_JOB_ID": "7"}
        done = subprocess.run(["bash", "-c", text], env=variables, capture_output=True, text=True, check=True)
        assert sorted(done.stdout.splitlines()) == sorted(["scansion", "train", *point.command[:-2]])


def test_the_text_is_printed_where_no_file_is_named(sweep: Sweep, capsys: pytest.CaptureFixture[str]) -> None:
    """Points of different sizes need a script each."""
    SlurmScript(JobRequest()).launch(sweep, sweep.points(), lambda _: 0)
    told = capsys.readouterr()
    files = [sweep.folder / "job-1.sbatch", sweep.folder / "job-2.sbatch"]
    assert told.out == "".join(file.read_text() + "\n" for file in files)
    assert all(f"sbatch {file}" in told.err for file in files)


def test_a_named_file(sweep: Sweep, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    SlurmScript(JobRequest(), out=f"{tmp_path}/mine.sh").launch(sweep, sweep.points()[:1], lambda _: 0)
    assert "seed=1" in (tmp_path / "mine.sh").read_text()
    assert not capsys.readouterr().out
    with pytest.raises(InputError, match=r"launcher\.out=.*no folder"):
        SlurmScript(JobRequest(), out=f"{tmp_path}/none/mine.sh").launch(sweep, sweep.points()[:1], lambda _: 0)


def test_a_sweeps_file_does_not_sweep_again() -> None:
    """The words of a point with `hydra.mode=RUN`, as the script has them: the file's choices, and one run."""
    config = compose("train", ["sweep=mask_weight", "weighting.mask=0.3", "seed=2", "hydra.mode=RUN"])
    assert config["loss"] == compose("train", ["loss=masked_ctc"])["loss"]
    assert (config["weighting"]["mask"], config["seed"]) == (0.3, 2)


def test_times_arrive_as_they_are_written() -> None:
    """YAML would take 4:00:00 for a number of seconds."""
    words = ["launcher=slurm_script", "launcher.job.time=4:00:00", "launcher.job.partition=gpu"]
    launcher = make(compose("train", words)["launcher"], "launcher")
    assert isinstance(launcher, SlurmScript)
    assert launcher.job == JobRequest(partition="gpu", time="4:00:00")
