"""What can be told of Reports after the fact: benchmarks that decide nothing, runs that are the same, data too few."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from project.contract import Finding
from project.evaluation.comparison import Comparison, better
from project.evaluation.power import needed_room, saturation
from project.evaluation.result import Report

FEWEST = 30  # examples that anything can be judged by


def to_plain(finding: Finding) -> dict[str, Any]:
    """A finding as plain data, as a Report keeps it."""
    plain = {"check": finding.check, "subject": finding.subject, "text": finding.text, "remedy": finding.remedy}
    return {**plain, "figures": dict(finding.figures), "step": finding.step}


def stored(report: Report) -> list[Finding]:
    """What the checks found when the Report was made."""
    return [Finding(**one) for one in report.info.get("findings", ())]


def findings_of(comparison: Comparison, headroom: float = 1.0) -> dict[str, list[Finding]]:
    """By run: what its Report holds, and what shows once Reports stand side by side.

    `headroom`: which part of the baseline's errors the smallest difference that can be shown may be at most.
    """
    found: dict[str, list[Finding]] = {}
    for report in comparison.reports:
        found.setdefault(report.run, []).extend(stored(report) or _too_few(report))
    first = comparison.reports[comparison.baseline or 0]
    found[first.run] += [*_saturated(first, comparison.primary), *_no_headroom(comparison, headroom)]
    for report in comparison.reports:
        if report is not first and report.run != first.run:
            found[report.run] += _identical(report, first)
    return found


def _too_few(report: Report) -> Iterator[Finding]:
    if len(report.rows) < FEWEST:
        yield Finding(
            "little_data", "evaluation", f"Only {len(report.rows)} examples were scored: nothing can be judged by them",
            "Score the whole manifest, or find out why it is so short: scansion prepare describe",
            {"examples": len(report.rows)},
        )  # fmt: skip


def _saturated(report: Report, name: str) -> Iterator[Finding]:
    """Little room is left: the figure is nearly perfect, or its interval holds perfection."""
    sign, interval = better(report, name), report.intervals.get(name)
    if sign == "one" or interval is None or not report.measures[name].is_ratio:
        return
    rate, ends = report.metrics[name], interval
    if sign == "higher":
        rate, ends = 1 - rate, (1 - interval[1], 1 - interval[0])
    found = saturation(rate, ends, name)
    if found is not None:
        yield found


def _no_headroom(comparison: Comparison, most: float) -> Iterator[Finding]:
    """Runs are not worse, and none could have been shown to be better: the baseline has too few errors for that."""
    if comparison.baseline is None:
        return
    first, name = comparison.reports[comparison.baseline], comparison.primary
    rate = 1 - first.metrics[name] if better(first, name) == "higher" else first.metrics[name]
    known = [delta[name].sensitivity for delta in comparison.deltas if delta and delta[name].verdict != "worse"]
    parts = [part for one in known if (part := needed_room(rate, one)) is not None]
    if parts and min(parts) >= most:
        yield Finding(
            "no_headroom", name, f"no headroom: the smallest difference that can be shown here is {min(parts):.2f} "
            f"times all errors of {first.run}, {100 * rate:.2f} %",
            "Take a harder test set, or a larger one: scansion prepare power says how large",
            {"part": min(parts), "rate": rate},
        )  # fmt: skip


def _identical(report: Report, first: Report) -> Iterator[Finding]:
    answers = {row.id: row.hypothesis for row in first.rows}
    mine: Mapping[str, str] = {row.id: row.hypothesis for row in report.rows}
    scores = {row.id: row.score for row in first.rows}
    if mine == answers and all(scores[row.id] == row.score for row in report.rows):
        yield Finding(
            "identical", first.run, f"{report.run} gives exactly the answers and scores of {first.run}",
            "It is the same recognizer: was an adapter left out, init_from scored instead of the tuned weights, or one "
            "run named twice?",
            {"examples": len(mine)},
        )  # fmt: skip


def merged(parts: Sequence[Mapping[str, Sequence[Finding]]]) -> dict[str, list[Finding]]:
    """Findings by run from several sources, each of one check and subject once: the first one told."""
    found: dict[str, dict[tuple[str, str], Finding]] = {}
    for part in parts:
        for run, findings in part.items():
            for finding in findings:
                found.setdefault(run, {}).setdefault((finding.check, finding.subject), finding)
    return {run: list(known.values()) for run, known in found.items()}
