from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from project.evaluation.breakdown import group_table, length_table, reference_lengths
from project.evaluation.comparison import compare
from project.evaluation.protocol import hash_ids
from project.evaluation.result import Measure, Report

Make = Callable[..., Report]


def rate(report: Report, chosen: Callable[[int], bool]) -> float:
    rows = [row for n, row in enumerate(report.rows) if chosen(n)]
    above, below = report.measures["cer"].counts(rows)
    return sum(above) / sum(below)


def test_groups_hardest_first(make: Make) -> None:
    base, other = make("a", 0.05), make("b", 0.02)
    grid = group_table(compare([base, other], base), [0, 1])
    assert grid
    assert len(grid.rows) == 12
    for name, count, first, second in grid.rows:
        group = int(name.split()[-1])
        for text, report in ((first, base), (second, other)):
            expected = rate(report, lambda n, group=group: n % 12 == group)  # type: ignore[misc]
            assert text.startswith(f"{100 * expected:.2f} % [")
        assert count == "10"
    figures = [float(row[2].split()[0]) for row in grid.rows]
    assert figures == sorted(figures, reverse=True)
    assert grid.notes[0].startswith(f"a: from {figures[-1]:.2f} to {figures[0]:.2f}")


def test_many_groups_show_their_ends(make: Make) -> None:
    grid = group_table(compare([make("a", num_groups=60)]), [0])
    assert grid
    assert len(grid.rows) == 20
    assert "40 groups between the 10 hardest and the 10 easiest left out" in grid.notes


def test_lengths(make: Make) -> None:
    base, other = make("a"), make("b", 0.02)
    grid = length_table(compare([base, other]), [0, 1])
    assert grid
    assert sum(int(row[1]) for row in grid.rows) == 120
    assert grid.headings[0] == "length (characters)"
    lengths = reference_lengths(base)
    low, high = (float(end) for end in grid.rows[1][0].split(" to "))
    expected = rate(other, lambda n: low <= lengths[n] < high)
    assert grid.rows[1][3].startswith(f"{100 * expected:.2f} %")


def test_rows_in_another_order_are_the_same_parts(make: Make) -> None:
    base = make("a")
    rows = base.rows[::-1]
    order = replace(base.protocol, manifest_ids_hash=hash_ids(row.id for row in rows))
    turned = replace(base, run="b", rows=rows, protocol=order)
    for table in (length_table, group_table):
        grid = table(compare([base]), [0])
        both = table(replace(compare([base]), reports=(base, turned), labels=("a", "b")), [0, 1])
        assert grid
        assert both
        assert [row[2].split(" [")[0] for row in both.rows] == [row[3].split(" [")[0] for row in both.rows]


def test_nothing_to_divide(make: Make) -> None:
    single = make("a", num_groups=1, num_examples=6)
    assert group_table(compare([single]), [0]) is None
    assert length_table(compare([single]), [0]) is None
    whole = make("a")
    plain = replace(whole, metrics={"r": 0.5}, intervals={}, measures={"r": Measure()})
    assert group_table(compare([plain]), [0]) is None
    assert length_table(compare([plain]), [0]) is None


@pytest.mark.parametrize("table", [length_table, group_table])
def test_it_prints(make: Make, table: Callable[..., object]) -> None:
    assert "| " in table(compare([make("a")]), [0]).markdown()  # type: ignore[attr-defined]


def test_spans_are_as_long_as_their_frames(make_spans: Make) -> None:
    report = make_spans("a")
    lengths = reference_lengths(report)
    assert lengths == [row.columns["bar_f1_wanted"] for row in report.rows]
    grid = length_table(compare([report]), [0])
    assert grid
    assert grid.headings[0] == "length (frames in spans)"
    assert sum(int(row[1]) for row in grid.rows) == len(lengths)
