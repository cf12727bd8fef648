"""Sections of the page: the comparison, training, what differs, errors by length, condition and symbol, and frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from html import escape

from project.evaluation.comparison import Comparison
from project.evaluation.condition import condition, condition_grid, names_of
from project.evaluation.confusion import MAX_CONFUSED, confused, confusion_grid
from project.evaluation.drift import drift_grid
from project.evaluation.grid import Grid, typeset
from project.evaluation.page.condition_picture import by_condition, by_text_length
from project.evaluation.page.confusion_picture import confusion_map
from project.evaluation.page.inside_picture import inside_panels, told_frames
from project.evaluation.page.markup import figure, key, panel_figures, swatches, tones
from project.evaluation.page.picture import by_length, coloured, curve_panels, forest
from project.evaluation.page.setting_picture import setting_panels
from project.evaluation.page.share_picture import share_grid, share_panels, terms_of
from project.evaluation.run_view import RunView, view_of
from project.evaluation.span_report import frame_grid, is_of_spans
from project.evaluation.sureness import sureness_grid
from project.evaluation.sweep import group_grid, loss_note, loss_terms, run_grid
from project.evaluation.table import cells, headings, lines

MAX_CONDITIONS = 8  # on the page, those asked for first
MAX_ROWS = 12  # of runs, shown at once
MAX_SHARED = 4  # runs whose terms are shown: the baseline and the best
LENGTH_CAPTION = (
    "Examples in eight parts of equal number, from short to long; bars are 95 % intervals over examples. A rise to the "
    "right is drift or truncation. Below: how many examples there are of each length."
)
CONDITION_CAPTION = (
    "Bands and bars are 95 % intervals. Parts of a quantity hold about as many examples each, unless it has few values."
)
DRIFT_CAPTION = (
    "Symbols of the hypotheses over symbols of the references: 1 is right, below it symbols are lost, above it put in. "
    "A slope is drift. Bands are 95 % intervals."
)
SWEEP_NOTE = "A dot is a run, with its 95 % interval where there are few; the grey line joins means."
SHARE_NOTE = (
    "Skill: 1 less the loss of the term over that of one who does not look at the input; 0 is nothing learned. A term "
    "that takes most of loss and gradient drowns those whose skill stays at 0."
)
INSIDE_NOTE = (
    "Each side of a histogram adds up to 100 %: the less they overlap the better; where they are alike, nothing is "
    "learned. On the diagonal of the calibration, what is said comes true as often; below, how many frames there are. "
    "A dot is the threshold, the dashed line the precision of calling every frame inside."
)
CONFUSION_CAPTION = (
    "A row for what was wanted, a column for what was recognized: the stronger a square, the more often. Right symbols "
    "are left out."
)

KIND_CAPTION = (
    "A row for the kind that was wanted, a column for the one that was recognized, of spans that overlap by half or "
    "more; those without such a partner are left out or put in. Spans that are right are not shown."
)


def result_section(comparison: Comparison) -> str:
    """The table of all runs, best first where they are many, and their intervals side by side."""
    with_delta, dots = comparison.baseline is not None, swatches(comparison)
    heads = "".join(f"<th scope=col>{escape(text)}</th>" for text in headings(comparison))
    rows = []
    for n, line in enumerate(lines(comparison)):
        first, *others = cells(line, comparison)
        kinds = [*[""] * (len(others) - 1), line.verdict if with_delta else ""]
        texts = (typeset(text).replace("p = ", "p&nbsp;=&nbsp;") for text in others)  # lines break before it
        found = "".join(f'<td class="{kind}">{text}</td>' for text, kind in zip(texts, kinds, strict=True))
        rows.append(f"<tr><th scope=row>{dots[n]}{escape(first)}</th>{found}</tr>")
    if len(rows) == 1:
        return _figures(heads, rows)
    against = f"; right: the difference to the baseline, paired over {comparison.unit}s" if with_delta else ""
    picture = figure(forest(comparison), f"Points are figures, bars their 95 % intervals{against}.")
    sure = sureness_grid(comparison)
    picture += f"<details><summary>{escape(sure.title)}</summary>{sure.html()}</details>" if sure else ""
    if len(rows) <= MAX_ROWS:
        return _figures(heads, rows) + picture
    ranked = [rows[n] for n in comparison.ranking()]
    best = [rows[n] for n in comparison.ranking() if n in comparison.leaders(MAX_ROWS)]
    every = f"<details><summary>All {len(rows)} runs, best first</summary>{_figures(heads, ranked)}</details>"
    return _figures(heads, best) + every + picture


def curve_section(comparison: Comparison, views: Mapping[str, RunView]) -> str:
    """Losses and figures over training."""
    panels = curve_panels(comparison, {name: view.curves for name, view in views.items()})
    note = "<p class=note>Thin lines: training. Full lines: validation, a point for each.</p>"
    return f"{key(comparison)}{panel_figures(panels)}{note}" if panels else ""


def share_section(comparison: Comparison, views: Mapping[str, RunView]) -> str:
    """What each term takes of loss and gradient, and what it learns, for the baseline and the best runs."""
    dots, positions = swatches(comparison), comparison.leaders(MAX_SHARED)
    found = terms_of([view_of(views, comparison.reports[n].run).curves for n in positions])
    parts: list[str] = []
    for n, terms in zip(positions, found, strict=True):
        if terms is None:
            continue
        body = f"{tones(terms.colours)}{panel_figures(share_panels(terms, str(n)))}{share_grid(terms).html()}"
        state = "" if parts else " open"
        parts.append(f"<details{state}><summary>{dots[n]}{escape(comparison.labels[n])}</summary>{body}</details>")
    return f"{''.join(parts)}<p class=note>{SHARE_NOTE}</p>" if parts else ""


def setting_section(comparison: Comparison, views: Mapping[str, RunView]) -> str:
    """Runs by what their configurations differ in: a picture a setting, and tables over seeds and alone."""
    own = [view_of(views, report.run) for report in comparison.reports]
    settings = [view.settings for view in own]
    runs = run_grid(comparison, settings)
    if runs is None:
        return ""
    panels = setting_panels(comparison, settings)
    note, parts = loss_note(settings, [loss_terms(view.curves) for view in own]), []
    if panels:
        parts.append(f"{key(comparison)}{panel_figures(panels)}<p class=note>{SWEEP_NOTE}</p>")
    over_seeds = group_grid(comparison, settings)
    best = over_seeds or runs
    parts.append(replace(best, rows=best.rows[:MAX_ROWS]).html())
    if over_seeds is not None and len(over_seeds.rows) > MAX_ROWS:
        parts.append(f"<details><summary>All {len(over_seeds.rows)} settings</summary>{over_seeds.html()}</details>")
    if best is not runs or len(runs.rows) > MAX_ROWS:
        parts.append(f"<details><summary>Each of {len(runs.rows)} runs</summary>{runs.html()}</details>")
    if note:
        parts.append(f"<p class=note>{escape(note)}.</p>")
    return "".join(parts)


def length_section(comparison: Comparison) -> str:
    """The primary figure for short to long examples; not of spans, whose windows are as long as they were cut."""
    if is_of_spans(comparison.reports[0]):
        return ""
    picture = figure(by_length(comparison), LENGTH_CAPTION)
    return key(comparison) + picture if picture else ""


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


def confusion_section(comparison: Comparison) -> str:
    """Which symbols were taken for which, for the baseline and the best runs."""
    colours, dots = coloured(comparison), swatches(comparison)
    parts: list[str] = []
    caption = KIND_CAPTION if is_of_spans(comparison.reports[0]) else CONFUSION_CAPTION
    for n, found in confused(comparison).items():
        picture = figure(confusion_map(found, colours[n], str(n)), caption)
        table = f"<div>{confusion_grid(found).html()}</div>"
        parts.append(
            f"<details{'' if parts else ' open'}><summary>{dots[n]}{escape(comparison.labels[n])}: "
            f"{found.num_errors:,} errors</summary><div class=beside>{picture}{table}</div></details>"
        )
    if parts and len(comparison.reports) > MAX_CONFUSED:
        parts.append(f"<p class=note>{MAX_CONFUSED} of {len(comparison.reports)} runs.</p>")
    return "".join(parts)


def inside_section(comparison: Comparison) -> str:
    """What is said of frames in and out of spans, and what it is worth."""
    found = told_frames(comparison)
    if not found:
        return ""
    grid = frame_grid([comparison.labels[n] for n in found], list(found.values()))
    panels = panel_figures(inside_panels(comparison, found))
    return f"{key(comparison)}{panels}<p class=note>{INSIDE_NOTE}</p>{grid.html()}"


def matrix_section(matrix: Grid | None) -> str:
    """The test matrix: what was run, with what, and what came of it."""
    return "" if matrix is None else f"<div class=matrix>{matrix.html()}</div>"


def _figures(heads: str, rows: Sequence[str]) -> str:
    head, body = f"<thead><tr>{heads}</tr></thead>", f"<tbody>{''.join(rows)}</tbody>"
    return f"<div class=scroll><table class=figures>{head}{body}</table></div>"
