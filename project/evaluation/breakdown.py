"""The primary figure in parts of the test set: by how long the texts are, and by group (speaker, station).

Every run's parts are the same, so that its figures can be read along a row. It does not say why a part is harder.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from project.evaluation.comparison import Comparison, better
from project.evaluation.example import counts_words
from project.evaluation.grid import Grid
from project.evaluation.result import Report
from project.evaluation.span_report import is_of_spans
from project.evaluation.strata import Cell, Strata, cell, of_quantity
from project.evaluation.verdict import is_percent, number_text, title_of
from project.metric.direction import shortfall
from project.text.span_notation import read_spans

MAX_GROUPS = 20  # rows of a table of groups; beyond, the hardest ones and the easiest
MIN_EXAMPLES = 8  # fewer are not cut by length


def length_table(comparison: Comparison, positions: Sequence[int]) -> Grid | None:
    """The primary figure by length of the reference, one column a run; None where there is nothing to cut."""
    first = comparison.reports[positions[0]]
    lengths = reference_lengths(first)
    if not _is_ratio(comparison) or len(lengths) < MIN_EXAMPLES or len(set(lengths)) < 2:
        return None
    strata = of_quantity(lengths)
    shown = [comparison.reports[n] for n in positions]
    columns = [figures(report, comparison.primary, strata, reference_lengths(report)) for report in shown]
    symbols = "words" if counts_words(first) else "characters"
    if is_of_spans(first):
        symbols = "frames in spans"
    counts = [len(members) for members in strata.members(lengths)]
    return _grid(comparison, positions, f"length ({symbols})", strata.labels, counts, columns)


def group_table(comparison: Comparison, positions: Sequence[int]) -> Grid | None:
    """The primary figure by group, the hardest for the first run on top; None with fewer than two groups."""
    first = comparison.reports[positions[0]]
    groups = [row.group for row in first.rows]
    names = sorted({group for group in groups if group is not None})
    if not _is_ratio(comparison) or len(names) < 2:
        return None
    strata = Strata(tuple(names), tuple(map(float, range(len(names)))), kinds={name: n for n, name in enumerate(names)})
    reports = [comparison.reports[n] for n in positions]
    columns = [figures(one, comparison.primary, strata, [row.group for row in one.rows]) for one in reports]
    direction = better(first, comparison.primary)
    known = [n for n, part in enumerate(columns[0]) if part is not None]
    order = sorted(known, key=lambda n: (-shortfall(_value(columns[0][n]), direction), names[n]))
    half = MAX_GROUPS // 2
    shown = order if len(order) <= MAX_GROUPS else [*order[:half], *order[-half:]]
    counts = [len(members) for members in strata.members(groups)]
    notes = [_spread(comparison, n, column) for n, column in zip(positions, columns, strict=True)]
    if len(shown) < len(names):
        notes.append(f"{len(names) - len(shown):,} groups between the {half} hardest and the {half} easiest left out")
    parts = [[column[n] for n in shown] for column in columns]
    return _grid(
        comparison, positions, "group", [names[n] for n in shown], [counts[n] for n in shown], parts, tuple(notes)
    )


def figures(
    report: Report, name: str, strata: Strata, values: Sequence[float] | Sequence[str | None]
) -> list[Cell | None]:
    """One run's figure in each part; `values` say of each example which part it belongs to, in the rows' order."""
    above_N, below_N = (np.array(counts) for counts in report.measures[name].counts(report.rows))
    groups = [row.group for row in report.rows]
    members = strata.members(values)
    return [cell(above_N[part], below_N[part], [groups[n] for n in part]) for part in members]


def reference_lengths(report: Report) -> list[float]:
    """How long each reference is, as the primary figure counts: in words, in characters, or in frames of its spans."""
    if is_of_spans(report):
        marks = (read_spans(row.reference) for row in report.rows)
        return [float(sum(mark.end - mark.start for mark in one)) for one in marks]
    by_word = counts_words(report)
    return [float(len(row.reference.split() if by_word else row.reference)) for row in report.rows]


def _is_ratio(comparison: Comparison) -> bool:
    measure = comparison.reports[0].measures.get(comparison.primary)
    return bool(measure and measure.is_ratio)


def _value(part: Cell | None) -> float:
    assert part is not None
    return part.value


def _spread(comparison: Comparison, n: int, column: Sequence[Cell | None]) -> str:
    """How much groups differ, in a line: the middle one and the ends."""
    values = [part.value for part in column if part is not None]
    percent = is_percent(comparison.reports[n], comparison.primary)
    low, middle, high = (number_text(float(q), percent) for q in np.quantile(values, [0, 0.5, 1]))
    return f"{comparison.labels[n]}: from {low} to {high}, the median group {middle}"


def _grid(
    comparison: Comparison,
    positions: Sequence[int],
    heading: str,
    labels: Sequence[str],
    counts: Sequence[int],
    columns: Sequence[Sequence[Cell | None]],
    notes: tuple[str, ...] = (),
) -> Grid:
    percent, name = is_percent(comparison.reports[0], comparison.primary), title_of(comparison.primary)
    rows = tuple(
        (label, f"{count:,}", *(_text(column[place], percent) for column in columns))
        for place, (label, count) in enumerate(zip(labels, counts, strict=True))
    )
    heads = (f"{comparison.labels[n]} [95 %]" for n in positions)
    return Grid(f"{name} by {heading}", (heading, "examples", *heads), rows, notes)


def _text(part: Cell | None, percent: bool) -> str:
    if part is None:
        return "-"
    text = f"{number_text(part.value, percent)}{' %' if percent else ''}"
    if part.interval is None:
        return text
    low, high = (number_text(end, percent) for end in part.interval)
    return f"{text} [{low}, {high}]"
