"""The page of a sweep: what each setting does, which points are best, and which have not come to an end."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

from project import atomic
from project.evaluation.grid import Grid
from project.evaluation.page.axis_picture import axis_panels, parallel_coordinates
from project.evaluation.page.facts import protocol_section
from project.evaluation.page.frame import Section, frame
from project.evaluation.page.markup import figure, panel_figures, tones
from project.evaluation.page.opening import opening
from project.evaluation.page.section import result_section
from project.evaluation.sensitivity_table import (
    Outcome,
    axis_grid,
    by_share,
    level_grid,
    point_grid,
    sentences,
    setting_grid,
    warnings,
)
from project.evaluation.verdict import Verdict

PANEL_NOTE = "A dot is a point, with its 95 % interval where there are few; the grey line joins means over all others."
LINES_CAPTION = "A line is a point: through its value of each setting to its figure, which is best at the top."
READING = (
    "<details><summary>How to read this page</summary><p>The <b>share of variance</b> is what a setting explains "
    "beyond all others (eta squared). <b>Seeds</b> are points that differ in nothing else: what they differ by is "
    "chance, and a setting that does less has shown nothing. A point is a <b>tie</b> if its difference to the best, "
    "paired example by example, may be 0.</p></details>"
)


def write_page(
    path: Path, title: str, meta: str, outcome: Outcome, unfinished: Grid | None, notes: Sequence[str]
) -> Path:
    """Writes the page, whole or not at all, and returns where it is."""
    said = [*sentences(outcome), *warnings(outcome), *(Verdict("warning", note) for note in notes)]
    body = [section for section in sections(outcome, unfinished) if section[2]]
    atomic.write(path, frame(title, meta, opening([], said, []), body, READING))
    return path


def sections(outcome: Outcome, unfinished: Grid | None) -> list[Section]:
    """What stands below the verdicts."""
    comparison = outcome.comparison
    lines = figure(parallel_coordinates(outcome), LINES_CAPTION)
    settings = setting_grid(outcome)
    return [
        ("settings", "What each setting does", _settings(outcome)),
        ("lines", "All points", _key(outcome) + lines if lines else ""),
        ("seeds", "Over seeds", settings.html() if settings else ""),
        ("points", "Points, best first", point_grid(outcome).html()),
        ("unfinished", "Not at their end", unfinished.html() if unfinished else ""),
        ("result", "Comparison with the best", result_section(comparison) if comparison else ""),
        ("protocol", "Protocol", protocol_section(comparison) if comparison else ""),
    ]


def _settings(outcome: Outcome) -> str:
    grid = axis_grid(outcome)
    if grid is None:
        return ""
    levels = "".join(
        f"<details><summary>{escape(axis.name)}</summary>{level_grid(axis, outcome.figure).html()}</details>"
        for axis in by_share(outcome.result)
    )
    panels = panel_figures(axis_panels(outcome))
    return f"{grid.html()}{_key(outcome)}{panels}<p class=note>{PANEL_NOTE}</p>{levels}"


def _key(outcome: Outcome) -> str:
    return tones({"best": 0} | ({"ties with it": 1} if outcome.ties else {}))
