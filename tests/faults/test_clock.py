"""Clocks that jump, by years and in both directions: training and manifests do not depend on the time of day."""

from __future__ import annotations

import itertools
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from project.contract import Config
from project.data.manifest import Manifest
from project.run import Run

YEAR = 365 * 86400


@pytest.fixture
def jumping(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look at the clock is a year earlier or later than the last."""
    jumps = itertools.cycle([YEAR, -YEAR, 0, -2 * YEAR, 3 * YEAR])
    seconds: Callable[[], float] = time.time
    monkeypatch.setattr(time, "time", lambda: seconds() + next(jumps))
    monkeypatch.setattr(time, "time_ns", lambda: int((seconds() + next(jumps)) * 1e9))


@pytest.mark.usefixtures("jumping")
def test_a_clock_that_jumps_changes_nothing_in_a_run(
    faults: Any, undisturbed: Run, config: Config, tmp_path: Path
) -> None:
    run = Run(tmp_path / "run")
    faults.fit(faults.config(config), run.folder)
    assert faults.equal(run, undisturbed)
    assert 0 <= run.state()["seconds"] < 600


@pytest.mark.usefixtures("jumping")
@pytest.mark.parametrize("years", [-30, 0, 30])
def test_a_manifest_from_another_year_is_indexed_and_read(morse: Path, tmp_path: Path, years: int) -> None:
    """Its date lies far from that of its index: it is read as it is, and a change is seen all the same."""
    file = tmp_path / "train.jsonl"
    shutil.copy(morse / "train.jsonl", file)
    moment = int(1.7e9) + years * YEAR
    os.utime(file, (moment, moment))
    first = Manifest.open(str(file))
    again = Manifest.open(str(file))
    assert [one.id for one in first] == [one.id for one in again]
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join(lines[1:]))
    os.utime(file, (moment - YEAR, moment - YEAR))  # changed, and dated before its index
    assert len(Manifest.open(str(file))) == len(lines) - 1
