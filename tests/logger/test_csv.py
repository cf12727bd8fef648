"""metrics.csv: appended, and cut back where a resumed run goes on."""

from __future__ import annotations

from pathlib import Path

from project.logger.csv import CsvLogger


def test_lines_come_as_they_are_logged(tmp_path: Path) -> None:
    logger = CsvLogger(str(tmp_path))
    logger.log_metrics({"epoch": 0, "loss": 0.1 + 0.2, "cer": 1.0}, step=5)
    assert (tmp_path / "metrics.csv").read_text().splitlines() == [
        "step,epoch,name,value",
        "5,0,loss,0.30000000000000004",
        "5,0,cer,1.0",
    ]


def test_rewinding_drops_later_lines_and_a_torn_one(tmp_path: Path) -> None:
    logger = CsvLogger(str(tmp_path))
    logger.rewind(3)  # nothing there yet
    for step in (2, 4, 6):
        logger.log_metrics({"epoch": 0, "loss": float(step)}, step=step)
    with (tmp_path / "metrics.csv").open("a") as handle:
        handle.write("7,0,lo")  # killed while writing
    logger.rewind(4)
    assert (tmp_path / "metrics.csv").read_text().splitlines()[1:] == ["2,0,loss,2.0", "4,0,loss,4.0"]
    logger.log_metrics({"epoch": 0, "loss": 6.0}, step=6)
    assert (tmp_path / "metrics.csv").read_text().splitlines()[-1] == "6,0,loss,6.0"
