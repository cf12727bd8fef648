"""A small table of texts: the same rows for the terminal, for Markdown and for the page."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from rich.text import Text

from project.evaluation.fitted_table import FittedTable

SPECIAL = str.maketrans({character: f"\\{character}" for character in "\\`*_|<>[]"} | {"\n": " ", "\r": " "})


@dataclass(frozen=True, slots=True)
class Grid:
    """Headings, rows of as many texts, and what must be said about them."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]  # the first text of each names it
    notes: tuple[str, ...] = ()

    def terminal(self) -> FittedTable:
        """The table for rich to print."""
        caption = Text("\n".join(self.notes)) if self.notes else None
        rows = tuple(tuple(map(Text, row)) for row in self.rows)
        return FittedTable(tuple(map(Text, self.headings)), rows, Text(self.title), caption)

    def markdown(self) -> str:
        """The table as Markdown, its title in bold above it."""
        rule = ["---", *["---:"] * (len(self.headings) - 1)]
        rows = [markdown_row([text.translate(SPECIAL) for text in row]) for row in (self.headings, *self.rows)]
        rows.insert(1, markdown_row(rule))
        notes = [f"\n{note.translate(SPECIAL)}" for note in self.notes]
        return "\n".join([f"**{self.title.translate(SPECIAL)}**\n", *rows, *notes]) + "\n"

    def html(self, swatches: Sequence[str] = ()) -> str:
        """The table for the page; `swatches` are HTML that stands before each heading but the first ones."""
        marks = [""] * (len(self.headings) - len(swatches)) + list(swatches)
        heads = (f"<th scope=col>{mark}{escape(text)}</th>" for mark, text in zip(marks, self.headings, strict=True))
        rows = (
            f"<tr><th scope=row>{escape(first)}</th>{''.join(f'<td>{typeset(text)}</td>' for text in others)}</tr>"
            for first, *others in self.rows
        )
        notes = "".join(f"<p class=note>{escape(note)}</p>" for note in self.notes)
        head, body = f"<thead><tr>{''.join(heads)}</tr></thead>", f"<tbody>{''.join(rows)}</tbody>"
        return f"<div class=scroll><table class=figures>{head}{body}</table></div>{notes}"


def typeset(text: str) -> str:
    """Text as HTML, a number kept with its percent sign and a minus as wide as a plus."""
    return re.sub(r"(?<!\S)(\[?)-(?=\d)", "\\1\u2212", escape(text)).replace(" %", "&nbsp;%")


def markdown_row(texts: Sequence[str]) -> str:
    """Texts between bars, as they are: special characters are the caller's.

    >>> markdown_row(["run", "CER"])
    '| run | CER |'
    """
    return f"| {' | '.join(texts)} |"
