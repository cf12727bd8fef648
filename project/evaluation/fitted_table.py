"""A table of texts that finds its own widths: names stay whole where the terminal is narrow, intervals get a line.

It does not know what the texts are about.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.table import Table
    from rich.text import Text

# What is not broken: an interval, a p-value, a share, a word; and where a figure that does not fit is broken.
WHOLE = re.compile(r"\[[^\]]*\],?|p [=<] \S+|\S+ %|\d\S*/(?=\d)|\S+")
PLACES = re.compile(r" (?=\[[-+\d])|(?<=,) (?=p [=<])|(?<=\d/)(?=\d)")
WIDE_GAP, GAP = 3, 2  # columns between texts, and where these are many for the terminal


@dataclass(frozen=True, slots=True)
class FittedTable:
    """Headings and rows of as many texts; the first text of a row names it and is broken last."""

    headings: tuple[Text, ...]
    rows: tuple[tuple[Text, ...], ...]
    title: Text | None = None
    caption: Text | None = None
    left: tuple[int, ...] = (0,)  # columns that stand to the left
    may_turn: bool = False  # whether rows may become columns where that is narrower

    @property
    def row_count(self) -> int:
        return len(self.rows)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The table as wide as may be, and empty lines around one that has no edges."""
        table = self._made(options.max_width)
        yield from (table,) if table.show_edge else ("", table, "")

    def turned(self) -> FittedTable:
        """Its rows as columns."""
        heads, *rows = (tuple(column) for column in zip(self.headings, *self.rows, strict=True))
        return FittedTable(heads, tuple(rows), self.title, self.caption)

    def _made(self, width: int) -> Table:
        columns = list(zip(self.headings, *self.rows, strict=True))
        natural = [max(_longest_line(text) for text in column) for column in columns]
        if sum(natural) + WIDE_GAP * len(columns) + 1 <= width:
            return self._drawn([None] * len(columns), width)
        if self.may_turn:
            other = self.turned()
            if other._least() < self._least():
                return other._made(width)
        body = [max(map(_longest_line, column[1:]), default=1) for column in columns]  # headings break before texts do
        return self._drawn(widths([body, natural], self._minima(), width - GAP * (len(columns) - 1)), width)

    def _minima(self) -> list[int]:
        """Of each column the widest text that is not broken."""
        columns = zip(self.headings, *self.rows, strict=True)
        return [max(_longest_whole(text.plain) for text in column) for column in columns]

    def _least(self) -> int:
        return sum(self._minima()) + GAP * (len(self.headings) - 1)

    def _drawn(self, given: Sequence[int | None], width: int) -> Table:
        from rich import box
        from rich.table import Table

        is_wide = None in given
        table = Table(title=self.title, title_justify="left", box=box.SIMPLE_HEAD, collapse_padding=not is_wide)
        table.pad_edge, table.show_edge = is_wide, is_wide
        table.caption, table.caption_justify = self.caption, "left"
        for n, (heading, size) in enumerate(zip(self.headings, given, strict=True)):
            side = "left" if n in self.left else "right"
            table.add_column(_broken(heading, size), justify=side, overflow="fold", width=size)  # type: ignore[arg-type]
        for row in self.rows:
            table.add_row(*(_broken(text, size) for text, size in zip(row, given, strict=True)))
        return table


def widths(wanted: Sequence[Sequence[int]], least: Sequence[int], room: int) -> list[int]:
    """As much of the room for each column as it needs: whole names first, then what is wanted, in this order.

    Of what is wanted, columns that lack little come first.

    >>> widths([[20, 19, 31]], [20, 12, 14], 60), widths([[20, 19, 31]], [20, 12, 14], 40)
    ([20, 19, 21], [20, 10, 10])
    """
    found = [min(least[0], max(room // 2, 1)), *least[1:]]
    while sum(found) > room and max(found[1:], default=1) > 1:
        found[max(range(1, len(found)), key=found.__getitem__)] -= 1
    for needs in wanted:
        lacks = [max(need - size, 0) for need, size in zip(needs, found, strict=True)]
        for n in sorted(range(len(found)), key=lacks.__getitem__):
            found[n] += min(lacks[n], max(room - sum(found), 0))
    return found


def _longest_line(text: Text) -> int:
    return max((len(line) for line in text.plain.split("\n")), default=0)


def _longest_whole(text: str) -> int:
    return max(map(len, WHOLE.findall(text)), default=1)


def _broken(text: Text, size: int | None) -> Text:
    """The text with lines of its own for interval and p-value, where it does not fit."""
    from rich.text import Text

    if size is None or _longest_line(text) <= size:
        return text
    return Text(PLACES.sub("\n", text.plain), text.style)
