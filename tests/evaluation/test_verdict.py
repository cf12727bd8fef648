from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from project.evaluation.comparison import Delta, compare
from project.evaluation.power import Sensitivity
from project.evaluation.result import Report
from project.evaluation.verdict import figure_text, number_text, power_text, verdicts

Make = Callable[..., Report]


def test_kinds_and_order(make: Make) -> None:
    base, better, same, worse = (make(name, rate) for name, rate in zip("abcd", (0.05, 0.02, 0.05, 0.12), strict=True))
    found = verdicts(compare([base, worse, same, better], base))
    assert [verdict.kind for verdict in found][:3] == ["better", "undecided", "worse"]
    assert found[0].text.startswith("d is better than a: CER") is False
    assert found[0].text.startswith("b is better than a: CER")
    assert "paired over groups, 120 examples of 12 groups" in found[0].evidence


def test_evidence_says_the_test_and_what_could_be_shown(make: Make) -> None:
    base, better, same = (make(name, rate) for name, rate in zip("abc", (0.05, 0.02, 0.05), strict=True))
    found, undecided = verdicts(compare([base, better, same], base))[:2]
    assert " points, p " in found.evidence
    assert "80 % power" not in found.evidence
    assert "12 groups show differences from" in undecided.evidence
    assert "would need about" in undecided.evidence


def test_what_a_comparison_could_have_shown() -> None:
    within = Delta(-0.0008, (-0.003, 0.002), "lower", 0.6, Sensitivity(0.0015, 200, 0.0042, 5321))
    assert power_text(within, "example", True) == (
        "200 examples show differences from 0.42 on (80 % power); one of 0.08 would need about 5,300"
    )
    none = replace(within, sensitivity=Sensitivity(0.0015, 200, 0.0042, None))
    assert power_text(none, "example", True) == "200 examples show differences from 0.42 on (80 % power)"
    far = replace(within, sensitivity=Sensitivity(0.0015, 200, 0.0042, 10**9))
    assert power_text(far, "group", False).endswith("one of 0.001 is out of reach")
    assert power_text(replace(within, sensitivity=None), "example", True) == ""
    assert power_text(replace(within, sensitivity=Sensitivity(0.0, 2, 0.0, None)), "example", True) == ""


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


def test_many_runs_are_counted_in_one_sentence_first(make: Callable[..., Report]) -> None:
    base = make("base", rate=0.1)
    others = [make(f"same {n}", rate=0.1) for n in range(7)] + [make("good", rate=0.02), make("bad", rate=0.4)]
    first, *rest = verdicts(compare([base, *others], baseline=base))
    found = Counter(one.kind for one in rest)
    assert first.text == (
        f"Of 9 runs {found['better']} are better than base, {found['worse']} are worse, and {found['undecided']} "
        "cannot be told from it"
    )
    assert (found["better"] >= 1, found["worse"] >= 1) == (True, True)
    assert not verdicts(compare([base, *others[:8]], baseline=base))[0].text.startswith("Of ")


def test_a_difference_that_could_not_be_tested_is_not_called_undecided(make: Make) -> None:
    """Runs that scored other examples: nothing is paired, so nothing is said about telling them apart."""
    base, other = make("one"), make("two", num_examples=60)
    found = verdicts(compare([base, other], base, allow=["manifest_ids_hash", "num_examples", "coverage"]))[0]
    assert found.text.startswith("two beside one, the difference not tested: CER")
    assert "no paired interval" in found.evidence
