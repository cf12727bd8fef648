"""What is handed to sbatch, and what the ledger says afterwards. The real thing is in tests/cluster."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from project.contract import InputError
from project.launcher import slurm_waiting
from project.launcher.job_request import JobRequest
from project.launcher.slurm import Slurm, Start
from project.sweep import Sweep, point_command
from project.sweeping.elsewhere import in_queue

Fake = Callable[[str, str], Path]


@pytest.fixture
def sbatch(fake: Fake, tmp_path: Path) -> None:
    """A SLURM that takes each job, numbers them from 1, keeps their scripts and knows nothing more."""
    pytest.importorskip("submitit")
    fake("srun", "")
    fake("squeue", "echo 'Invalid job id specified' >&2; exit 1")
    fake("sacct", "")
    count = f'n=$(ls {tmp_path} | grep -c job- ); n=$((n+1)); cat "$1" > {tmp_path}/job-$n'
    fake("sbatch", f'{count}; echo "Submitted batch job $n"')


def test_each_point_is_a_job(sbatch: None, sweep: Sweep, tmp_path: Path) -> None:
    launcher = Slurm(JobRequest(time="4:00:00", cpus_per_rank=2), extra={"exclude": "n7"}, setup=["module load cuda"])
    launcher.launch(sweep, sweep.points(), lambda _: 0)
    states = [sweep.state(point) for point in sweep.points()]
    assert [(state["state"], state["job"]) for state in states] == [
        ("pending", "1"),
        ("pending", "2"),
        ("pending", "3"),
    ]
    assert states[0]["log"] == str(sweep.log(sweep.points()[0]))
    text = (tmp_path / "job-3").read_text()
    wanted = ["--nodes=2", "--ntasks-per-node=2", "--cpus-per-task=2", "--time=4:00:00", "--requeue", "--exclude=n7"]
    assert all(f"#SBATCH {option}\n" in text for option in [*wanted, "--signal=USR2@90", "--open-mode=append"])
    assert "--partition" not in text
    assert "wckey" not in text
    assert text.index("module load cuda") < text.index("trap") < text.index("\nsrun ") < text.index("scontrol requeue")
    assert not any("--time" in line for line in _text_without_limits(sweep, tmp_path))


def _text_without_limits(sweep: Sweep, tmp_path: Path) -> list[str]:
    Slurm(JobRequest()).launch(sweep, sweep.points()[:1], lambda _: 0)
    return (tmp_path / "job-4").read_text().splitlines()


def test_an_array_for_each_size(sbatch: None, sweep: Sweep, tmp_path: Path) -> None:
    """Two points of one process are an array, the third asks for more and is a job of its own."""
    Slurm(JobRequest(), array=True, array_parallelism=1).launch(sweep, sweep.points(), lambda _: 0)
    assert [sweep.state(point)["job"] for point in sweep.points()] == ["1_0", "1_1", "2"]
    assert "#SBATCH --array=0-1%1\n" in (tmp_path / "job-1").read_text()


def test_what_is_in_the_queue_is_not_handed_in_again(sbatch: None, sweep: Sweep, fake: Fake) -> None:
    first, second, third = sweep.points()
    for point, job in ((first, "8"), (second, "9")):
        sweep.note(point, "pending", job=job)
    fake("squeue", "echo '8|RUNNING'")
    assert in_queue(sweep, [first, second, third]) == {first.name}


def test_it_waits_for_the_end_of_all(sbatch: None, sweep: Sweep, fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    """And notes what a killed process could not."""
    monkeypatch.setattr(slurm_waiting, "SECONDS_BETWEEN_LOOKS", 0.0)
    fake("sacct", "echo '1|TIMEOUT'; echo '2|CANCELLED by 0'; echo '3|OUT_OF_MEMORY'")
    Slurm(JobRequest(), wait=True).launch(sweep, sweep.points(), lambda _: 0)
    states = [sweep.state(point) for point in sweep.points()]
    assert [state["state"] for state in states] == ["failed", "stopped", "failed"]
    assert "launcher.job.memory" in states[2]["error"]


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("echo 'sbatch: error: invalid partition specified: gpu' >&2; exit 1", "invalid partition specified: gpu"),
        (
            "echo 'sbatch: error: Batch job submission failed: Unable to contact slurm controller' >&2; exit 1",
            "contact",
        ),
    ],
)
def test_a_refusal_is_one_line(script: str, message: str, sbatch: None, fake: Fake, sweep: Sweep) -> None:
    fake("sbatch", script)
    with pytest.raises(InputError, match=message) as error:
        Slurm(JobRequest()).launch(sweep, sweep.points()[:1], lambda _: 0)
    assert "\n" not in str(error.value)


def test_a_machine_without_slurm(sweep: Sweep, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="sbatch is not on this machine's PATH"):
        Slurm(JobRequest()).launch(sweep, sweep.points(), lambda _: 0)


def test_a_controller_that_is_away(sbatch: None, fake: Fake, sweep: Sweep) -> None:
    sweep.note(sweep.points()[0], "running", job="8")
    fake("squeue", "echo 'Unable to contact slurm controller' >&2; exit 1")
    with pytest.raises(InputError, match="SLURM gives no answer"):
        in_queue(sweep, sweep.points())


@pytest.mark.parametrize(("rank", "printed", "before"), [("0", "", "before\nseen\n"), ("1", "seen\n", "before\n")])
def test_a_job_becomes_the_points_process(rank: str, printed: str, before: str, tmp_path: Path) -> None:
    """The first rank prints to the point's log, behind what is there."""
    log = tmp_path / "log"
    log.write_text("before\n")
    start = Start(("/bin/sh", "-c", "echo seen"), str(log))
    code = f"from project.launcher.slurm import Start; {start}()"
    environment = {**os.environ, "SLURM_PROCID": rank}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert (done.stdout, log.read_text()) == (printed, before)


def test_the_command_is_the_points(sweep: Sweep) -> None:
    assert point_command(sweep, sweep.points()[0])[1:] == [
        "-m",
        "project.train",
        "--point",
        str(sweep.file(sweep.points()[0])),
    ]
