from __future__ import annotations

import csv
import statistics
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from project.evaluation.comparison import Comparison, compare
from project.evaluation.csv_tables import write_predictions, write_trace
from project.evaluation.result import Report
from project.evaluation.sweep import group_grid, groups, loss_note, run_grid, varying

Make = Callable[..., Report]
SETTINGS = [
    {"weighting.mask": mask, "seed": seed, "data.seed": seed, "epochs": 3, "trainer.max_epochs": 3}
    for mask in (0.3, 0.5, 0.7)
    for seed in (1, 2)
]


@pytest.fixture
def sweep(make: Make) -> Comparison:
    rates = {0.3: 0.05, 0.5: 0.02, 0.7: 0.1}
    return compare([make(f"r{n}", rates[own["weighting.mask"]], num_examples=20) for n, own in enumerate(SETTINGS)])  # type: ignore[index]


def test_what_varies(sweep: Comparison) -> None:
    assert varying(SETTINGS) == ["weighting.mask", "seed"]
    assert varying([{"a": 1}, {"a": 1, "b": 2}]) == ["b"]
    both = [{"epochs": n, "trainer.max_epochs": n, "model.blocks": n, "model.kernel": n} for n in (3, 5)]
    assert varying(both) == ["epochs", "model.blocks", "model.kernel"]
    assert varying([{"a": 1}, {"a": True}]) == ["a"]
    assert varying(SETTINGS[:1]) == varying([]) == []
    assert run_grid(compare(sweep.reports[:1]), SETTINGS[:1]) is None


def test_groups_over_seeds_against_statistics(sweep: Comparison) -> None:
    found = groups(sweep, SETTINGS)
    assert [group.settings for group in found] == ["weighting.mask=0.5", "weighting.mask=0.3", "weighting.mask=0.7"]
    for group in found:
        values = [sweep.reports[n].metrics["cer"] for n in group.members]
        assert group.mean == statistics.fmean(values)
        assert group.spread == statistics.stdev(values)
        assert {SETTINGS[n]["weighting.mask"] for n in group.members} == {float(group.settings.split("=")[1])}
    grid = group_grid(sweep, SETTINGS)
    assert grid is not None
    assert [row[-1] for row in grid.rows] == ["2", "2", "2"]
    assert grid.rows[0][1] == f"{100 * found[0].mean:.2f} %"


def test_runs_are_ranked_by_the_figure(sweep: Comparison) -> None:
    grid = run_grid(sweep, SETTINGS)
    assert grid is not None
    best = min(range(6), key=lambda n: sweep.reports[n].metrics["cer"])
    assert grid.rows[0][0] == f"weighting.mask={SETTINGS[best]['weighting.mask']} seed={SETTINGS[best]['seed']}"
    assert grid.rows[0][2] == f"r{best}"
    one_seed = [0, 2, 4]
    part = compare([sweep.reports[n] for n in one_seed])
    assert group_grid(part, [SETTINGS[n] for n in one_seed]) is None


def test_losses_of_other_weights_or_terms_are_not_comparable() -> None:
    same = [frozenset({"ctc", "mask"})] * 6
    assert "not comparable (weighting.mask differs)" in loss_note(SETTINGS, same)
    seeds = [{"seed": 1}, {"seed": 2}]
    assert loss_note(seeds, same[:2]) == ""
    other = [frozenset({"ctc"}), frozenset({"ctc", "mask"})]
    assert "not all have the term mask" in loss_note(seeds, other)
    assert loss_note(seeds, [frozenset(), same[0]]) == ""


def test_predictions_of_all_runs(sweep: Comparison, tmp_path: Path) -> None:
    file = write_predictions(tmp_path, sweep, SETTINGS)
    with file.open(newline="", encoding="utf-8") as stream:
        lines = list(csv.DictReader(stream))
    assert list(lines[0])[:6] == ["run", "weighting.mask", "seed", "id", "group", "length"]
    assert len(lines) == 6 * 20
    for n, report in enumerate(sweep.reports):
        mine = [line for line in lines if line["run"] == f"r{n}"]
        assert {(line["weighting.mask"], line["seed"]) for line in mine} == {
            (str(SETTINGS[n]["weighting.mask"]), str(SETTINGS[n]["seed"]))
        }
        assert [line["hypothesis"] for line in mine] == [row.hypothesis for row in report.rows]
        total = sum(len(line["reference"]) for line in mine)
        assert sum(float(line["errors"]) for line in mine) / total == pytest.approx(report.metrics["cer"])
        for line in mine:
            assert float(line["cer"]) == pytest.approx(float(line["errors"]) / len(line["reference"]), rel=1e-5)
    assert list(tmp_path.iterdir()) == [file]


def test_traces_of_all_runs(sweep: Comparison, tmp_path: Path) -> None:
    scalars = [("50", "0", "train/loss", "1.5"), ("50", "0", "train/lr", "0.1"), ("50", "0", "dev/cer", "0.5")]
    file = write_trace(tmp_path, sweep, SETTINGS, {"r1": scalars, "r4": scalars[:2], "other": scalars})
    assert file.read_text(encoding="utf-8").splitlines() == [
        "run,weighting.mask,seed,step,epoch,name,value",
        "r1,0.3,2,50,0,train/loss,1.5",
        "r1,0.3,2,50,0,dev/cer,0.5",
        "r4,0.7,1,50,0,train/loss,1.5",
    ]


def test_a_failed_table_leaves_nothing(sweep: Comparison, tmp_path: Path) -> None:
    def broken() -> Iterator[tuple[str, str, str, str]]:
        yield "1", "0", "train/loss", "2.5"
        raise OSError("the disk went away")

    with pytest.raises(OSError, match="went away"):
        write_trace(tmp_path, sweep, SETTINGS, {"r0": broken()})
    assert list(tmp_path.iterdir()) == []
