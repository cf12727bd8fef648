"""Single examples: which are the worst, in what symbols they are counted, and their alignment in colour."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby
from typing import Any

from project.evaluation.result import Report, Row
from project.evaluation.span_report import distance, is_of_spans, overlap
from project.metric.edit import align

MAX_WORST = 12  # of each run
MAX_SYMBOLS = 2_000  # longer texts are cut before they are aligned


@dataclass(frozen=True, slots=True)
class Piece:
    """Neighbouring steps of one kind: what the reference has there, and what the hypothesis has."""

    operation: str  # equal, substitute, delete or insert
    reference: str
    hypothesis: str


def cost(report: Report, row: Row) -> float:
    """How far an example is from perfect, in counts of the primary figure: its errors, or its missing hits."""
    measure = report.measures.get(report.primary)
    if measure is None or not measure.is_ratio:
        return 0.0
    above, below = (counts[0] for counts in measure.counts([row]))
    return above if measure.better == "lower" else below - above


def worst(report: Report, limit: int = MAX_WORST) -> list[Row]:
    """The examples that cost the figure most, where two cost the same the shorter one first.

    Of spans those that overlap least, where two overlap alike the one whose frames were judged more wrongly.
    """
    if is_of_spans(report):
        missed = {row.id: overlap(row) for row in report.rows}
        apart = [row for row in report.rows if missed[row.id] < 1]
        return sorted(apart, key=lambda row: (missed[row.id], -distance(row), row.id))[:limit]
    costly = [row for row in report.rows if cost(report, row) > 0]
    return sorted(costly, key=lambda row: (-cost(report, row), len(row.reference), row.id))[:limit]


def counts_words(report: Report) -> bool:
    """Whether the primary figure counts words (or other symbols set apart by spaces) rather than characters."""
    column = f"{report.primary}_length"
    return column in report.rows[0].columns and all(
        row.columns[column] == len(row.reference.split()) for row in report.rows
    )


def symbols_of(report: Report) -> Callable[[str], Sequence[str]] | None:
    """How the primary figure cuts texts into symbols: at spaces, or at each character; None for any other way."""
    if counts_words(report):
        return str.split
    column = f"{report.primary}_length"
    by_character = all(row.columns.get(column) == len(row.reference) for row in report.rows)
    return tuple if by_character else None


def pieces(reference: str, hypothesis: str, by_word: bool) -> Iterator[Piece]:
    """Reference and hypothesis against each other, in as few pieces as kinds of step and spaces leave.

    >>> [(piece.operation, piece.reference, piece.hypothesis) for piece in pieces("PARIS", "PRIM", by_word=False)]
    [('equal', 'P', 'P'), ('delete', 'A', ''), ('equal', 'RI', 'RI'), ('substitute', 'S', 'M')]
    """
    joint = " " if by_word else ""
    left, right = (text.split() if by_word else text for text in (reference, hypothesis))
    steps = align(reference=left[:MAX_SYMBOLS], hypothesis=right[:MAX_SYMBOLS])
    for operation, group in groupby(steps, key=lambda step: step[0]):
        part = list(group)
        sizes = [1] * len(part) if by_word else _between_spaces([step[1] or step[2] for step in part])
        start = 0
        for size in sizes:
            chosen = part[start : start + size]
            start += size
            yield Piece(operation, *(joint.join(str(step[side] or "") for step in chosen) for side in (1, 2)))


def spans_html(row: Row) -> str:
    """Wanted and recognized spans as two lines."""
    lines = (("wanted", row.reference), ("said", row.hypothesis))
    return "".join(
        f'<p class="spans {name}"><span>{"wanted" if name == "wanted" else "recognized"}</span> '
        f"{escape(text) or '<i>none</i>'}</p>"
        for name, text in lines
    )


def alignment_html(reference: str, hypothesis: str, by_word: bool) -> str:
    """An alignment as two lines, errors in colour; what one side lacks is an empty box."""
    boxes = []
    for piece in pieces(reference, hypothesis, by_word):
        name = {"equal": "e", "substitute": "s", "delete": "d", "insert": "i"}[piece.operation]
        wide = max(len(piece.reference), len(piece.hypothesis))
        top, bottom = (
            escape(_visible(text, name).ljust(wide, "\u00a0")) for text in (piece.reference, piece.hypothesis)
        )
        boxes.append(f'<span class="{name}"><b>{top}</b><i>{bottom}</i></span>')
    kind = "words" if by_word else "letters"
    spoken = escape(f"{hypothesis or 'nothing'} for {reference}")
    return f'<div class="alignment {kind}" role="img" aria-label="{spoken}">{"".join(boxes)}</div>'


def _between_spaces(symbols: Sequence[Any]) -> list[int]:
    """Sizes of parts that end with a space, so that a long line can break there."""
    sizes = [0]
    for symbol in symbols:
        sizes[-1] += 1
        if symbol == " ":
            sizes.append(0)
    return [size for size in sizes if size]


def _visible(text: str, name: str) -> str:
    return text if name == "e" else text.replace(" ", "\u2423")
