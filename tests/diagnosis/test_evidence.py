"""Evidence: metrics.csv read while it grows, and checks that are run by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from project.build.compose import compose
from project.diagnosis.evidence import Evidence, Ledger, run_checks
from project.logger.csv import CsvLogger
from project.run import Run


def test_a_growing_file_is_read_once_and_whole_lines_alone(tmp_path: Path) -> None:
    file = tmp_path / "metrics.csv"
    ledger = Ledger(file)
    assert ledger.read() == {}
    text = 'step,epoch,name,value\n5,0,dev/cer,0.5\n5,0,"a,b",1.0\n9,1,dev/cer,0.25\n'
    for end in range(len(text) + 1):
        file.write_text(text[:end])
        curves = ledger.read()
        whole = text[: text.rfind("\n", 0, end) + 1].splitlines()[1:]
        assert sum(map(len, curves.values())) == len(whole), end
    assert curves == {"dev/cer": [(5, 0.5), (9, 0.25)], "a,b": [(5, 1.0)]}
    assert ledger.read() == curves


def test_it_reads_what_the_logger_writes(tmp_path: Path) -> None:
    logger, ledger = CsvLogger(str(tmp_path)), Ledger(tmp_path / "metrics.csv")
    for step in range(3):
        logger.log_metrics({"epoch": 0, "dev/cer": 0.1 * step, "dev/loss": float("nan")}, step=step)
        assert len(ledger.read()["dev/cer"]) == step + 1
    assert ledger.read()["dev/cer"] == Run(tmp_path).curves()["dev/cer"]


def test_a_check_that_is_null_is_off() -> None:
    """As on the command line: callbacks.diagnosis.checks.little_data=null."""
    evidence = Evidence({"data/train_examples": [(0, 2.0)]})
    node = compose("train", ["callbacks.diagnosis.checks.little_data=null"])["callbacks"]["diagnosis"]["checks"]
    assert node["little_data"] is None
    assert run_checks({"little_data": None}, evidence) == []


def test_findings_bear_the_name_of_their_check(checks: Any) -> None:
    found = run_checks(checks, Evidence({"data/train_examples": [(0, 2.0)]}))
    assert [(one.check, one.subject) for one in found] == [("little_data", "train")]


def test_nothing_recorded_is_nothing_found(checks: Any) -> None:
    assert run_checks(checks, Evidence({})) == []
    assert run_checks(checks, Evidence({}, final=True)) == []


def test_all_that_is_found_has_words_and_a_remedy(checks: Any, sound: Any) -> None:
    """One sentence, without its full stop, and what to do."""
    bad = {name: [(n, 0.0) for n in range(5)] for name in sound.curves} | {"dev/loss": [(n, 5.0 - n) for n in range(5)]}
    bad |= {"mates/difference": [(0, 1.0)], "dev/cer": [(n, 0.9) for n in range(5)], "text/infeasible": [(0, 0.5)]}
    found = run_checks(checks, Evidence(bad))
    assert len({one.check for one in found}) >= 6
    for one in found:
        assert one.text[0].isupper() or one.subject
        assert not one.text.endswith(".")
        assert not one.remedy.endswith(".")
        assert one.figures
