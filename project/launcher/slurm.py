"""Each point a job of SLURM, handed in through submitit: this shell can leave, the cluster does the rest.

A job starts as many processes as the point has ranks, with `srun`; each becomes the process of the point, so that
signals reach it and SLURM sees how it ended. It does not know what a point trains.
"""

from __future__ import annotations

import importlib
import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from project.contract import InputError
from project.launcher import slurm_requeue
from project.launcher.job_request import JobRequest, alike
from project.launcher.slurm_waiting import wait_for
from project.sweep import Point, Sweep, point_command

# Between its first line and ours submitit would answer USR2 by a requeue of its own: the script does that.
NO_SIGNAL_OF_SUBMITIT = "export SUBMITIT_PREEMPT_SIGNAL=URG"


@dataclass(frozen=True, slots=True)
class Start:
    """What a job's process does: it becomes the point's, which prints to the point's log if it is the first rank."""

    command: tuple[str, ...]
    log: str

    def __call__(self) -> None:
        if os.environ.get("SLURM_PROCID", "0") == "0":
            log = os.open(self.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
            for stream in (1, 2):
                os.dup2(log, stream)
        os.execv(self.command[0], self.command)  # noqa: S606


@dataclass(frozen=True)
class Slurm:
    """Hands points in as jobs, or as arrays of jobs, and leaves or waits for them."""

    job: JobRequest
    extra: Mapping[str, str | int | bool] = field(default_factory=dict)
    setup: Sequence[str] = ()
    signal_seconds: int = 90
    max_requeues: int = 100
    wait: bool = False
    array: bool = False
    array_parallelism: int | None = None

    @property
    def waits(self) -> bool:
        return self.wait

    def launch(self, sweep: Sweep, points: Sequence[Point], work: Callable[[Point], int]) -> None:
        """Hand them in; whoever calls has left out what SLURM has already."""
        require_slurm()
        jobs: list[str] = []
        for group in alike(points):
            jobs += self._submit(sweep, group)
        if jobs:
            whole = list(dict.fromkeys(job.partition("_")[0] for job in jobs))
            print(f"slurm    {len(jobs)} submitted; to end them: scancel {' '.join(whole)}", file=sys.stderr)
        if self.waits:
            wait_for(sweep, points)

    def _submit(self, sweep: Sweep, points: Sequence[Point]) -> list[str]:
        """The jobs of points that ask for the same; each point notes its own."""
        executor = self._executor(sweep, points[0])
        starts = [Start(tuple(point_command(sweep, point)), str(sweep.log(point).resolve())) for point in points]
        bundles = [list(zip(points, starts, strict=True))]
        if not self.array:
            bundles = [[pair] for pair in bundles[0]]
        jobs: list[str] = []
        for bundle in bundles:
            ids = self._hand_in(executor, [start for _, start in bundle])
            for (point, _), job in zip(bundle, ids, strict=True):
                sweep.note(point, "pending", job=job, log=str(sweep.log(point)))
            jobs += ids
        return jobs

    def _hand_in(self, executor: Any, starts: Sequence[Start]) -> list[str]:
        """sbatch, once; the jobs' ids in the order of what they start."""
        failed = importlib.import_module("submitit").core.utils
        try:
            with executor.batch():
                jobs = [executor.submit(start) for start in starts]
        except (failed.FailedJobError, failed.FailedSubmissionError) as error:
            said = [line for line in str(error).splitlines() if "sbatch" in line] or str(error).splitlines()[-1:]
            raise InputError(
                f"launcher: SLURM does not take the job ({said[-1].strip()}): mend that in launcher.job or "
                "launcher.extra, or try again if the trouble is SLURM's own"
            ) from error
        return [str(job.job_id) for job in jobs]

    def _executor(self, sweep: Sweep, point: Point) -> Any:
        """submitit's, told what a point like this one asks for."""
        folder = (sweep.folder / "slurm").resolve()
        executor = importlib.import_module("submitit").SlurmExecutor(folder=folder)
        options = self.job.options(point) | {"requeue": True} | dict(self.extra)
        tasks = ["--kill-on-bad-exit=0"]  # a rank that has ended does not take along the one that still writes
        tasks += [f"--cpus-per-task={self.job.cpus_per_rank}"] if self.job.cpus_per_rank else []
        executor.update_parameters(
            job_name=sweep.name,
            time=None,
            wckey=None,
            signal_delay_s=self.signal_seconds,
            array_parallelism=self.array_parallelism or 1_000_000,
            stderr_to_stdout=True,
            srun_args=tasks,
            setup=[*self.setup, NO_SIGNAL_OF_SUBMITIT, *slurm_requeue.opening(self.max_requeues)],
            teardown=slurm_requeue.closing(),
            additional_parameters=options,
        )
        return executor


def require_slurm() -> None:
    """Refuse where there is nothing to hand jobs in with."""
    if shutil.which("sbatch") is None:
        raise InputError(
            "launcher: sbatch is not on this machine's PATH, so there is no SLURM here: start from a login node of the "
            "cluster, or choose launcher=local"
        )
    try:
        importlib.import_module("submitit")
    except ImportError as error:
        raise InputError("launcher: submitit is not installed: pip install 'scansion[cluster]'") from error
