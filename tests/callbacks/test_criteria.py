"""Success criteria: judged by what was recorded, told as a table, and refused where they are not understood."""

from __future__ import annotations

import csv
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from project.callbacks.criteria import Criteria
from project.contract import InputError

WANTED = {
    "found": {"figure": "dev/f1", "above": 0},
    "small": {"figure": "dev/error", "below": 0.1},
    "loss": {"figure": "dev/loss", "falls_by": 0.2},
    "numbers": {"figure": "train/loss", "finite": True},
    "none": None,
}


def judged(folder: Path, wanted: Any, **curves: list[float]) -> dict[str, str]:
    lines = [f"{step},0,{name},{value}" for name, values in curves.items() for step, value in enumerate(values)]
    folder.joinpath("metrics.csv").write_text("step,epoch,name,value\n" + "\n".join(lines) + "\n")
    trainer: Any = SimpleNamespace(is_global_zero=True, callbacks=[])
    Criteria(str(folder / "checkpoints"), wanted).on_train_end(trainer, None)
    with folder.joinpath("criteria.csv").open(newline="") as handle:
        return {row["criterion"]: row["verdict"] for row in csv.DictReader(handle)}


def test_each_is_judged_by_its_figure_at_the_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = {"dev/f1": [0.0, 0.1], "dev/error": [0.5, 0.05], "dev/loss": [2.0, 1.6], "train/loss": [3.0, 2.0]}
    bad = {"dev/f1": [0.1, 0.0], "dev/error": [0.05, 0.1], "dev/loss": [2.0, 1.7], "train/loss": [float("nan"), 2.0]}
    assert judged(tmp_path, WANTED, **good) == dict.fromkeys(("found", "small", "loss", "numbers"), "PASS")
    assert judged(tmp_path, WANTED, **bad) == dict.fromkeys(("found", "small", "loss", "numbers"), "FAIL")
    assert "success criteria" in capsys.readouterr().err


def test_a_figure_that_was_never_recorded_is_said_to_be_and_the_run_goes_on(tmp_path: Path) -> None:
    assert judged(tmp_path, {"found": WANTED["found"]}, loss=[1.0]) == {"found": "FAIL"}
    assert "never recorded" in tmp_path.joinpath("criteria.csv").read_text()


def test_a_loss_below_0_falls_too(tmp_path: Path) -> None:
    """Uncertainty weighting adds logarithms."""
    wanted = {"loss": WANTED["loss"]}
    assert judged(tmp_path, wanted, **{"dev/loss": [-0.1, -0.4]}) == {"loss": "PASS"}
    assert judged(tmp_path, wanted, **{"dev/loss": [-0.4, -0.1]}) == {"loss": "FAIL"}


@pytest.mark.parametrize("says", [{"above": 0}, {"figure": "dev/f1"}, {"figure": "dev/f1", "above": 0, "below": 1}, {
    "figure": "dev/f1", "over": 0}])  # fmt: skip
def test_what_is_not_understood_is_refused_before_training(tmp_path: Path, says: Any) -> None:
    with pytest.raises(InputError, match="write it as"):
        Criteria(str(tmp_path), {"found": says})
