"""The page of a gap between two runs: parts of the examples, confusions, and examples furthest apart, with sound."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

from project import atomic
from project.evaluation.comparison import Comparison
from project.evaluation.example import alignment_html, counts_words
from project.evaluation.gap import Gap, Sides, furthest
from project.evaluation.gap_table import gap_grid
from project.evaluation.grid import typeset
from project.evaluation.page.facts import protocol_section
from project.evaluation.page.frame import Section
from project.evaluation.page.gap_picture import gap_picture
from project.evaluation.page.markup import figure, tones
from project.evaluation.page.opening import opening
from project.evaluation.page.page import page_html
from project.evaluation.page.section import confusion_section, result_section
from project.evaluation.page.worst import LEGEND, Media
from project.evaluation.verdict import Verdict

MAX_EXAMPLES = 10  # each way
CAPTION = "Left of the line the first run has fewer errors; bars are 95 % intervals, and grey ones say it is a tie."
HEADINGS = {
    "symbol": "By symbol",
    "confusion": "Confusions that come and go",
    "word": "By word",
    "length": "By length",
    "group": "By group",
}


def write_page(
    path: Path,
    comparison: Comparison,
    found: Sides,
    parts: Sequence[tuple[str, Sequence[Gap]]],
    verdicts: Sequence[Verdict],
    notes: Sequence[str],
) -> Path:
    """Writes the page, whole or not at all, and returns where it is."""
    warnings = [Verdict("warning", note) for note in (*comparison.head, *notes)]
    top = opening([], [*verdicts, *warnings], [])
    sections: list[Section] = [("result", "Comparison", result_section(comparison))]
    sections += [(name, HEADINGS[name], part_section(name, gaps, found)) for name, gaps in parts]
    sections += [
        ("examples", "Examples furthest apart", example_section(comparison, found)),
        ("errors", "Confusion of symbols", confusion_section(comparison)),
        ("protocol", "Protocol", protocol_section(comparison)),
    ]
    title = f"{found.names[0]} against {found.names[1]}"
    atomic.write(path, page_html(comparison, title, top, [section for section in sections if section[2]]))
    return path


def part_section(name: str, gaps: Sequence[Gap], found: Sides) -> str:
    """The picture and the table of one kind of parts."""
    grid = gap_grid(HEADINGS[name], name, gaps, found.names)
    if grid is None:
        return ""
    return key(found) + figure(gap_picture(gaps, found.names, name), CAPTION) + grid.html()


def example_section(comparison: Comparison, found: Sides) -> str:
    """The examples in which one run has most errors more than the other, each way."""
    media, by_word = Media(), counts_words(comparison.reports[0])
    sides = furthest(found, MAX_EXAMPLES)
    lists = []
    for winner, places in enumerate(sides):
        items = "".join(_item(found, n, by_word, media) for n in places)
        better, other = found.names[winner], found.names[1 - winner]
        heading = f"{better} has fewer errors than {other}"
        lists.append(
            f"<details open><summary>{escape(heading)}</summary>"
            f"<ol class=worst>{items or '<li><p>Nowhere.</p></li>'}</ol></details>"
        )
    return f"{LEGEND}{''.join(lists)}{media.data()}"


def key(found: Sides) -> str:
    """Which colour is which run."""
    return tones({found.names[0]: 0, found.names[1]: 1})


def _item(found: Sides, n: int, by_word: bool, media: Media) -> str:
    first, second = found.rows[0][n], found.rows[1][n]
    texts = "".join(
        f"<p class=meta>{escape(name)}: {errors[n]:g} errors</p>"
        f"{alignment_html(row.reference, row.hypothesis, by_word)}"
        for name, errors, row in zip(found.names, found.errors, (first, second), strict=True)
    )
    facts = typeset(f" · {first.group or ''} · length {first.length:.4g}")
    return f"<li><div><p class=meta><b>{escape(first.id)}</b>{facts}</p>{texts}</div>{media.html(first)}</li>"
