"""metrics.csv: read while it grows, and all ways to read it say the same."""

from __future__ import annotations

from pathlib import Path

from project.logger.csv import CsvLogger
from project.metrics_file import MetricsFile, curve, last_step, latest, lines
from project.run import Run


def test_a_growing_file_is_read_once_and_whole_lines_alone(tmp_path: Path) -> None:
    file = tmp_path / "metrics.csv"
    metrics = MetricsFile(file)
    assert metrics.read() == {}
    text = 'step,epoch,name,value\n5,0,dev/cer,0.5\n5,0,"a,b",1.0\n9,1,dev/cer,0.25\n'
    for end in range(len(text) + 1):
        file.write_text(text[:end])
        curves = metrics.read()
        whole = text[: text.rfind("\n", 0, end) + 1].splitlines()[1:]
        assert sum(map(len, curves.values())) == len(whole), end
    assert curves == {"dev/cer": [(5, 0.5), (9, 0.25)], "a,b": [(5, 1.0)]}
    assert metrics.read() == curves


def test_it_reads_what_the_logger_writes(tmp_path: Path) -> None:
    logger, metrics = CsvLogger(str(tmp_path)), MetricsFile(tmp_path / "metrics.csv")
    for step in range(3):
        logger.log_metrics({"epoch": 0, "dev/cer": 0.1 * step, "dev/loss": float("nan")}, step=step)
        assert len(metrics.read()["dev/cer"]) == step + 1
    assert metrics.read()["dev/cer"] == Run(tmp_path).curves()["dev/cer"]


def test_all_ways_to_read_say_the_same(tmp_path: Path) -> None:
    logger, file = CsvLogger(str(tmp_path)), tmp_path / "metrics.csv"
    assert (curve(file, "dev/cer"), last_step(file), latest(file, "dev/cer"), [*lines(file)]) == ([], None, None, [])
    for step in range(3):
        logger.log_metrics({"epoch": 4, "dev/cer": 0.1 * step, "dev/cer2": 1.0}, step=step)
    points = MetricsFile(file).read()["dev/cer"]
    assert points == [(step, 0.1 * step) for step in range(3)] == curve(file, "dev/cer")
    assert [(int(step), float(value)) for step, _, name, value in lines(file) if name == "dev/cer"] == points
    found = latest(file, "dev/cer")
    assert found is not None
    assert ((found.step, found.value), found.epoch, last_step(file)) == (points[-1], 5, 2)
