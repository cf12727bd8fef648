"""Runs side by side, where they may be compared: the same Protocol, and differences with their intervals."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from difflib import get_close_matches
from typing import Any

from project.contract import InputError
from project.evaluation.interval import Interval, difference_interval, resampling_unit
from project.evaluation.protocol import Protocol
from project.evaluation.result import Report

FIELDS = tuple(field.name for field in fields(Protocol))
NAMED_PAIRS = 3  # refused pairs that a message spells out


@dataclass(frozen=True, slots=True)
class Delta:
    """One run's figure minus the baseline's."""

    value: float
    interval: Interval | None  # None where the two cannot be paired example by example
    better: str  # "lower" or "higher"

    @property
    def verdict(self) -> str:
        """ "better", "worse", or "undecided" while the interval holds 0."""
        if self.interval is None or self.interval[0] <= 0 <= self.interval[1]:
            return "undecided"
        return "better" if (self.value < 0) == (self.better == "lower") else "worse"


@dataclass(frozen=True, slots=True)
class Allowed:
    """A difference between Protocols that was compared anyway."""

    label: str  # of the run that differs from the first, or from the baseline
    field: str
    expected: Any
    found: Any


@dataclass(frozen=True, slots=True)
class Comparison:
    """Reports that may stand in one table."""

    reports: tuple[Report, ...]
    labels: tuple[str, ...]  # one a report, all distinct
    figures: tuple[str, ...]  # that all of them have; the first is the primary one
    baseline: int | None  # which of the reports
    deltas: tuple[Mapping[str, Delta], ...]  # one a report, by figure; empty for the baseline and without one
    allowed: tuple[Allowed, ...]
    unit: str  # what was drawn for the differences: "example" or "group"

    @property
    def primary(self) -> str:
        return self.figures[0]

    @property
    def head(self) -> list[str]:
        """What must be said above any table of this: differences let pass, and examples left out."""
        notes = [
            f"Compared in spite of {entry.field}: {_short(entry.expected)}, and {_short(entry.found)} in {entry.label}"
            for entry in self.allowed
        ]
        partial = dict.fromkeys(report.protocol.coverage for report in self.reports if not report.protocol.is_complete)
        return notes + [f"Coverage {coverage}" for coverage in partial]

    def ranking(self) -> list[int]:
        """Positions of the reports, best primary figure first."""
        sign = -1 if better(self.reports[0], self.primary) == "higher" else 1
        return sorted(range(len(self.reports)), key=lambda n: sign * self.reports[n].metrics[self.primary])

    def leaders(self, limit: int) -> list[int]:
        """Positions of the baseline and the best of the others, at most so many, in the order they were given."""
        base = [] if self.baseline is None else [self.baseline]
        return sorted([*base, *(n for n in self.ranking() if n not in base)][:limit])


def compare(reports: Sequence[Report], baseline: Report | None = None, allow: Sequence[str] = ()) -> Comparison:
    """Puts reports side by side, or refuses: their Protocols must be equal but for the fields allowed to differ.

    `allow` holds names of fields ("decode") or of single settings ("decode.size").
    """
    if not reports:
        raise InputError("nothing to compare: name one run or more, as in runs=[runs/a,runs/b]")
    _check_allow(allow)
    if baseline is not None and not any(report is baseline for report in reports):
        reports = [baseline, *reports]
    first = reports[0] if baseline is None else baseline
    index = None if baseline is None else next(n for n, report in enumerate(reports) if report is baseline)
    labels = name_reports(reports)
    allowed = _check_protocols(first, reports, labels, allow)
    shown = _shared_figures(first, reports)
    unit = resampling_unit([row.group for row in first.rows])
    deltas = tuple(
        {} if baseline is None or report is baseline else {name: difference(report, baseline, name) for name in shown}
        for report in reports
    )
    return Comparison(tuple(reports), labels, shown, index, deltas, allowed, unit)


def difference(mine: Report, baseline: Report, name: str) -> Delta:
    """How far one figure is from the baseline's, with an interval if both scored the same examples."""
    value, direction = mine.metrics[name] - baseline.metrics[name], better(baseline, name)
    measure, rows = baseline.measures.get(name), {row.id: row for row in mine.rows}
    if measure is None or not measure.is_ratio or rows.keys() != {row.id for row in baseline.rows}:
        return Delta(value, None, direction)
    paired = [rows[row.id] for row in baseline.rows]
    groups = [row.group for row in baseline.rows]
    by_group = resampling_unit(groups) == "group"
    interval = difference_interval(measure.counts(paired), measure.counts(baseline.rows), groups if by_group else None)
    return Delta(value, interval, direction)


def better(report: Report, name: str) -> str:
    """Whether lower or higher is better for a figure."""
    measure = report.measures.get(name)
    return measure.better if measure else "lower"


def main_figures(names: Sequence[str]) -> tuple[str, ...]:
    """Names that are not the detail of another.

    >>> main_figures(["cer", "cer_substitutions", "cer_deletions", "wer", "exact_match"])
    ('cer', 'wer', 'exact_match')
    """
    return tuple(name for name in names if not any(name.startswith(f"{other}_") for other in names))


def name_reports(reports: Sequence[Report]) -> tuple[str, ...]:
    """A distinct label for each: the run's name, and what differs in the Protocol where one run is there twice."""
    counts = Counter(report.run for report in reports)
    labels: list[str] = []
    for report in reports:
        label = report.run
        if counts[label] > 1:
            others = [other.protocol for other in reports if other.run == report.run and other is not report]
            found = [difference for other in others for difference in report.protocol.differences(other)]
            settings = dict.fromkeys(f"{name}={_short(mine)}" for name, mine, _ in found)
            label = f"{label} ({', '.join(settings)})" if settings else label
        if label in labels:
            label = f"{label} #{labels.count(label) + 1 + sum(name.startswith(f'{label} #') for name in labels)}"
        labels.append(label)
    return tuple(labels)


def _check_allow(allow: Sequence[str]) -> None:
    for name in allow:
        if name.split(".")[0] not in FIELDS:
            near = get_close_matches(name, FIELDS, 1)
            hint = f": did you mean {near[0]}?" if near else f": its fields are {', '.join(FIELDS)}"
            raise InputError(f"allow={name} is no field of a Protocol{hint}")


def _check_protocols(
    first: Report, reports: Sequence[Report], labels: Sequence[str], allow: Sequence[str]
) -> tuple[Allowed, ...]:
    refused: dict[str, list[str]] = {}
    allowed: list[Allowed] = []
    roots: dict[str, None] = {}
    for report, label in zip(reports, labels, strict=True):
        for name, expected, found in first.protocol.differences(report.protocol):
            if any(name == entry or name.startswith(f"{entry}.") for entry in allow):
                allowed.append(Allowed(label, name, expected, found))
            else:
                refused.setdefault(label, []).append(f"{name} ({_short(expected)} against {_short(found)})")
                roots[name.split(".")[0]] = None
    if refused:
        name = labels[next(n for n, report in enumerate(reports) if report is first)]
        pairs = [f"{label} differs from {name} in {', '.join(found)}" for label, found in refused.items()]
        more = f"; and {len(pairs) - NAMED_PAIRS} more" if len(pairs) > NAMED_PAIRS else ""
        raise InputError(
            f"these runs were not evaluated alike: {'; '.join(pairs[:NAMED_PAIRS])}{more}: "
            f"evaluate them alike, or compare anyway with allow=[{','.join(roots)}]"
        )
    return tuple(allowed)


def _shared_figures(first: Report, reports: Sequence[Report]) -> tuple[str, ...]:
    shared = main_figures([name for name in first.metrics if all(name in report.metrics for report in reports)])
    if not shared:
        raise InputError("these runs have no figure in common: evaluate them with the same metrics")
    for report in reports:
        for name in shared:
            if report.measures.get(name) != first.measures.get(name):
                raise InputError(f"{report.run} and {first.run} reckon {name} differently: evaluate both again")
    return shared


def _short(value: Any, limit: int = 40) -> str:
    text = str(value)
    return text if len(text) <= limit else f"{text[: limit - 3]}..."
