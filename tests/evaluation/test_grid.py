from __future__ import annotations

import io

from rich.console import Console

from project.evaluation.grid import Grid

GRID = Grid("CER by <hand>", ("hand", "a|b", "[red]c"), (("bug", "-1.5 %", "2"), ("x*y", "3", "4")), ("one [note]",))


def test_three_renderings_hold_every_text() -> None:
    stream = io.StringIO()
    Console(file=stream, width=120, force_terminal=False).print(GRID.terminal())
    for text in ("CER by <hand>", "a|b", "[red]c", "-1.5 %", "x*y", "one [note]"):
        assert text in stream.getvalue()
    markdown = GRID.markdown()
    table = [line for line in markdown.splitlines() if line.startswith("|")]
    assert len(table) == 4
    assert all(line.replace("\\|", "").count("|") == 4 for line in table)
    assert "x\\*y" in markdown
    html = GRID.html(["<i></i>", "<b></b>"])
    assert "<th scope=col>hand</th><th scope=col><i></i>a|b</th><th scope=col><b></b>[red]c</th>" in html
    assert "\u22121.5&nbsp;%" in html
