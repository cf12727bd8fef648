"""Findings that show in Reports: each is made here on purpose, and a sound pair of Reports has none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from project.contract import Finding, InputError
from project.evaluation.comparison import compare
from project.evaluation.report_findings import findings_of, merged, stored, to_plain
from project.evaluation.result import Report

FINDING = Finding("blank_collapse", "", "It says blank", "Wait", {"empty": 0.9}, 12)


def checks_of(*reports: Report) -> dict[str, list[str]]:
    found = findings_of(compare(reports, baseline=reports[0] if len(reports) > 1 else None))
    return {run: [finding.check for finding in findings] for run, findings in found.items()}


def test_two_sound_reports_have_none(make: Callable[..., Report]) -> None:
    assert checks_of(make("one", rate=0.1), make("two", rate=0.2)) == {"one": [], "two": []}


def test_a_baseline_that_is_nearly_perfect_is_said_to_be_saturated(make: Callable[..., Report]) -> None:
    assert checks_of(make("one", rate=0.002), make("two", rate=0.2)) == {
        "one": ["saturated_benchmark"],
        "two": [],
    }
    assert checks_of(make("one", rate=0.002)) == {"one": ["saturated_benchmark"]}
    assert checks_of(make("one", rate=0.2)) == {"one": []}


def test_a_baseline_with_fewer_errors_than_can_be_shown(make: Callable[..., Report]) -> None:
    """Two runs of a few errors each, on 40 examples: the smallest difference that is found is more than all errors."""
    base, other, bad = (
        make(name, rate=rate, num_examples=40) for name, rate in (("a", 0.002), ("b", 0.003), ("c", 0.3))
    )
    found = findings_of(compare([base, other, bad], base))["a"]
    (finding,) = [one for one in found if one.check == "no_headroom"]
    delta = compare([base, other], base).deltas[1]["cer"]
    assert finding.figures["part"] == pytest.approx(delta.sensitivity.detectable / base.metrics["cer"], abs=1e-5)
    assert finding.figures["part"] > 1
    assert "no headroom: the smallest difference" in finding.text
    assert "no_headroom" not in checks_of(base, bad)["a"], "a run that is worse says nothing of gains"
    more = findings_of(compare([base, other], base), headroom=finding.figures["part"] + 0.1)["a"]
    assert "no_headroom" not in [one.check for one in more]
    assert "no_headroom" not in checks_of(make("one", rate=0.1), make("two", rate=0.11))["one"]


def test_a_manifest_of_two_examples_is_too_little(make: Callable[..., Report]) -> None:
    found = checks_of(make("one", rate=0.2, num_examples=2, num_groups=2))
    assert "little_data" in found["one"]


def test_the_same_answers_and_scores_are_the_same_recognizer(make: Callable[..., Report]) -> None:
    base = make("base", rate=0.1)
    assert checks_of(base, replace(base, run="tuned")) == {"base": [], "tuned": ["identical"]}
    nudged = tuple(replace(row, score=row.score - 1e-6) for row in base.rows)
    assert checks_of(base, replace(base, run="tuned", rows=nudged)) == {"base": [], "tuned": []}


def test_metrics_of_one_name_and_two_definitions_are_refused(make: Callable[..., Report]) -> None:
    """Characters against words under one name: the columns are the same, the figures are not."""
    one, two = (
        replace(make(name), info={"metric": {"cer": {"unit": unit}}}) for name, unit in (("a", "c"), ("b", "w"))
    )
    with pytest.raises(InputError, match="reckon cer differently"):
        compare([one, two])


def test_the_figure_that_decides_comes_first_in_every_report(make: Callable[..., Report]) -> None:
    one, two = make("one"), make("two")
    turned = replace(two, metrics=dict(reversed(two.metrics.items())))
    assert turned.primary != "cer"
    assert [report.primary for report in compare([one, turned]).reports] == ["cer", "cer"]


def test_findings_are_kept_in_a_report_as_they_were(make: Callable[..., Report]) -> None:
    report = make("one", rate=0.1)
    kept = replace(report, info={**report.info, "findings": [to_plain(FINDING)]})
    assert stored(kept) == [FINDING]
    assert findings_of(compare([kept]))["one"] == [FINDING]


def test_merging_keeps_the_first_of_a_check_and_subject() -> None:
    later, other = replace(FINDING, step=99), replace(FINDING, subject="head")
    assert merged([{"one": [FINDING]}, {"one": [later, other], "two": [later]}]) == {
        "one": [FINDING, other],
        "two": [later],
    }
