from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from project.evaluation.comparison import compare
from project.evaluation.result import Report
from project.evaluation.verdict import figure_text, number_text, verdicts

Make = Callable[..., Report]


def test_kinds_and_order(make: Make) -> None:
    base, better, same, worse = (make(name, rate) for name, rate in zip("abcd", (0.05, 0.02, 0.05, 0.12), strict=True))
    found = verdicts(compare([base, worse, same, better], base))
    assert [verdict.kind for verdict in found][:3] == ["better", "undecided", "worse"]
    assert found[0].text.startswith("d is better than a: CER") is False
    assert found[0].text.startswith("b is better than a: CER")
    assert "paired over groups, 120 examples of 12 groups" in found[0].evidence


def test_what_limits_a_finding_is_said(make: Make) -> None:
    few = make("a", num_groups=3)
    assert any("Only 3 groups" in verdict.text for verdict in verdicts(compare([few])))
    part = replace(few, protocol=replace(few.protocol, coverage="120 of 6300, not for decisions"))
    found = verdicts(compare([few, part], few, allow=["coverage"]))
    warnings = [verdict.text for verdict in found if verdict.kind == "warning"]
    assert any("in spite of coverage" in text for text in warnings)
    assert any("120 of 6300, not for decisions" in text for text in warnings)


def test_without_baseline_nothing_is_claimed(make: Make) -> None:
    found = verdicts(compare([make("a"), make("b", 0.02)]))
    assert [verdict.kind for verdict in found] == ["note"]
    assert found[0].text.startswith("First of 2 runs: b: CER")
    assert "not tested" in found[0].evidence


def test_figures_as_text(make: Make) -> None:
    report = make("a", num_examples=10)
    assert figure_text(report, "cer").startswith(f"{100 * report.metrics['cer']:.2f} % [")
    plain = replace(report, metrics={"pearson": 0.61237}, intervals={}, measures={})
    assert figure_text(plain, "pearson") == "0.612"
    assert number_text(-0.000001, True, sign=True) == "+0.00"
