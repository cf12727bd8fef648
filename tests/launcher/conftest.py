"""A sweep of three points on disk, and programs of SLURM that only say what they were told."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from project.sweep import Point, Sweep

Fake = Callable[[str, str], Path]


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    """Put a program on the path, ahead of all others: its name and what its shell script does; where it lies."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")

    def put(name: str, script: str) -> Path:
        file = folder / name
        file.write_text(f"#!/bin/bash\n{script}\n")
        file.chmod(0o755)
        return file

    return put


@pytest.fixture
def sweep(tmp_path: Path) -> Sweep:
    """Two points of one process, one of four on two nodes."""
    folder = tmp_path / "runs" / ".sweeps" / "seed-1a2b3c"
    sweep = Sweep.make(folder, {"order": ["run-1", "run-2", "run-3"]})
    for seed, (ranks, nodes) in {1: (1, 1), 2: (1, 1), 3: (4, 2)}.items():
        words = (f"seed={seed}", "corpus='a b'")
        command = ("experiment=morse/quick", *words, "launcher=slurm", "launcher.job.time=60")
        sweep.add(Point(f"run-{seed}", words, command, tmp_path / f"run-{seed}", ranks, nodes), {"seed": seed})
    return sweep
