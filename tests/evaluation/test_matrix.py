from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from project.contract import Finding
from project.evaluation.comparison import Comparison, compare
from project.evaluation.csv_tables import write_matrix
from project.evaluation.matrix import Entry, entries, matrix, narrow
from project.evaluation.result import Report
from project.evaluation.run_view import RunView

Make = Callable[..., Report]
Matrix = tuple[Comparison, list[Entry]]


@pytest.fixture
def tested(make: Make) -> Matrix:
    """A baseline without weights, a run of a tenth of the data, and a run of fresh data with an adapter."""
    partial = {"coverage": "120 of 900, not for decisions"}
    adapted = {"adapter": {"lora": {"active": True}}}
    reports = [make("m/hsmm", rate=0.1), make("m/tenth", rate=0.05, **partial), make("m/fresh", rate=0.02, **adapted)]
    common = {"optimizer.lr": 0.003, "data.manifest.train": "train.jsonl"}
    tenth, fresh = {**common, "data.batching.fraction": 0.1}, {"optimizer.lr": 0.003, "data.fresh._target_": "x.Fresh"}
    views = [
        RunView("m/hsmm", "", {"dev/cer": [(0, 0.1)]}, {}, "scansion train\n  experiment=m/hsmm", {}),
        RunView("m/tenth", "", {"train/loss": [(50, 2.0), (1234, 1.0)]}, settings=tenth),
        RunView("m/fresh", "", {"train/loss": [(99, 1.0)]}, settings=fresh),
    ]
    comparison = compare(reports, baseline=reports[0], allow=["coverage", "adapter"])
    return comparison, entries(
        comparison, views, {"m/fresh": [Finding("blank_collapse", "", "It is blank.", "Mend it.")]}
    )


def test_what_was_run_and_what_came_of_it(tested: Matrix) -> None:
    comparison, made = tested
    base, tenth, fresh = made
    assert (base.command, base.steps, base.learning_rate, base.targets) == (
        "scansion train experiment=m/hsmm", None, "", "nothing"
    )  # fmt: skip
    assert (base.baseline, base.tuned, base.low) == (comparison.reports[0].metrics["cer"], None, None)
    assert (tenth.dataset, tenth.steps, tenth.learning_rate, tenth.targets) == (
        "train.jsonl, 10 %",
        1234,
        "0.003",
        "all",
    )
    assert tenth.tuned == comparison.reports[1].metrics["cer"]
    assert (tenth.low, tenth.high) == comparison.reports[1].intervals["cer"]
    assert tenth.notes == "120 of 900, not for decisions"
    assert (fresh.dataset, fresh.targets, fresh.notes) == ("Fresh", "lora", "blank collapse")


def test_the_whole_table_and_the_narrow_one(tested: Matrix) -> None:
    grid = matrix(*tested)
    assert len(grid.headings) == 11
    assert grid.rows[0][:3] == ("m/hsmm", "2026-02-03", "scansion train experiment=m/hsmm")
    assert grid.rows[2][-2].endswith("]")
    small = narrow(grid)
    assert small.headings == ("run", "learned from", "steps", "learning rate", "targets", "CER tuned [95 %]", "notes")
    assert small.notes[0].startswith("In all runs: date 2026-02-03; manifest 5d41402abc4b; CER baseline")


def test_a_single_run_is_a_list_and_many_are_cut(make: Make) -> None:
    reports = [make(f"m/{n}", num_examples=12) for n in range(25)]
    views = [RunView(report.run, "", {}, {}, f"scansion train seed={n}") for n, report in enumerate(reports)]
    alone = compare(reports[:1])
    grid = narrow(matrix(alone, entries(alone, views[:1], {})))
    assert grid.headings == ("run", "m/0")
    assert ("command", "scansion train seed=0") in grid.rows
    every = compare(reports)
    cut = narrow(matrix(every, entries(every, views, {})))
    assert len(cut.rows) == 20
    assert cut.notes[-1].startswith("5 more rows")


def test_the_csv_table_holds_plain_numbers(tested: Matrix, tmp_path: Path) -> None:
    file = write_matrix(tmp_path, tested[1])
    with file.open(newline="", encoding="utf-8") as stream:
        base, tenth, _ = csv.DictReader(stream)
    assert (base["run"], base["tuned"], base["steps"]) == ("m/hsmm", "", "")
    assert float(tenth["tuned"]) == pytest.approx(tested[0].reports[1].metrics["cer"], rel=1e-4)
    assert tenth["steps"] == "1234"
