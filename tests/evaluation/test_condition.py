from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from project.contract import InputError
from project.evaluation.comparison import compare
from project.evaluation.condition import Condition, check, condition, condition_grid, names_of
from project.evaluation.page.condition_picture import by_condition
from project.evaluation.result import Report

Make = Callable[..., Report]
Sound = Callable[[str], str]


def with_meta(report: Report, **metas: list[object]) -> Report:
    rows = tuple(
        replace(row, meta={name: values[n] for name, values in metas.items() if values[n] is not None})
        for n, row in enumerate(report.rows)
    )
    return replace(report, rows=rows)


def errors(report: Report, chosen: Callable[[float | str], bool], name: str) -> float:
    """The error rate of the chosen examples, by a plain loop."""
    wrong = total = 0.0
    for row in report.rows:
        if name in row.meta and chosen(row.meta[name]):
            wrong += row.columns["cer_substitutions"] + row.columns["cer_deletions"] + row.columns["cer_insertions"]
            total += row.columns["cer_length"]
    return wrong / total


def test_a_quantity_against_plain_loops(make: Make, sound: Sound) -> None:
    comparison = compare([make("a"), make("b", 0.02)])
    found = condition(comparison, "snr_db", [0, 1])
    assert isinstance(found, Condition)
    assert sum(found.counts) == 120
    edges = found.strata.edges
    for n, cells in found.cells.items():
        report = comparison.reports[n]
        for place, (part, count) in enumerate(zip(cells, found.counts, strict=True)):
            low, high = edges[place], edges[place + 1]
            last = place == len(cells) - 1
            expected = errors(
                report,
                lambda value, low=low, high=high, last=last: low <= value and (value < high or last),  # type: ignore[misc]
                "snr_db",
            )
            assert part is not None
            assert part.value == pytest.approx(expected)
            assert part.num_examples == count
            assert part.interval
            assert part.interval[0] <= part.value <= part.interval[1]
    grid = condition_grid(comparison, found)
    assert grid.headings == ("snr_db", "examples", "a [95 %]", "b [95 %]")
    assert all(" % [" in text for row in grid.rows for text in row[2:])
    assert "snr_db" in sound(by_condition(comparison, found))


def test_kinds_against_plain_loops(make: Make, sound: Sound) -> None:
    comparison = compare([make("a")])
    found = condition(comparison, "hand", [0])
    assert isinstance(found, Condition)
    assert found.strata.labels == ("bug", "machine", "straight")
    for label, part in zip(found.strata.labels, found.cells[0], strict=True):
        assert part is not None
        assert part.value == pytest.approx(
            errors(comparison.reports[0], lambda value, label=label: value == label, "hand")  # type: ignore[misc]
        )
    assert "straight" in sound(by_condition(comparison, found))


def test_what_has_no_parts_is_said_in_a_line(make: Make) -> None:
    report = make("a", num_examples=30)
    report = with_meta(report, same=[3] * 30, title=[f"t{n}" for n in range(30)], none=[None] * 30)
    comparison = compare([report])
    assert condition(comparison, "same", [0]) == "same: 3 in all examples, so there is nothing to tell apart"
    assert condition(comparison, "title", [0]) == "title: 30 different values, hardly two examples share one"
    assert condition(comparison, "none", [0]) == "none: no example says it"
    plain = replace(report, metrics={"pearson": 0.5}, intervals={}, measures={})
    assert "no ratio of counts" in str(condition(compare([plain]), "same", [0]))


def test_examples_that_do_not_say_it_are_left_out(make: Make) -> None:
    report = with_meta(make("a", num_examples=30), wpm=[None if n % 3 == 0 else n % 2 for n in range(30)])
    found = condition(compare([report]), "wpm", [0])
    assert isinstance(found, Condition)
    assert found.num_absent == 10
    assert sum(found.counts) == 20
    assert condition_grid(compare([report]), found).notes == ("10 examples without wpm are left out",)


def test_mixed_values_are_kinds(make: Make) -> None:
    report = with_meta(make("a", num_examples=30), snr_db=["clean" if n % 3 == 0 else 5.0 for n in range(30)])
    found = condition(compare([report]), "snr_db", [0])
    assert isinstance(found, Condition)
    assert found.strata.labels == ("5", "clean")
    assert found.counts == (20, 10)


def test_older_reports_of_the_same_manifest_borrow(make: Make) -> None:
    old, new = make("old"), make("new")
    old = replace(old, rows=tuple(replace(row, meta={}) for row in old.rows))
    found = condition(compare([old, new]), "hand", [0, 1])
    assert isinstance(found, Condition)
    assert sum(found.counts) == 120
    assert all(part is not None for part in found.cells[0])
    assert condition(compare([old]), "hand", [0]) == "hand: no example says it"


def test_unknown_conditions_are_refused(make: Make) -> None:
    comparison = compare([make("a")])
    assert names_of(comparison, [0]) == ["snr_db", "hand", "wpm", "group"]
    check(comparison, ["hand", "group"], [0])
    with pytest.raises(InputError, match=r"by=snr_bd: .* did you mean snr_db"):
        check(comparison, ["snr_bd"], [0])
    with pytest.raises(InputError, match="choose from snr_db, hand, wpm, group"):
        check(comparison, ["fading"], [0])
    rows = tuple(replace(row, meta={}, group=None) for row in comparison.reports[0].rows)
    with pytest.raises(InputError, match="evaluate the runs again"):
        check(compare([replace(comparison.reports[0], rows=rows)]), ["hand"], [0])
