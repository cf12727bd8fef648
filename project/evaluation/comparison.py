"""Runs side by side, where they may be compared: the same Protocol, and differences with their intervals and tests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from typing import Any

from project.contract import InputError
from project.evaluation.interval import Interval, difference_interval, resampling_unit
from project.evaluation.mapsswe import MatchedPairs, matched_pairs
from project.evaluation.power import ALPHA, Sensitivity, sensitivity
from project.evaluation.protocol import Protocol
from project.evaluation.result import Report
from project.evaluation.significance import exchange_test
from project.metric.direction import shortfall

FIELDS = tuple(field.name for field in fields(Protocol))
NAMED_PAIRS = 3  # refused pairs that a message spells out


@dataclass(frozen=True, slots=True)
class Delta:
    """One run's figure minus the baseline's; of a figure whose best is 1, the difference of distances from there."""

    value: float
    interval: Interval | None  # None where the two cannot be paired example by example
    better: str  # "lower", "higher" or "one"
    p_value: float | None = None  # of the matched-pair test; None where there is no interval
    sensitivity: Sensitivity | None = None  # how small a difference these examples can show
    matched: MatchedPairs | None = None  # what others quote beside it, of error rates that lead; it decides nothing

    @property
    def verdict(self) -> str:
        """ "better" or "worse" where interval and test agree that it is no chance, otherwise "undecided".

        The interval alone takes four differing examples that all go one way for a proof, and with eight groups is a
        little too narrow. The test alone says nothing of sizes.
        """
        if self.interval is None or self.interval[0] <= 0 <= self.interval[1]:
            return "undecided"
        if self.p_value is not None and self.p_value > ALPHA:
            return "undecided"
        return "better" if (self.value < 0) == (self.better != "higher") else "worse"


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
        where: dict[tuple[str, str, str], list[str]] = {}
        for one in self.allowed:
            where.setdefault((one.field, _short(one.expected), _short(one.found)), []).append(one.label)
        notes = [
            f"Compared in spite of {name}: {expected}, and {found} in "
            + (labels[0] if len(labels) == 1 else f"{len(labels)} others")
            for (name, expected, found), labels in where.items()
        ]
        partial = dict.fromkeys(report.protocol.coverage for report in self.reports if not report.protocol.is_complete)
        return notes + [f"Coverage {coverage}" for coverage in partial]

    def ranking(self) -> list[int]:
        """Positions of the reports, best primary figure first."""
        direction = better(self.reports[0], self.primary)
        figures = [shortfall(report.metrics[self.primary], direction) for report in self.reports]
        return sorted(range(len(figures)), key=figures.__getitem__)

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
    ordered = tuple(_led_by(report, shown[0]) for report in reports)
    deltas = tuple(
        {} if index is None or n == index else _differences(report, ordered[index], shown)
        for n, report in enumerate(ordered)
    )
    return Comparison(ordered, labels, shown, index, deltas, allowed, unit)


def _differences(mine: Report, baseline: Report, names: Sequence[str]) -> dict[str, Delta]:
    """Of each figure; of the first, their primary one, also how they differ along the texts."""
    found = {name: difference(mine, baseline, name) for name in names}
    first = found[names[0]]
    if first.interval is not None:
        found[names[0]] = replace(first, matched=matched_pairs(mine, baseline))
    return found


def difference(mine: Report, baseline: Report, name: str) -> Delta:
    """How far one figure is from the baseline's, with an interval and a test if both scored the same examples."""
    direction = better(baseline, name)
    value = mine.metrics[name] - baseline.metrics[name]
    if direction == "one":
        value = shortfall(mine.metrics[name], direction) - shortfall(baseline.metrics[name], direction)
    measure, rows = baseline.measures.get(name), {row.id: row for row in mine.rows}
    if measure is None or not measure.is_ratio or len(rows) < 2 or rows.keys() != {row.id for row in baseline.rows}:
        return Delta(value, None, direction)
    groups = [row.group for row in baseline.rows]
    drawn = groups if resampling_unit(groups) == "group" else None
    pair = measure.counts([rows[row.id] for row in baseline.rows]), measure.counts(baseline.rows)
    target = 1.0 if direction == "one" else None
    interval, p_value = difference_interval(*pair, drawn, target=target), exchange_test(*pair, drawn, target=target)
    return Delta(value, interval, direction, p_value, None if target else sensitivity(*pair, drawn))


def better(report: Report, name: str) -> str:
    """Whether lower or higher is better for a figure, or "one": the nearest to 1."""
    measure = report.measures.get(name)
    return measure.better if measure else "lower"


def main_figures(names: Sequence[str], metrics: Collection[str] = ()) -> tuple[str, ...]:
    """Names that are not the detail of another; those of `metrics` stand for themselves.

    >>> main_figures(["per", "per_substitutions", "per_deletions", "per_good", "exact_match"], ["per", "per_good"])
    ('per', 'per_good', 'exact_match')
    """
    return tuple(name for name in names if name in metrics or not any(name.startswith(f"{other}_") for other in names))


def name_reports(reports: Sequence[Report]) -> tuple[str, ...]:
    """A distinct label for each: the run's name, and what differs in the Protocol where one run is there twice."""
    counts = Counter(report.run for report in reports)
    labels: list[str] = []
    for report in reports:
        label = report.run
        if counts[label] > 1:
            others = [other.protocol for other in reports if other.run == report.run and other is not report]
            found = [difference for other in others for difference in report.protocol.differences(other)]
            said = dict.fromkeys(_said_of(name, mine) for name, mine, _ in found)
            settings = [one for one in said if one]
            label = f"{label} ({', '.join(settings)})" if settings else label
        if label in labels:
            label = f"{label} #{labels.count(label) + 1 + sum(name.startswith(f'{label} #') for name in labels)}"
        labels.append(label)
    return tuple(labels)


def _said_of(name: str, value: Any) -> str:
    """A setting of a Protocol in a label; of adapters, whether they were left out.

    >>> _said_of("decode.size", 10), _said_of("adapter.lora.active", False), _said_of("adapter.lora.active", True)
    ('decode.size=10', 'without adapter', '')
    """
    if not name.startswith("adapter."):
        return f"{name}={_short(value)}"
    return "without adapter" if name.endswith(".active") and value is False else ""


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
    common = [name for name in first.metrics if all(name in report.metrics for report in reports)]
    shared = main_figures(common, first.info.get("metric", {}))
    if not shared:
        raise InputError("these runs have no figure in common: evaluate them with the same metrics")
    for report in reports:
        for name in shared:
            definitions = [one.info.get("metric", {}).get(name) for one in (report, first)]
            if report.measures.get(name) != first.measures.get(name) or (
                None not in definitions and definitions[0] != definitions[1]
            ):
                raise InputError(f"{report.run} and {first.run} reckon {name} differently: evaluate both again")
    return shared


def _led_by(report: Report, name: str) -> Report:
    """The Report with that figure first, which decides here."""
    if report.primary == name:
        return report
    return replace(report, metrics={name: report.metrics[name], **report.metrics})


def _short(value: Any, limit: int = 40) -> str:
    text = str(value)
    return text if len(text) <= limit else f"{text[: limit - 3]}..."
