"""A sweep of alpha: the figure on dev for each, the best one chosen there, and applied to test once.

What it is measured against is the better member, chosen on dev as well. It does not know what a level mixes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from project.contract import Hypothesis, InputError
from project.evaluation.comparison import Delta, better, difference
from project.evaluation.estimate import make_report
from project.evaluation.fusion import FrameLevel, Level
from project.evaluation.gop_fusion import Judged, Scale, figures, fused, gaps, reckon
from project.evaluation.interval import Interval, resampling_unit, weighed_intervals
from project.evaluation.result import Report, Row
from project.metric.direction import shortfall
from project.part import Metric

NUM_RESAMPLES = 2_000  # of figures that are no ratios
Pair = tuple[Report, Report]


@dataclass(frozen=True, slots=True)
class Point:
    """One alpha on dev: the level's main figure first, then what else there is to say."""

    alpha: float
    figures: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Standing:
    """A figure on test."""

    value: float
    interval: Interval | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one level."""

    level: str
    figure: str
    better: str  # "lower" or "higher"
    percent: bool
    points: tuple[Point, ...]  # on dev
    alpha: float
    dev: tuple[float, float]  # the members'
    member: int  # which of them is the better one there
    searched: bool  # whether it is so by the level's own search, rather than as it was evaluated
    test: tuple[Standing, Standing, Standing, Standing]  # the members' as evaluated, the fusion's, the better member's
    delta: Delta  # the fusion's figure less the better member's, on test
    others: Mapping[str, tuple[Standing, Delta]]  # the fusion's further figures on test, each against that member
    report: Report | None = None  # the fusion's, where it has answers of its own

    @property
    def verdict(self) -> str:
        """ "improved", "worse" or "undecided"."""
        return {"better": "improved"}.get(self.delta.verdict, self.delta.verdict)


def alphas(count: int) -> list[float]:
    """So many from 0 to 1.

    >>> alphas(5)
    [0.0, 0.25, 0.5, 0.75, 1.0]
    """
    if count < 2:
        raise InputError(f"fusion.alphas={count}: give 2 or more, so that both members are among them")
    return [n / (count - 1) for n in range(count)]


def chosen(points: Sequence[Point], figure: str, direction: str) -> float:
    """The alpha of the best figure; of several that are as good the one nearest to the middle."""
    cost = {point.alpha: shortfall(point.figures[figure], direction) for point in points}
    return min(cost, key=lambda alpha: (round(cost[alpha], 12), abs(alpha - 0.5), alpha))


def sweep_answers(
    dev: tuple[Level, Pair], test: tuple[Level, Pair], metrics: Sequence[Metric], swept: Sequence[float]
) -> Outcome:
    """Levels that answer anew: scored as their members were, by the metrics whose first makes the main figure.

    A search may be better than the one that the members were evaluated with: each member counts as well by the level's
    own, its candidates included, so that a fusion does not win by searching harder.
    """
    level, pair = dev
    name = metrics[0].name
    direction, measure = better(pair[0], name), pair[0].measures[name]
    points = []
    for alpha in swept:
        found = summaries(rescored(pair[0].rows, level(alpha), metrics), metrics)
        blank = {"blank": level.blank_share(alpha)} if isinstance(level, FrameLevel) else {}
        points.append(Point(alpha, {name: found[name], **found, **blank}))
    alpha = chosen(points, name, direction)
    ends = [points[0].figures[name], points[-1].figures[name]]
    best = _better([*(one.metrics[name] for one in pair), *ends], direction)
    member, searched = best % 2, best >= 2
    level, pair = test
    report = fused_report(pair[member], level, alpha, metrics)
    rival = fused_report(pair[member], level, float(member), metrics) if searched else pair[member]
    standings = [Standing(one.metrics[name], one.intervals.get(name)) for one in (*pair, report, rival)]
    others = {
        other: (Standing(report.metrics[other], report.intervals.get(other)), difference(report, rival, other))
        for other in report.metrics
        if other != name and other in rival.metrics
    }
    return Outcome(
        level=level.name,
        figure=name,
        better=direction,
        percent=measure.is_ratio and measure.unit == "%",
        points=tuple(points),
        alpha=alpha,
        dev=(dev[1][0].metrics[name], dev[1][1].metrics[name]),
        member=member,
        searched=searched,
        test=(standings[0], standings[1], standings[2], standings[3]),
        delta=difference(report, rival, name),
        others=others,
        report=report,
    )


def sweep_gop(
    dev: tuple[Judged, Judged], test: tuple[Judged, Judged], swept: Sequence[float], num_resamples: int = NUM_RESAMPLES
) -> Outcome | str:
    """GOP of both, mixed; or one line that says why no figure can be made of it."""
    scales = [Scale.of(one) for one in dev]
    both = [(scales[0](first), scales[1](second)) for first, second in (dev, test)]
    points = [Point(alpha, reckon(figures(fused(*both[0], alpha)), len(dev[0].groups))) for alpha in swept]
    members = [reckon(figures(one), len(one.groups)) for one in (*dev, *test)]
    known = [*(point.figures for point in points), *members]
    shared = [name for name in figures(test[0]) if all(name in one for one in known)]
    if not shared:
        return "GOP: people's scores of phones or utterances are missing on dev or on test"
    name = shared[0]
    alpha = chosen(points, name, "higher")
    member = _better([one[name] for one in members[:2]], "higher")
    mixed, parts = figures(fused(*both[1], alpha)), [figures(one) for one in both[1]]
    own = reckon(mixed, len(test[0].groups))
    intervals = [_intervals(one, test[0], num_resamples) for one in (*parts, mixed, gaps(mixed, parts[member]))]
    values = (members[2][name], members[3][name], own[name])
    standings = [Standing(value, ends.get(name)) for value, ends in zip(values, intervals, strict=False)]
    deltas = {
        one: Delta(own[one] - members[2 + member][one], intervals[3].get(one), "higher") for one in shared if one in own
    }
    return Outcome(
        level="GOP",
        figure=name,
        better="higher",
        percent=False,
        points=tuple(points),
        alpha=alpha,
        dev=(members[0][name], members[1][name]),
        member=member,
        searched=False,
        test=(standings[0], standings[1], standings[2], standings[member]),
        delta=deltas[name],
        others={one: (Standing(own[one], intervals[2].get(one)), deltas[one]) for one in deltas if one != name},
    )


def rescored(rows: Sequence[Row], answers: Sequence[Hypothesis], metrics: Sequence[Metric]) -> list[Row]:
    """The rows with other answers, counted anew."""
    found = []
    for row, answer in zip(rows, answers, strict=True):
        columns: dict[str, float] = {}
        for metric in metrics:
            columns |= metric.score(row.reference, replace(answer, assessment=row.assessment))
        found.append(replace(row, hypothesis=answer.text, score=answer.score, columns=columns))
    return found


def summaries(rows: Sequence[Row], metrics: Sequence[Metric]) -> dict[str, float]:
    """The metrics' figures."""
    columns = {name: [row.columns[name] for row in rows] for name in rows[0].columns}
    return {name: figure for metric in metrics for name, figure in metric.summarize(columns).items()}


def fused_report(member: Report, level: Level, alpha: float, metrics: Sequence[Metric]) -> Report:
    """The fusion's answers as a Report: a member's Protocol, with another decoding."""
    decode: dict[str, Any] = {"decode": f"{level.name} fusion@1", "alpha": alpha}
    return make_report(
        protocol=replace(member.protocol, decode=decode),
        run=f"{level.name} fusion",
        metrics=metrics,
        rows=rescored(member.rows, level(alpha), metrics),
        created=member.created,
        info={key: member.info[key] for key in ("manifest", "length_unit") if key in member.info},
    )


def _better(values: Sequence[float], direction: str) -> int:
    return int(np.argmin([shortfall(value, direction) for value in values]))


def _intervals(named: Mapping[str, Callable[[Any], Any]], judged: Judged, num_resamples: int) -> dict[str, Interval]:
    """Over speakers, where there are enough of them."""
    drawn = judged.groups if resampling_unit(judged.groups) == "group" else None
    there = {name: named[name] for name in reckon(named, len(judged.groups))}
    return weighed_intervals(there, len(judged.groups), drawn, num_resamples=num_resamples)
