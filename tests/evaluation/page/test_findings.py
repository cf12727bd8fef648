from __future__ import annotations

from collections.abc import Callable

from project.contract import Finding
from project.evaluation.comparison import compare
from project.evaluation.page.findings import MAX_LISTED, diagnosis_section, shared
from project.evaluation.result import Report

Make = Callable[..., Report]


def blank(run: int) -> Finding:
    return Finding("blank_collapse", "", f"run {run} says <nothing>", "train longer", {"blank": 0.999}, 1200)


def test_the_same_finding_is_said_once(make: Make) -> None:
    comparison = compare([make(f"r{n}", num_examples=16) for n in range(5)])
    lonely = Finding("adapter_idle", "lora", "lora changes nothing", "raise its rank")
    found = shared(comparison, {"r3": [lonely], **{f"r{n}": [blank(n)] for n in range(5) if n != 3}, "other": [lonely]})
    assert [one.finding.check for one in found] == ["blank_collapse", "adapter_idle"]
    assert [one.who for one in found] == ["r0, r1, r2 and 1 more", "r3"]


def test_each_is_listed_with_its_remedy(make: Make) -> None:
    comparison = compare([make(f"r{n}", num_examples=16) for n in range(2)])
    html = diagnosis_section(comparison, {"r1": [blank(1)]}, ["blank_collapse", "leakage"])
    for text in ("run 1 says &lt;nothing&gt;", "train longer", "0.999", "step 1,200", "blank_collapse, leakage"):
        assert text in html
    many = {"r0": [blank(n) for n in range(MAX_LISTED + 3)]}
    assert "3 more findings" in diagnosis_section(comparison, many)


def test_nothing_found(make: Make) -> None:
    comparison = compare([make("a", num_examples=16)])
    assert diagnosis_section(comparison, {}) == ""
    assert "No findings" in diagnosis_section(comparison, {}, ["leakage"])
    assert "Checks that looked, each at what was measured: leakage." in diagnosis_section(comparison, {}, ["leakage"])
