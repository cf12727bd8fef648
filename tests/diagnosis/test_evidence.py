"""Evidence, and checks that are run by name."""

from __future__ import annotations

from typing import Any

from project.build.compose import compose
from project.diagnosis.evidence import Evidence, run_checks


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
