"""kill -9 while a file is written, for each kind of file that training writes: it is the old one or the new one."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from project import atomic
from project.contract import Config
from project.run import Run

pytestmark = pytest.mark.long


KINDS = (
    "data.json", "config.yaml", "alphabet.json", "environment.json", "launch.yaml", "state.json",
    "best.ckpt", "last.ckpt", "metrics.csv", "epoch_metrics.csv", "metadata.json",
)  # fmt: skip


def test_killed_while_it_writes_each_kind_of_file(
    faults: Any, undisturbed: Run, config: Config, tmp_path: Path
) -> None:
    """One run, killed again and again, each time in the middle of another file; then it ends as if undisturbed."""
    config, run = faults.config(config), Run(tmp_path / "run")

    def killed_in(kind: str) -> int:
        settle = os.fsync

        def fsync(number: int) -> None:
            if Path(f"/proc/self/fd/{number}").readlink().name.startswith(f".{kind}."):
                os.ftruncate(number, os.fstat(number).st_size // 2)  # half of it has reached the disk
                os.kill(os.getpid(), signal.SIGKILL)
            settle(number)

        os.fsync = fsync
        return int(faults.fit(config, run.folder))

    for kind in KINDS:
        outcome = faults.apart(lambda kind=kind: killed_in(kind))
        assert outcome.code == -signal.SIGKILL, (kind, outcome.all_of_it)
        (half,) = faults.leftovers(run.folder)
        assert half.name.startswith(f".{kind}.")
    faults.fit(config, run.folder)
    assert faults.equal(run, undisturbed)
    assert not faults.leftovers(run.folder)
    assert run.metadata()["state"] == "finished"


def test_what_is_half_written_is_cleared_and_nothing_else(tmp_path: Path) -> None:
    for name in (".last.ckpt.0123456789abcdef.part", ".lock", "last.ckpt", "part", "a.part"):
        (tmp_path / name).touch()
    atomic.clear(tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == [".lock", "a.part", "last.ckpt", "part"]
