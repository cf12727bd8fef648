from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace

from rich.console import Console

from project.evaluation.comparison import compare
from project.evaluation.result import Report
from project.evaluation.table import counts_text, lines, markdown, terminal

Make = Callable[..., Report]


def test_terminal_table(make: Make) -> None:
    base, other = make("base"), make("wide [red]", 0.02)
    stream = io.StringIO()
    Console(file=stream, width=200, force_terminal=False).print(terminal(compare([base, other], base)))
    text = stream.getvalue()
    assert "wide [red]" in text
    assert "baseline" in text
    assert f"{100 * base.metrics['cer']:.2f} %" in text
    low, high = base.intervals["cer"]
    assert f"[{100 * low:.2f}, {100 * high:.2f}]" in text
    assert counts_text(base, "cer") in text


def test_counts_are_totals(make: Make) -> None:
    report = make("a")
    found = [int(part) for part in counts_text(report, "cer").replace(",", "").split(" / ")]
    assert found[0] == sum(row.columns["cer_substitutions"] for row in report.rows)
    assert sum(found) / sum(len(row.reference) for row in report.rows) == report.metrics["cer"]
    assert counts_text(report, "exact_match") == "-"


def test_markdown(make: Make) -> None:
    base, other = make("a|b*c"), make("wide\n", 0.02)
    text = markdown(compare([base, other], base))
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert len(table) == 4
    assert all(line.replace("\\|", "").count("|") == table[0].count("|") for line in table)
    assert "a\\|b\\*c" in text
    assert text.startswith("- wide  is better than")


def test_without_baseline_and_partial(make: Make) -> None:
    whole = make("a", num_examples=20)
    part = replace(whole, protocol=replace(whole.protocol, coverage="20 of 6300, not for decisions"))
    comparison = compare([part])
    assert [line.delta for line in lines(comparison)] == [""]
    assert "20 of 6300, not for decisions" in markdown(comparison)
    assert "against baseline" not in markdown(comparison)
