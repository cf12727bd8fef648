"""Wide tables of a run: what metrics.csv says line by line, row by row."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from project import train
from project.build.compose import compose
from project.logger.csv import CsvLogger
from project.logger.tables import TABLES, write_tables
from project.run import Run


def rows_of(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


def scalars(folder: Path) -> dict[tuple[int, str], str]:
    """What all wide tables of a folder hold, under the names of metrics.csv."""
    found: dict[tuple[int, str], str] = {}
    for name, beginnings in TABLES.items():
        file = folder / f"{name}.csv"
        for row in rows_of(file) if file.exists() else []:
            for column, value in row.items():
                if column in {"step", "epoch"} or value == "":
                    continue
                full = column if len(beginnings) > 1 else beginnings[0] + column
                assert (int(row["step"]), full) not in found, "a scalar stands in two tables"
                found[int(row["step"]), full] = value
    return found


@pytest.fixture(scope="module")
def run(tiny: list[str], tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Learning with two terms and a head, measured often."""
    words = ["experiment=morse/pretrain", "sweep=mask_weight", "callbacks.diagnosis.every_steps=1"]
    run = Run(tmp_path_factory.mktemp("tables") / "run")
    config = compose("train", [*tiny, *words])
    train.fit(run, config, train.build(config))
    return run


def test_every_scalar_of_a_run_stands_in_one_table_as_it_was_written(run: Run) -> None:
    long = {(int(row["step"]), row["name"]): row["value"] for row in rows_of(run.metrics_file)}
    assert {name.split("/")[0] for _, name in long} >= {
        "dev", "train", "weight", "probability", "head", "text", "skill", "mates", "feature", "data", "leakage",
        "gradient",
    }  # fmt: skip
    assert scalars(run.folder) == long


def test_each_table_begins_with_step_and_epoch_and_is_in_order(run: Run) -> None:
    for name in TABLES:
        rows = rows_of(run.folder / f"{name}.csv")
        assert list(rows[0])[:2] == ["step", "epoch"], name
        steps = [int(row["step"]) for row in rows]
        assert steps == sorted(set(steps)), name
    assert {"loss", "cer", "mask_accuracy"} <= rows_of(run.folder / "epoch_metrics.csv")[0].keys()
    components = rows_of(run.folder / "loss_components.csv")[0].keys()
    assert {"loss", "lr", "ctc", "mask", "mask/weighted", "mask/share"} <= components
    assert rows_of(run.folder / "weights.csv")[-1] == {"step": "12", "epoch": "1", "ctc": "1.0", "mask": "0.5"}


def test_the_header_is_told_in_the_module(run: Run) -> None:
    told = write_tables.__globals__["__doc__"]
    assert all(f"{name}.csv" in told for name in TABLES)


def test_a_run_without_validations_has_no_table_of_them(tmp_path: Path) -> None:
    logger = CsvLogger(str(tmp_path))
    logger.log_metrics({"epoch": 0, "train/loss": 1.5, "train/a,b": 2.0}, step=5)
    logger.log_metrics({"epoch": 0, "train/loss": 1.0}, step=10)
    with (tmp_path / "metrics.csv").open("a") as handle:
        handle.write("11,0,tra")  # killed while writing
    written = write_tables(tmp_path / "metrics.csv")
    assert [file.name for file in written] == ["loss_components.csv"]
    assert written[0].read_text() == 'step,epoch,loss,"a,b"\n5,0,1.5,2.0\n10,0,1.0,\n'


def test_tables_are_written_when_a_run_ends(tmp_path: Path) -> None:
    logger = CsvLogger(str(tmp_path))
    logger.finalize("success")  # nothing was logged
    assert list(tmp_path.iterdir()) == []
    logger.log_metrics({"epoch": 1, "adapter/lora/norm": 0.5, "dev/cer": 0.1}, step=7)
    logger.finalize("success")
    assert (tmp_path / "epoch_metrics.csv").read_text() == "step,epoch,cer\n7,1,0.1\n"
    assert scalars(tmp_path) == {(7, "adapter/lora/norm"): "0.5", (7, "dev/cer"): "0.1"}
