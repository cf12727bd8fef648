"""Tables at 80 columns: no name is broken, an interval stays in one line, and nothing is lost."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from rich.console import Console, RenderableType
from rich.text import Text

from project.evaluation.comparison import compare
from project.evaluation.fitted_table import FittedTable, widths
from project.evaluation.grid import Grid
from project.evaluation.result import Report
from project.evaluation.table import figure_text, terminal

Make = Callable[..., Report]
NAMES = ("morse/quick-69ef20bd", "morse/quick-9d5625a3", "morse/quick-1a2b3c4d", "morse/quick-5e6f7a8b")


def printed(table: RenderableType, width: int = 80) -> str:
    stream = io.StringIO()
    Console(file=stream, width=width, force_terminal=False).print(table)
    assert all(len(line) <= width for line in stream.getvalue().splitlines())
    return stream.getvalue()


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_names_and_intervals_of_runs_stay_whole(make: Make, number: int) -> None:
    reports = [make(name, 0.03 + 0.02 * n) for n, name in enumerate(NAMES[:number])]
    text = printed(terminal(compare(reports, reports[0] if number > 1 else None)))
    for report in reports:
        assert report.run in text
        for name in ("cer", "wer"):
            interval = figure_text(report, name).partition(" [")[2]
            assert number > 2 or f"[{interval}" in text
    assert "examples" in text


def test_where_there_is_room_a_run_is_a_line(make: Make) -> None:
    reports = [make(name) for name in NAMES[:2]]
    lines = printed(terminal(compare(reports, reports[0])), 200).splitlines()
    (line,) = [line for line in lines if NAMES[1] in line]
    assert figure_text(reports[1], "cer") in line
    assert figure_text(reports[1], "wer") in line


def test_a_verdict_has_more_than_one_word_a_line() -> None:
    heads = ("setting", "best value", "mean CER there", "best to worst mean", "share of variance", "verdict")
    rows = (("optimizer.weight_decay", "0.001", "1.44 %", "0.31 points", "42 %", "less than seeds do, p = 0.482"),)
    text = printed(Grid("What each setting does", heads, rows))
    assert "optimizer.weight_decay" in text
    assert "less than seeds do" in text
    assert "p = 0.482" in text


def test_no_letter_is_lost_however_narrow() -> None:
    rows = ((Text("a" * 30), Text("b" * 25), Text("1.5 % [1.0, 2.0], p = 0.04")),)
    table = FittedTable((Text("x"), Text("y"), Text("z")), rows)
    for width in (20, 30, 50, 70):
        text = printed(table, width)
        assert (text.count("a"), text.count("b"), text.count("[")) == (30, 25, 1)


def test_widths_fill_the_room_and_no_more() -> None:
    for room in range(12, 120):
        found = widths([[20, 30, 8, 40]], [20, 12, 8, 14], room)
        assert sum(found) <= room
        assert sum(found) == min(room, 98)
    assert widths([[20, 30, 8, 40]], [20, 12, 8, 14], 98) == [20, 30, 8, 40]
