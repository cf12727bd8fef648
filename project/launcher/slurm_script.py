"""Writes a script for `sbatch` instead of handing in jobs: to be read, changed and kept.

One point is one job, several are an array of jobs. The script holds the commands as one would type them, `scansion
train` with a point's words; the same words find the same run, so a job that is started again goes on from its
checkpoint. Nothing runs until somebody hands the script in.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from project import atomic
from project.contract import InputError
from project.launcher import slurm_requeue
from project.launcher.job_request import JobRequest, Options, alike
from project.run import is_below
from project.sweep import Point, Sweep

OURS = ("launcher", "hydra")  # what a point's words say of the launch, not of the run


@dataclass(frozen=True)
class SlurmScript:
    """Writes the script of a sweep, one for each number of processes that its points have."""

    waits = False
    submits = False  # somebody hands the script in, or does not

    job: JobRequest
    extra: Mapping[str, str | int | bool] = field(default_factory=dict)
    setup: Sequence[str] = ()
    signal_seconds: int = 90
    max_requeues: int = 100
    array_parallelism: int | None = None
    out: str | None = None

    def launch(self, sweep: Sweep, points: Sequence[Point], work: Callable[[Point], int]) -> None:
        """Write and tell where; the text itself is printed where no file was named."""
        groups = alike(points)
        for number, group in enumerate(groups):
            file = self._file(sweep, number, len(groups))
            text = self.text(sweep, group)
            if not file.parent.is_dir():
                raise InputError(f"launcher.out={self.out}: {file.parent} is no folder: make it, or name another")
            atomic.write(file, text)
            if self.out is None:
                print(text)
            print(f"script   {file}\n         not submitted yet: sbatch {shlex.quote(str(file))}", file=sys.stderr)

    def text(self, sweep: Sweep, points: Sequence[Point]) -> str:
        """The script of points that need as many processes on as many nodes."""
        log = sweep.folder.resolve() / "logs" / ("%x-%A_%a.log" if len(points) > 1 else "%x-%j.log")
        options: Options = {"job-name": sweep.name, **self.job.options(points[0])}
        if len(points) > 1:
            limit = f"%{self.array_parallelism}" if self.array_parallelism else ""
            options["array"] = f"0-{len(points) - 1}{limit}"
        options |= {"chdir": str(Path.cwd()), "output": str(log), "open-mode": "append"}
        options |= {"requeue": True, "signal": f"USR2@{self.signal_seconds}", **self.extra}
        lines = [
            "#!/bin/bash",
            f"# {told(sweep, points)}.",
            "# Every word may be changed; sbatch takes this file.",
            *(flag(name, value) for name, value in options.items()),
            "",
            *self.setup,
            f'export PATH={shlex.quote(str(Path(sys.executable).parent))}:"$PATH"',
            *slurm_requeue.opening(self.max_requeues),
            "",
            *commands(points, self.job.cpus_per_rank),
            *slurm_requeue.closing(),
        ]
        return "\n".join(lines) + "\n"

    def _file(self, sweep: Sweep, number: int, of: int) -> Path:
        file = Path(self.out) if self.out else sweep.folder / "job.sbatch"
        return file.with_stem(f"{file.stem}-{number + 1}") if of > 1 else file


def told(sweep: Sweep, points: Sequence[Point]) -> str:
    """What the script is for.

    >>> told(Sweep(Path("runs/.sweeps/seed-1a2b3c")), [Point("a", ("seed=1",), (), Path("a"))])
    'One run of seed-1a2b3c'
    """
    runs = "One run" if len(points) == 1 else f"{len(points)} runs, an array of jobs,"
    return f"{runs} of {sweep.name}"


def flag(name: str, value: str | int | bool) -> str:
    """A line for sbatch.

    >>> flag("requeue", True), flag("comment", "two words")
    ('#SBATCH --requeue', "#SBATCH --comment='two words'")
    """
    return f"#SBATCH --{name}" if value is True else f"#SBATCH --{name}={shlex.quote(str(value))}"


def words_of(point: Point) -> list[str]:
    """What `scansion train` is told in the script: a point's words, as one run and on the spot.

    >>> words_of(Point("a", (), ("sweep=mask_weight", "seed=1", "launcher=slurm_script"), Path("a")))
    ['sweep=mask_weight', 'seed=1', 'hydra.mode=RUN']
    """
    kept = [word for word in point.command if not is_below(word.lstrip("+~").partition("=")[0], OURS)]
    return [*kept, "hydra.mode=RUN"] if any(word.startswith("sweep=") for word in kept) else kept


def commands(points: Sequence[Point], cpus_per_rank: int | None) -> list[str]:
    """The lines that run what the points are told: what all share, what sets each apart, and srun."""
    # a rank that has ended does not take along the one that still writes; srun does not ask for sbatch's processors
    srun = "srun --kill-on-bad-exit=0" + (f" --cpus-per-task={cpus_per_rank}" if cpus_per_rank else "")
    words = [words_of(point) for point in points]
    if len(points) == 1:
        return [f"{srun} scansion train {shlex.join(words[0])}"]
    shared = [word for word in words[0] if all(word in others for others in words)]
    apart = [[word for word in one if word not in shared] for one in words]
    return [
        f"shared=({shlex.join(shared)})",
        "points=(  # a line each, quoted once more",
        *(f"    {shlex.quote(shlex.join(one))}" for one in apart),
        ")",
        'eval "point=(${points[$SLURM_ARRAY_TASK_ID]})"',
        f'{srun} scansion train "${{shared[@]}}" "${{point[@]}}"',
    ]
