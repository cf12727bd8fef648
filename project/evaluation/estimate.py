"""From rows to a Report: each metric's figures, and how sure they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from project.contract import InputError, Metric
from project.evaluation.interval import Interval, ratio_interval, resampling_unit, summary_intervals
from project.evaluation.protocol import Protocol
from project.evaluation.result import Measure, Report, Row

SLOW_RESAMPLES = 1_000  # for figures that are no ratio of sums: each resample calls the metric


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

    A metric may say of its figures that they are ratios of summed columns, `ratios = {"cer": (("cer_substitutions",
    "cer_deletions", "cer_insertions"), ("cer_length",))}`: then intervals take a fraction of a second, and later
    comparisons need the rows alone. `better = "higher"` says that its figures should grow.
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
    for metric in metrics:
        found = {name: float(figure) for name, figure in metric.summarize(columns).items()}
        for name in found.keys() & figures.keys():
            raise InputError(f"{name} is reckoned by two metrics: give one of them another name")
        figures |= found
        measures |= measures_of(metric, list(found))
        for name in found:
            if measures[name].is_ratio:
                above, below = measures[name].counts(rows)
                intervals[name] = ratio_interval(above, below, drawn, num_resamples=num_resamples, seed=seed)
        if not all(measures[name].is_ratio for name in found):
            slow = summary_intervals(metric.summarize, columns, drawn, num_resamples=SLOW_RESAMPLES, seed=seed)
            intervals |= {name: slow[name] for name in found if name not in intervals}
    resampling = {"unit": unit, "units": len(set(groups)) if drawn else len(rows), "resamples": num_resamples}
    extra = {**(info or {}), "interval": {**resampling, "confidence": 0.95, "seed": seed}}
    return Report(protocol, run, figures, intervals, tuple(rows), created, measures, extra)


def measures_of(metric: Metric, names: Sequence[str]) -> dict[str, Measure]:
    """What a metric says about its figures; nothing said means no ratio, and that lower is better."""
    ratios: Mapping[str, tuple[Sequence[str], Sequence[str]]] = getattr(metric, "ratios", {})
    direction: Literal["lower", "higher"] = getattr(metric, "better", "lower")
    if direction not in ("lower", "higher"):
        raise InputError(f"metric {metric.name}: better is {direction!r}, and can be lower or higher")
    parts = {name: ratios.get(name, ((), ())) for name in names}
    return {name: Measure(tuple(above), tuple(below), direction) for name, (above, below) in parts.items()}
