"""Confusion of symbols: which were taken for which, which were left out, and which were put in.

It counts the errors that the primary figure counts, along the same alignments: characters, or words and other symbols
set apart by spaces. Where one error can be told in two ways, the alignment has chosen one. Of spans it counts kinds:
of pairs that overlap by half or more, and of those that have no partner.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from project.evaluation.comparison import Comparison
from project.evaluation.example import symbols_of
from project.evaluation.grid import Grid
from project.evaluation.result import Report
from project.evaluation.span_report import is_of_spans, matched
from project.metric.edit import align

MAX_PAIRS = 14  # in a table
MAX_CONFUSED = 3  # runs: the baseline and the best
NOTHING = "(nothing)"
SPACE = "␣"

Pair = tuple[str | None, str | None]  # what was wanted and what was recognized; None is nothing


@dataclass(frozen=True)
class Confusion:
    """Errors of one run by the symbols they are about."""

    counts: Mapping[Pair, int]
    wanted: Mapping[str, int]  # how often each symbol stands in the references

    @cached_property
    def num_errors(self) -> int:
        """All errors together, as many as the metric counted."""
        return sum(self.counts.values())

    @cached_property
    def symbols(self) -> list[str]:
        """All symbols there are, wanted or put in, in order."""
        return sorted({*self.wanted, *(heard for _, heard in self.counts if heard is not None)})

    def pairs(self) -> list[tuple[Pair, int]]:
        """Pairs, the most frequent first."""
        return sorted(self.counts.items(), key=lambda item: (-item[1], str(item[0])))


def confusion(report: Report) -> Confusion | None:
    """The errors of a report by symbol; None where its primary figure counts no symbols that rows could show."""
    if is_of_spans(report):
        return _of_kinds(report)
    if f"{report.primary}_substitutions" not in report.rows[0].columns:
        return None
    split = symbols_of(report)
    if split is None:
        return None
    counts: Counter[Pair] = Counter()
    wanted: Counter[str] = Counter()
    for row in report.rows:
        reference, hypothesis = split(row.reference), split(row.hypothesis)
        wanted.update(reference)
        if row.reference != row.hypothesis:
            steps = align(reference=reference, hypothesis=hypothesis)
            counts.update((_text(left), _text(right)) for kind, left, right in steps if kind != "equal")
    return Confusion(counts, wanted)


def _of_kinds(report: Report) -> Confusion:
    pairs = [
        (wanted.kind if wanted else None, said.kind if said else None)
        for row in report.rows
        for wanted, said in matched(row)
    ]
    wanted = Counter(kind for kind, _ in pairs if kind is not None)
    return Confusion(Counter(pair for pair in pairs if pair[0] != pair[1]), wanted)


def confused(comparison: Comparison) -> dict[int, Confusion]:
    """Position -> confusion, of the baseline and the best runs."""
    found = {n: confusion(comparison.reports[n]) for n in comparison.leaders(MAX_CONFUSED)}
    return {n: one for n, one in found.items() if one is not None and one.counts}


def confusion_grid(found: Confusion) -> Grid:
    """The most frequent pairs, and their share of all errors and of the symbols wanted."""
    rows = []
    for (left, right), count in found.pairs()[:MAX_PAIRS]:
        of_wanted = "" if left is None else f"{100 * count / found.wanted[left]:.1f} %"
        rows.append((visible(left), visible(right), f"{count:,}", f"{100 * count / found.num_errors:.1f} %", of_wanted))
    left_over = len(found.counts) - MAX_PAIRS
    notes = [f"{left_over:,} rarer pairs"] if left_over > 0 else []
    heads = ("wanted", "recognized", "times", "of errors", "of wanted")
    return Grid("Most frequent errors", heads, tuple(rows), tuple(notes))


def visible(symbol: str | None) -> str:
    """A symbol as it can be seen: a space has a sign, and nothing has one too.

    >>> visible("K"), visible(" "), visible(None)
    ('K', '␣', '(nothing)')
    """
    return NOTHING if symbol is None else symbol.replace(" ", SPACE)


def _text(symbol: object) -> str | None:
    return None if symbol is None else str(symbol)
