"""The ledger of a sweep: what it holds of each point, and what is said where there is none."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from project.contract import InputError
from project.sweep import Point, Sweep, point_command


def ledger(root: Path, name: str = "lr-1a2b3c", points: int = 3) -> tuple[Sweep, list[Point]]:
    made = [
        Point(
            f"run-{n}", (f"optimizer.lr=0.{n}", "seed=1"), ("experiment=a/b", f"optimizer.lr=0.{n}"), root / f"run-{n}"
        )
        for n in range(points)
    ]
    sweep = Sweep.make(root / ".sweeps" / name, {"axes": ["optimizer.lr"], "order": [one.name for one in made[::-1]]})
    for point in made:
        sweep.add(point, {"optimizer": {"lr": 0.1}, "seed": 1})
    return sweep, made


def test_a_point_comes_back_as_it_was_written(tmp_path: Path) -> None:
    sweep, points = ledger(tmp_path)
    assert sweep.points() == points[::-1], "in the order that was written down"
    assert Sweep.of(sweep.file(points[1])) == (sweep, points[1], {"optimizer": {"lr": 0.1}, "seed": 1})
    assert sweep.axes() == {"optimizer.lr": ["0.2", "0.1", "0.0"], "seed": ["1"]}
    assert point_command(sweep, points[1])[1:] == ["-m", "project.train", "--point", str(sweep.file(points[1]))]


def test_states_keep_the_job_and_count_attempts(tmp_path: Path) -> None:
    sweep, (point, *_) = ledger(tmp_path)
    assert sweep.state(point) == {"state": "pending"}
    sweep.note(point, "pending", job="12_3", log="a.log")
    sweep.note(point, "running")
    sweep.note(point, "requeued", error="stopped by SIGUSR2 after step 5")
    sweep.note(point, "running")
    assert sweep.state(point) == {"state": "running", "job": "12_3", "log": "a.log", "attempts": 2}


def test_the_newest_a_name_and_a_folder(tmp_path: Path) -> None:
    first, _ = ledger(tmp_path, "lr-1a2b3c")
    second, _ = ledger(tmp_path, "seed-4d5e6f")
    os.utime(first.folder / "sweep.json", (1, 1))
    assert Sweep.open(None, tmp_path) == second
    assert Sweep.open("lr-1a2b3c", tmp_path) == first
    assert Sweep.open(first.folder) == first
    with pytest.raises(InputError, match=r"sweep=lr-1a2b: no such sweep: did you mean lr-1a2b3c\?"):
        Sweep.open("lr-1a2b", tmp_path)
    with pytest.raises(InputError, match="no sweep is there: start one with"):
        Sweep.open(None, tmp_path / "elsewhere")


def test_a_broken_point_is_named(tmp_path: Path) -> None:
    sweep, (point, *_) = ledger(tmp_path)
    content = json.loads(sweep.file(point).read_text())
    del content["run"]
    sweep.file(point).write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"run-0\.json: not readable as a point of a sweep"):
        sweep.points()
