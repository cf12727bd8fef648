"""How a fault is brought about: training in a process of its own with trouble in it, and disks that are small."""

from __future__ import annotations

import multiprocessing
import os
import re
import resource
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import Callback

from project import train
from project.build import assemble
from project.build.app import guarded
from project.build.compose import compose
from project.contract import Config
from project.run import Run

Work = Callable[[], int]


@dataclass(frozen=True)
class Outcome:
    """How a process ended, and the lines it said that are ours."""

    code: int
    lines: tuple[str, ...]
    all_of_it: str

    @property
    def line(self) -> str:
        """The one clear line: nothing is told beside it, and no traceback."""
        assert len(self.lines) == 1, self.all_of_it
        assert "Traceback" not in self.all_of_it
        return self.lines[0]


class Trouble(Callback):
    """Does something in the batch after which, or in whose middle, so many steps are done."""

    def __init__(self, step: int, act: Callable[[], None], *, within: bool = False) -> None:
        self.step, self.act, self.within = step, act, within

    def on_before_optimizer_step(self, trainer: Trainer, *_: Any) -> None:
        if self.within and trainer.global_step + 1 == self.step:
            self.act()

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        if not self.within and trainer.global_step == self.step:
            self.act()


class Faults:
    """Runs that meet with trouble, and how they compare with one that met with none."""

    trouble = Trouble

    def __init__(self, file: Path) -> None:
        self._file = file

    @staticmethod
    def files_up_to(size: int) -> AbstractContextManager[None]:
        """No file can grow larger than that, in bytes, while this holds: what a full disk does, without one."""
        return files_up_to(size)

    def apart(self, work: Work) -> Outcome:
        """Do the work in a child process, as the command line would."""

        def child() -> None:
            with self._file.open("w") as told:
                os.dup2(told.fileno(), 2)
                sys.stderr = told
                code = 70
                try:
                    code = guarded(work)
                except BaseException:
                    traceback.print_exc()
                told.flush()
                os._exit(code)

        process = multiprocessing.get_context("fork").Process(target=child)
        process.start()
        process.join(120)
        assert process.exitcode is not None
        text = self._file.read_text()
        lines = tuple(line.removeprefix("scansion: ") for line in text.splitlines() if line.startswith("scansion: "))
        return Outcome(process.exitcode, lines, text)

    def fit(self, config: Config, folder: Path, trouble: Sequence[Callback] = ()) -> int:
        """Train here, with trouble."""
        build = assemble.build_trainer

        def with_trouble(*arguments: Any) -> Trainer:
            trainer = build(*arguments)
            trainer.callbacks[:0] = trouble  # type: ignore[attr-defined]
            return trainer

        assemble.build_trainer = with_trouble
        try:
            train.fit(Run(folder), config, train.build(config))
        finally:
            assemble.build_trainer = build
        return 0

    @staticmethod
    def config(config: Config, workers: int = 0, every_steps: int | None = 2) -> Config:
        """Checkpoints after so many steps, and not by time."""
        callbacks = config["callbacks"]
        checkpoint = callbacks["checkpoint"] | {"every_steps": every_steps, "every_seconds": 3600.0}
        recorder = callbacks["recorder"] | {"every_steps": 4}
        return config | {
            "data": config["data"] | {"workers": workers},
            "callbacks": callbacks | {"checkpoint": checkpoint, "recorder": recorder},
        }

    @staticmethod
    def equal(one: Run, other: Run) -> bool:
        """Last and best weights bit for bit, and every line of metrics.csv."""
        for name in ("last", "best"):
            mine, theirs = (torch.load(getattr(run, name), weights_only=True)["state_dict"] for run in (one, other))
            if not all(torch.equal(a, b) for a, b in zip(mine.values(), theirs.values(), strict=True)):
                return False
        return one.metrics_file.read_text() == other.metrics_file.read_text()

    @staticmethod
    def step(run: Run) -> int:
        """The step of its last checkpoint."""
        return int(torch.load(run.last, weights_only=True)["global_step"])

    @staticmethod
    def leftovers(folder: Path) -> list[Path]:
        """What is half-written below a folder."""
        return [file for file in folder.rglob("*") if re.search(r"\.part$|\.tmp$", file.name)]


@pytest.fixture
def faults(tmp_path: Path) -> Faults:
    return Faults(tmp_path / "told")


@pytest.fixture(scope="session")
def undisturbed(tiny: list[str], tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The tiny run as it is without trouble: 12 steps, validated after 6 and 12."""
    run = Run(tmp_path_factory.mktemp("undisturbed") / "run")
    config = Faults.config(compose("train", tiny))
    train.fit(run, config, train.build(config))
    return run


@contextmanager
def files_up_to(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own, of 4 MB and 200 files; where none may be mounted, the test is skipped."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=4m,nr_inodes=200", "tmpfs", str(place)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("a small disk cannot be mounted here")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)
