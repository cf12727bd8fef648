"""Sections of the page about parts: runs of a sweep, figures by condition, and the length of hypotheses."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from project.evaluation.comparison import Comparison
from project.evaluation.condition import condition, condition_grid, names_of
from project.evaluation.condition_picture import by_condition, by_text_length
from project.evaluation.drift import drift_grid
from project.evaluation.markup import figure, key, swatches
from project.evaluation.picture import coloured
from project.evaluation.sweep import Settings, group_grid, loss_note, run_grid

MAX_CONDITIONS = 8  # on the page, those asked for first
MAX_ROWS = 12  # of runs, shown at once
CONDITION_CAPTION = (
    "Bands and bars are 95 % intervals. Parts of a quantity hold about as many examples each, unless it has few values."
)
DRIFT_CAPTION = (
    "Symbols of the hypotheses over symbols of the references: 1 is right, below it symbols are lost, above it put in. "
    "A slope is drift. Bands are 95 % intervals."
)


def sweep_section(comparison: Comparison, settings: Sequence[Settings], terms: Sequence[frozenset[str]]) -> str:
    """Runs ranked by the primary figure, over seeds and alone; nothing where configurations do not differ."""
    runs = run_grid(comparison, settings)
    if runs is None:
        return ""
    note, parts = loss_note(settings, terms), []
    over_seeds = group_grid(comparison, settings)
    if over_seeds is not None:
        parts.append(over_seeds.html())
    if note:
        parts.append(f"<p class=note>{escape(note)}.</p>")
    if over_seeds is not None or len(runs.rows) > MAX_ROWS:
        parts.append(f"<details><summary>Each of {len(runs.rows)} runs</summary>{runs.html()}</details>")
    else:
        parts.insert(0, runs.html())
    return "".join(parts)


def condition_section(comparison: Comparison, first: Sequence[str] = ()) -> str:
    """The primary figure by each condition that varies, those asked for first and open."""
    positions, dots = list(coloured(comparison)), swatches(comparison)
    names = names_of(comparison, positions)
    ordered = list(dict.fromkeys([*(name for name in first if name in names), *names]))
    parts: list[str] = []
    notes: list[str] = []
    for place, name in enumerate(ordered):
        if len(parts) == MAX_CONDITIONS:
            notes.append(f"not shown: {', '.join(ordered[place:])} (ask with by=...)")
            break
        found = condition(comparison, name, positions)
        if isinstance(found, str):
            notes.append(found)
            continue
        state = " open" if name in first or not parts else ""
        table = condition_grid(comparison, found).html([dots[n] for n in positions])
        picture = figure(by_condition(comparison, found), CONDITION_CAPTION)
        parts.append(f"<details{state}><summary>{escape(name)}</summary>{picture}{table}</details>")
    said = "".join(f"<p class=note>{escape(note)}</p>" for note in notes)
    return f"{key(comparison)}{''.join(parts)}{said}" if parts else said


def drift_section(comparison: Comparison) -> str:
    """The length ratio by length of text."""
    positions, dots = list(coloured(comparison)), swatches(comparison)
    grid = drift_grid(comparison, positions)
    if grid is None:
        return ""
    picture = figure(by_text_length(comparison), DRIFT_CAPTION)
    table = grid.html([dots[n] for n in positions])
    return f"{key(comparison)}{picture}<details><summary>As a table</summary>{table}</details>"
