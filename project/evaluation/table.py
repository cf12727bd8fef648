"""The closing table: one row a run, for the terminal and in Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rich import box
from rich.table import Table
from rich.text import Text

from project.evaluation.comparison import Comparison, Delta
from project.evaluation.grid import SPECIAL, markdown_row
from project.evaluation.result import Report
from project.evaluation.verdict import delta_text, figure_text, is_percent, title_of, verdicts

KINDS = ("substitutions", "deletions", "insertions")
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
    return ["run", *shown, "S / D / I", "examples", *against]


def cells(line: Line, with_delta: bool) -> list[str]:
    """A row's texts, under those headings."""
    return [line.label, *line.figures, line.counts, line.num_examples, *([line.delta] if with_delta else [])]


def terminal(comparison: Comparison) -> Table:
    """The table for rich to print."""
    table = Table(box=box.SIMPLE_HEAD, caption="\n".join(comparison.head) or None, caption_style="yellow")
    for n, heading in enumerate(headings(comparison)):
        table.add_column(Text(heading), justify="left" if n == 0 else "right", overflow="fold")
    for line in lines(comparison):
        texts = [Text(text) for text in cells(line, comparison.baseline is not None)]
        if comparison.baseline is not None:
            texts[-1].stylize(COLOURS.get(line.verdict, ""))
        table.add_row(*texts)
    return table


def markdown(comparison: Comparison) -> str:
    """The verdicts and the table as Markdown."""
    found = [
        f"- {verdict.text.translate(SPECIAL)}"
        + (f" ({verdict.evidence.translate(SPECIAL)})" if verdict.evidence else "")
        for verdict in verdicts(comparison)
    ]
    heads = headings(comparison)
    rule = ["---", *["---:"] * (len(heads) - 1)]
    body = [cells(line, comparison.baseline is not None) for line in lines(comparison)]
    rows = [markdown_row([text.translate(SPECIAL) for text in row]) for row in (heads, *body)]
    rows.insert(1, markdown_row(rule))
    return "\n".join([*found, "", *rows]) + "\n"


def counts_text(report: Report, name: str) -> str:
    """Substitutions / deletions / insertions, counted, or a dash where the metric has none."""
    columns = [f"{name}_{kind}" for kind in KINDS]
    if not all(column in report.rows[0].columns for column in columns):
        return "-"
    return " / ".join(f"{sum(row.columns[column] for row in report.rows):,.0f}" for column in columns)


def _size(report: Report) -> str:
    return f"{len(report.rows):,}" if report.protocol.is_complete else report.protocol.coverage


def _delta(comparison: Comparison, n: int, delta: Mapping[str, Delta]) -> str:
    if comparison.baseline is None:
        return ""
    if n == comparison.baseline:
        return "baseline"
    return delta_text(delta[comparison.primary], is_percent(comparison.reports[n], comparison.primary))
