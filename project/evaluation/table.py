"""The closing table: one row a run, for the terminal and in Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rich.text import Text

from project.evaluation.comparison import Comparison, Delta
from project.evaluation.fitted_table import FittedTable
from project.evaluation.grid import SPECIAL, markdown_row
from project.evaluation.result import Report
from project.evaluation.verdict import delta_text, figure_text, is_percent, title_of, verdicts

KINDS = ("substitutions", "deletions", "insertions")
MOST_ACROSS = 4  # figures beside each other in the terminal
NO_COUNTS = "-"
COLOURS = {"better": "green", "worse": "red", "undecided": "dim"}


@dataclass(frozen=True, slots=True)
class Line:
    """One run as the table shows it."""

    label: str
    figures: tuple[str, ...]
    counts: str  # substitutions / deletions / insertions of the primary figure
    num_examples: str
    delta: str
    verdict: str  # "" for the baseline


def lines(comparison: Comparison) -> list[Line]:
    """The rows of the table, in the order the runs were given."""
    return [
        Line(
            label=label,
            figures=tuple(figure_text(report, name) for name in comparison.figures),
            counts=counts_text(report, comparison.primary),
            num_examples=_size(report),
            delta=_delta(comparison, n, delta),
            verdict=delta[comparison.primary].verdict if delta else "",
        )
        for n, (label, report, delta) in enumerate(
            zip(comparison.labels, comparison.reports, comparison.deltas, strict=True)
        )
    ]


def headings(comparison: Comparison) -> list[str]:
    """What stands above the columns."""
    shown = [f"{title_of(name)} [95 %]" for name in comparison.figures]
    against = [] if comparison.baseline is None else [f"{title_of(comparison.primary)} against baseline"]
    counted = ["S / D / I"] if has_counts(comparison) else []
    return ["run", *shown, *counted, "examples", *against]


def has_counts(comparison: Comparison) -> bool:
    """Whether the primary figure is made of substitutions, deletions and insertions."""
    return any(counts_text(report, comparison.primary) != NO_COUNTS for report in comparison.reports)


def cells(line: Line, comparison: Comparison) -> list[str]:
    """A row's texts, under those headings."""
    counts = [line.counts] if has_counts(comparison) else []
    delta = [] if comparison.baseline is None else [line.delta]
    return [line.label, *line.figures, *counts, line.num_examples, *delta]


def terminal(comparison: Comparison) -> FittedTable:
    """The table for rich to print: a row a run, or where there are many figures a row a figure."""
    rows = [[Text(text) for text in cells(line, comparison)] for line in lines(comparison)]
    for line, texts in zip(lines(comparison), rows, strict=True):
        if comparison.baseline is not None:
            texts[-1].stylize(COLOURS.get(line.verdict, ""))
    heads = tuple(Text(heading) for heading in headings(comparison))
    caption = Text("\n".join(comparison.head), style="yellow") if comparison.head else None
    table = FittedTable(heads, tuple(map(tuple, rows)), caption=caption, may_turn=True)
    return table.turned() if len(comparison.figures) > MOST_ACROSS else table


def markdown(comparison: Comparison) -> str:
    """The verdicts and the table as Markdown."""
    found = [
        f"- {verdict.text.translate(SPECIAL)}"
        + (f" ({verdict.evidence.translate(SPECIAL)})" if verdict.evidence else "")
        for verdict in verdicts(comparison)
    ]
    heads = headings(comparison)
    rule = ["---", *["---:"] * (len(heads) - 1)]
    body = [cells(line, comparison) for line in lines(comparison)]
    rows = [markdown_row([text.translate(SPECIAL) for text in row]) for row in (heads, *body)]
    rows.insert(1, markdown_row(rule))
    return "\n".join([*found, "", *rows]) + "\n"


def counts_text(report: Report, name: str) -> str:
    """Substitutions / deletions / insertions, counted, or a dash where the metric has none."""
    columns = [f"{name}_{kind}" for kind in KINDS]
    if not all(column in report.rows[0].columns for column in columns):
        return NO_COUNTS
    return " / ".join(f"{sum(row.columns[column] for row in report.rows):,.0f}" for column in columns)


def _size(report: Report) -> str:
    return f"{len(report.rows):,}" if report.protocol.is_complete else report.protocol.coverage


def _delta(comparison: Comparison, n: int, delta: Mapping[str, Delta]) -> str:
    if comparison.baseline is None:
        return ""
    if n == comparison.baseline:
        return "baseline"
    return delta_text(delta[comparison.primary], is_percent(comparison.reports[n], comparison.primary))
