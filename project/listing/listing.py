"""One listing: rows for a terminal, lines for a pipe, plain data for a file. It does not know what is listed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from project.evaluation.fitted_table import FittedTable

COLOURS: Mapping[str, str] = {  # of a cell that says exactly this
    "finished": "green",
    "running": "yellow",
    "starting": "yellow",
    "pruned": "dim",
    "new": "dim",
    "interrupted": "magenta",
    "killed": "magenta",
    "failed": "red",
    "broken": "red",
}


@dataclass(frozen=True, slots=True)
class Listing:
    """Headings, as many texts a row, the same as plain data, and what must be said beside."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    content: tuple[Mapping[str, Any], ...]
    notes: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()  # headings of columns that stand to the right

    def lines(self) -> list[str]:
        """A line a row, its texts apart by tabs, without headings: for `grep`, `cut` and `xargs`."""
        return ["\t".join(" ".join(text.split()) for text in row) for row in self.rows]

    def table(self) -> FittedTable:
        """For rich to print."""
        from rich.text import Text

        from project.evaluation.fitted_table import FittedTable

        rows = tuple(tuple(Text(text, style=COLOURS.get(text, "")) for text in row) for row in self.rows)
        left = tuple(n for n, heading in enumerate(self.headings) if heading not in self.numbers)
        caption = Text("\n".join(self.notes)) if self.notes else None
        return FittedTable(tuple(map(Text, self.headings)), rows, Text(self.title), caption, left)
