"""From rows to a Report: each metric's figures, and how sure they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from project.contract import InputError, Undefined
from project.evaluation.interval import (
    Groups,
    Interval,
    ratio_interval,
    resampling_unit,
    summary_intervals,
    weighed_intervals,
)
from project.evaluation.protocol import Protocol
from project.evaluation.result import Measure, Report, Row
from project.part import Metric

SLOW_RESAMPLES = 1_000  # for figures that can be reckoned in no faster way: each resample calls the metric
DIRECTIONS = ("lower", "higher", "one")


def make_report(
    protocol: Protocol,
    run: str,
    metrics: Sequence[Metric],
    rows: Sequence[Row],
    created: str,
    *,
    info: Mapping[str, Any] | None = None,
    num_resamples: int = 10_000,
    seed: int = 0,
) -> Report:
    """Figures, intervals and rows of one evaluation; the first metric's first figure is the primary one.

    Another one that these examples do not define is left out, and told.

    A metric may say of its figures that they are ratios of summed columns, `ratios = {"cer": (("cer_substitutions",
    "cer_deletions", "cer_insertions"), ("cer_length",))}`: then intervals take a fraction of a second, and later
    comparisons need the rows alone. `better = "higher"` says that its figures should grow, "one" that 1 is best. Of
    other figures it may offer `weigh(columns)`: by name, a function of counts of many resamples (metric/association).
    """
    if not rows:
        raise InputError(f"{run}: nothing was evaluated: is the manifest empty?")
    columns = {name: [row.columns[name] for row in rows] for name in rows[0].columns}
    groups = [row.group for row in rows]
    unit = resampling_unit(groups)
    drawn = groups if unit == "group" else None
    figures: dict[str, float] = {}
    intervals: dict[str, Interval] = {}
    measures: dict[str, Measure] = {}
    missing: list[str] = []
    for metric in metrics:
        try:
            found = {name: float(figure) for name, figure in metric.summarize(columns).items()}
        except Undefined as error:
            if metric is metrics[0]:  # it decides
                raise
            missing.append(str(error))
            continue
        for name in found.keys() & figures.keys():
            raise InputError(f"{name} is reckoned by two metrics: give one of them another name")
        figures |= found
        measures |= measures_of(metric, list(found))
        if len(rows) > 1:
            intervals |= _intervals(metric, {name: measures[name] for name in found}, rows, drawn, num_resamples, seed)
    resampling = {"unit": unit, "units": len(set(groups)) if drawn else len(rows), "resamples": num_resamples}
    extra = {**(info or {}), "interval": {**resampling, "confidence": 0.95, "seed": seed}}
    if missing:
        extra["not_measured"] = [*extra.get("not_measured", ()), *missing]
    return Report(protocol, run, figures, intervals, tuple(rows), created, measures, extra)


def _intervals(
    metric: Metric,
    measures: Mapping[str, Measure],
    rows: Sequence[Row],
    groups: Groups | None,
    num_resamples: int,
    seed: int,
) -> dict[str, Interval]:
    """Of each figure, in the fastest way that it allows."""
    intervals: dict[str, Interval] = {}
    for name, measure in measures.items():
        if measure.is_ratio:
            above, below = measure.counts(rows)
            low, high = ratio_interval(above, below, groups, num_resamples=num_resamples, seed=seed)
            two_sided = getattr(metric, "better", "") == "one" and above == below  # what was not seen may be above 1
            intervals[name] = (low, 2 - low) if two_sided else (low, high)
    others = measures.keys() - intervals.keys()
    if not others:
        return intervals
    columns = {name: [row.columns[name] for row in rows] for name in rows[0].columns}
    if weigh := getattr(metric, "weigh", None):
        offered = weigh({name: np.asarray(column, dtype=np.float64) for name, column in columns.items()})
        wanted = {name: figure for name, figure in offered.items() if name in others}
        intervals |= weighed_intervals(wanted, len(rows), groups, num_resamples=num_resamples, seed=seed)
        others -= wanted.keys()
    if others:
        slow = summary_intervals(metric.summarize, columns, groups, num_resamples=SLOW_RESAMPLES, seed=seed)
        intervals |= {name: slow[name] for name in others}
    return {name: intervals[name] for name in measures}


def measures_of(metric: Metric, names: Sequence[str]) -> dict[str, Measure]:
    """What a metric says about its figures; nothing said means no ratio, and that lower is better."""
    ratios: Mapping[str, tuple[Sequence[str], Sequence[str]]] = getattr(metric, "ratios", {})
    direction: Any = getattr(metric, "better", "lower")
    if direction not in DIRECTIONS:
        raise InputError(f"metric {metric.name}: better is {direction!r}, and can be {', '.join(DIRECTIONS)}")
    parts = {name: ratios.get(name, ((), ())) for name in names}
    units: Mapping[str, str] = getattr(metric, "units", {})
    return {
        name: Measure(tuple(above), tuple(below), direction, units.get(name, "%"))
        for name, (above, below) in parts.items()
    }
