from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace

import pytest

from project.contract import InputError
from project.evaluation.comparison import Delta, compare, name_reports
from project.evaluation.power import sensitivity
from project.evaluation.protocol import Protocol, hash_ids
from project.evaluation.result import Measure, Report
from project.evaluation.significance import exchange_test

Make = Callable[..., Report]
OTHER = {"audio": {"kind": "x"}, "text": {"x": 1}, "decode": {"kind": "greedy"}, "adapter": {"name": "lora"}}
BOUND = {"num_examples", "manifest_ids_hash"}  # these change with the rows


def changed(report: Report, name: str) -> Report:
    """The same run under a Protocol that differs in one field."""
    if name in BOUND:
        rows = report.rows[:-1] if name == "num_examples" else report.rows[::-1]
        ids_hash = hash_ids(row.id for row in rows)
        return replace(
            report, rows=rows, protocol=replace(report.protocol, num_examples=len(rows), manifest_ids_hash=ids_hash)
        )
    return replace(report, protocol=replace(report.protocol, **{name: OTHER.get(name, "other")}))


@pytest.mark.parametrize("name", [field.name for field in fields(Protocol)])
def test_refuses_and_names_the_field(make: Make, name: str) -> None:
    mine, theirs = make("mine", num_examples=20), changed(make("theirs", num_examples=20), name)
    with pytest.raises(InputError) as caught:
        compare([mine, theirs])
    message = str(caught.value)
    assert f"theirs differs from mine in {name}" in message or f", {name}" in message
    assert "allow=[" in message
    assert name in message.split("allow=")[1]
    assert "\n" not in message
    roots = message.split("allow=[")[1].rstrip("]").split(",")
    comparison = compare([mine, theirs], mine, allow=roots)
    assert {entry.field.split(".")[0] for entry in comparison.allowed} == set(roots)
    assert any(name in note for note in comparison.head)


def test_allow_one_setting_only(make: Make) -> None:
    mine = make("mine", num_examples=20)
    decode = {**mine.protocol.decode, "size": 1}
    theirs = make("theirs", num_examples=20, decode=decode)
    assert [entry.field for entry in compare([mine, theirs], allow=["decode.size"]).allowed] == ["decode.size"]
    further = make("further", num_examples=20, decode={**decode, "kind": "greedy"})
    with pytest.raises(InputError, match=r"further differs from mine in decode.kind \(beam against greedy\)"):
        compare([mine, theirs, further], allow=["decode.size"])
    with pytest.raises(InputError, match=r"did you mean decode\?"):
        compare([mine, theirs], allow=["decod"])


def test_many_refusals_stay_one_line(make: Make) -> None:
    reports = [make("a", num_examples=5), *(make(f"b{n}", num_examples=5, precision=f"{n}") for n in range(9))]
    with pytest.raises(InputError, match=r"and 6 more: evaluate them alike") as caught:
        compare(reports)
    assert len(str(caught.value)) < 600


def test_deltas_are_paired(make: Make) -> None:
    base, better, same, worse = (make(name, rate) for name, rate in zip("abcd", (0.05, 0.02, 0.05, 0.12), strict=True))
    comparison = compare([base, better, same, worse], base)
    assert comparison.baseline == 0
    assert comparison.deltas[0] == {}
    assert comparison.figures == ("cer", "wer")
    found = [comparison.deltas[n]["cer"].verdict for n in (1, 2, 3)]
    assert found == ["better", "undecided", "worse"]
    delta = comparison.deltas[1]["cer"]
    assert delta.value == pytest.approx(better.metrics["cer"] - base.metrics["cer"])
    low, high = delta.interval or (0, 0)
    apart = (better.intervals["cer"][1] - better.intervals["cer"][0]) + (
        base.intervals["cer"][1] - base.intervals["cer"][0]
    )
    assert low < delta.value < high
    assert high - low < apart
    assert comparison.ranking()[0] == 1
    assert comparison.ranking()[-1] == 3


def test_pairing_goes_by_id_and_needs_the_same_examples(make: Make) -> None:
    base, other = make("a", num_examples=40), make("b", 0.1, num_examples=40)
    straight = compare([base, other], base).deltas[1]["cer"]
    shuffled = compare([base, changed(other, "manifest_ids_hash")], base, allow=["manifest_ids_hash"]).deltas[1]["cer"]
    assert shuffled.interval == straight.interval
    fewer = changed(other, "num_examples")
    unpaired = compare([base, fewer], base, allow=["num_examples", "manifest_ids_hash"]).deltas[1]["cer"]
    assert unpaired.interval is None
    assert unpaired.verdict == "undecided"


def test_direction_of_a_figure(make: Make) -> None:
    assert Delta(0.1, (0.05, 0.2), "higher").verdict == "better"
    assert Delta(-0.1, (-0.2, -0.05), "higher").verdict == "worse"
    assert Delta(0.1, (0.0, 0.2), "higher").verdict == "undecided"
    flipped = [
        replace(make(name, rate, num_examples=20), measures={"cer": Measure(("cer_deletions",), better="higher")})
        for name, rate in (("a", 0.02), ("b", 0.2))
    ]
    assert compare(flipped).ranking() == [1, 0]


def test_interval_and_test_must_agree() -> None:
    assert Delta(-0.1, (-0.2, -0.05), "lower", 0.049).verdict == "better"
    assert Delta(-0.1, (-0.2, -0.05), "lower", 0.051).verdict == "undecided"
    assert Delta(-0.1, (-0.2, 0.05), "lower", 0.01).verdict == "undecided"
    assert Delta(-0.1, (-0.2, -0.05), "one", 0.01).verdict == "better"  # nearer to 1
    assert Delta(0.1, (0.05, 0.2), "one", 0.01).verdict == "worse"


def test_deltas_are_tested_and_know_what_they_could_show(make: Make) -> None:
    base, other, same = make("a", 0.05), make("b", 0.02), make("c", 0.05)
    found, nothing = (compare([base, other, same], base).deltas[n]["cer"] for n in (1, 2))
    counts = [report.measures["cer"].counts(report.rows) for report in (other, base)]
    groups = [row.group for row in base.rows]
    assert found.p_value == exchange_test(*counts, groups)
    assert found.p_value < 0.01
    assert nothing.p_value > 0.05
    assert found.sensitivity == sensitivity(*counts, groups)
    assert nothing.sensitivity.num_units == 12
    assert nothing.sensitivity.needed > 12
    assert nothing.sensitivity.detectable > abs(nothing.value)


def test_nearer_to_one_is_better(make: Make) -> None:
    """0.97 is better than 1.10, though it is lower, and better than 0.88, though it is higher."""
    ratios = dict(zip("abc", (0.97, 1.10, 0.88), strict=True))
    reports = []
    for name, ratio in ratios.items():
        base = make(name, num_groups=120)
        rows = [
            replace(row, columns={"found": ratio * len(row.reference), "length": len(row.reference)})
            for row in base.rows
        ]
        measure = Measure(("found",), ("length",), "one")  # type: ignore[arg-type]
        reports.append(
            replace(base, rows=tuple(rows), metrics={"ratio": ratio}, intervals={}, measures={"ratio": measure})
        )
    comparison = compare(reports, reports[0])
    assert comparison.ranking() == [0, 1, 2]
    assert [comparison.deltas[n]["ratio"].value for n in (1, 2)] == pytest.approx([0.07, 0.09])
    assert [comparison.deltas[n]["ratio"].verdict for n in (1, 2)] == ["worse", "worse"]
    assert comparison.deltas[1]["ratio"].sensitivity is None


def test_labels_are_distinct(make: Make) -> None:
    one, two = make("a", num_examples=5), make("a", num_examples=5, decode={"kind": "greedy"})
    assert name_reports([one, two])[1] == "a (decode.kind=greedy, decode.size=absent, decode.logit_bias=absent)"
    assert name_reports([one, one, make("b", num_examples=5)]) == ("a", "a #2", "b")
    same = [replace(one, created=f"2026-02-0{n}") for n in (1, 2, 3)]
    assert len(set(name_reports(same))) == 3


def test_baseline_may_stand_apart(make: Make) -> None:
    base, other = make("a", num_examples=20), make("b", num_examples=20)
    comparison = compare([other], base)
    assert comparison.labels == ("a", "b")
    assert comparison.baseline == 0


def test_no_common_ground(make: Make) -> None:
    report = make("a", num_examples=5)
    with pytest.raises(InputError, match="nothing to compare"):
        compare([])
    other = replace(report, metrics={"f1": 0.5}, intervals={}, measures={})
    with pytest.raises(InputError, match="no figure in common"):
        compare([report, other])
    other = replace(report, run="b", measures={**report.measures, "cer": Measure(("cer_deletions",))})
    with pytest.raises(InputError, match="b and a reckon cer differently"):
        compare([report, other])
