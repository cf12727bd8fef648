"""Figures by condition: how the primary figure goes with what the manifest says of its examples, like noise or speed.

It does not know what a condition means: numbers are cut into parts, texts are kinds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np

from project.contract import InputError
from project.evaluation.comparison import Comparison
from project.evaluation.grid import Grid
from project.evaluation.result import Report
from project.evaluation.strata import MAX_KINDS, Cell, Strata, Value, cell, of_kinds, of_quantity
from project.evaluation.verdict import is_percent, number_text, title_of

GROUP = "group"  # the manifest's own column can be asked for as well


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing that examples differ in, cut into parts, and each shown run's figure in each part."""

    name: str
    is_quantity: bool
    strata: Strata
    cells: Mapping[int, Sequence[Cell | None]]  # position of a report -> one a part
    counts: tuple[int, ...]  # examples in each part
    num_absent: int  # examples of which the manifest does not say it
    values: tuple[float, ...] = ()  # of a quantity, all of them


def names_of(comparison: Comparison, positions: Sequence[int]) -> list[str]:
    """What the reports' examples say of their conditions, in the manifest's order; `group` last, if they have one."""
    names = dict.fromkeys(name for n in positions for row in comparison.reports[n].rows for name in row.meta)
    groups = any(row.group is not None for row in comparison.reports[positions[0]].rows)
    return [*(name for name in names if name != GROUP), *([GROUP] if groups else [])]


def check(comparison: Comparison, wanted: Sequence[str], positions: Sequence[int]) -> None:
    """Refuse conditions that no report has."""
    known = names_of(comparison, positions)
    for name in wanted:
        if name in known:
            continue
        if not known:
            raise InputError(
                f"by={name}: these reports say nothing of conditions: their manifest has no such column, or they were "
                f"made before reports kept them: evaluate the runs again"
            )
        near = get_close_matches(name, known, 1)
        hint = f"did you mean {near[0]}?" if near else f"choose from {', '.join(known)}"
        raise InputError(f"by={name}: the evaluated examples have no such condition: {hint}")


def condition(comparison: Comparison, name: str, positions: Sequence[int]) -> Condition | str:
    """The runs' primary figure by one condition, or one line that says why there is none."""
    measure = comparison.reports[0].measures.get(comparison.primary)
    if measure is None or not measure.is_ratio:
        return f"{name}: {title_of(comparison.primary)} is no ratio of counts, so parts of the examples have no figure"
    columns = {n: _values(comparison, n, name, positions) for n in positions}
    given = [value for column in columns.values() for value in column if value is not None]
    if not given:
        return f"{name}: no example says it"
    is_quantity = not any(isinstance(value, str) for value in given)
    if not is_quantity:
        columns = {n: [_kind(value) for value in column] for n, column in columns.items()}
        given = [str(_kind(value)) for value in given]
    distinct = set(given)
    if len(distinct) == 1:
        return f"{name}: {_kind(given[0])} in all examples, so there is nothing to tell apart"
    if not is_quantity and len(distinct) > max(MAX_KINDS, len(columns[positions[0]]) / 2):
        return f"{name}: {len(distinct):,} different values, hardly two examples share one"
    strata = of_quantity(given, len(positions)) if is_quantity else of_kinds(given)  # type: ignore[arg-type]
    first = columns[positions[0]]
    return Condition(
        name,
        is_quantity,
        strata,
        {n: _cells(comparison.reports[n], comparison.primary, strata, columns[n]) for n in positions},
        tuple(len(members) for members in strata.members(first)),
        sum(value is None for value in first),
        tuple(float(value) for value in first if value is not None) if is_quantity else (),
    )


def condition_grid(comparison: Comparison, found: Condition) -> Grid:
    """The table: one row a part, one column a run."""
    name, percent = comparison.primary, is_percent(comparison.reports[0], comparison.primary)
    rows = tuple(
        (label, f"{found.counts[place]:,}", *(_text(cells[place], percent) for cells in found.cells.values()))
        for place, label in enumerate(found.strata.labels)
    )
    notes = [f"{found.num_absent:,} examples without {found.name} are left out"] if found.num_absent else []
    if len(found.cells) < len(comparison.reports):
        notes.append(f"{len(found.cells)} of {len(comparison.reports)} runs: the baseline and the best")
    heads = (f"{comparison.labels[n]} [95 %]" for n in found.cells)
    title = f"{title_of(name)} by {found.name}"
    return Grid(title, (found.name, "examples", *heads), rows, tuple(notes))


def _values(comparison: Comparison, n: int, name: str, positions: Sequence[int]) -> list[Value | None]:
    """One run's column; what an older report does not say, another one of the same manifest does."""
    report = comparison.reports[n]
    if name == GROUP:
        return [row.group for row in report.rows]
    if any(row.meta for row in report.rows):
        return [row.meta.get(name) for row in report.rows]
    same = (comparison.reports[other] for other in positions)
    alike = (other for other in same if other.protocol.manifest_hash == report.protocol.manifest_hash)
    known = {row.id: row.meta for other in alike for row in other.rows if row.meta}
    return [known.get(row.id, {}).get(name) for row in report.rows]


def _cells(report: Report, name: str, strata: Strata, values: Sequence[Value | None]) -> list[Cell | None]:
    above_N, below_N = (np.array(counts) for counts in report.measures[name].counts(report.rows))
    groups = [row.group for row in report.rows]
    parts = strata.members(values)
    return [cell(above_N[members], below_N[members], [groups[n] for n in members]) for members in parts]


def _kind(value: Value | None) -> str | None:
    return f"{value:g}" if isinstance(value, int | float) else value


def _text(part: Cell | None, percent: bool) -> str:
    if part is None:
        return "-"
    unit = " %" if percent else ""
    text = f"{number_text(part.value, percent)}{unit}"
    if part.interval is None:
        return text
    low, high = (number_text(end, percent) for end in part.interval)
    return f"{text} [{low}, {high}]"
