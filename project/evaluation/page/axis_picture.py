"""The pictures of a sweep: the figure over each setting, and every point as a line through all of them.

The best point and those that tie with it have a colour; the others are grey.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import TYPE_CHECKING

from project.evaluation.page.drawing import INK, MUTED, PAPER, RULE, SERIES, drawing
from project.evaluation.page.picture import Panel, clip
from project.evaluation.sensitivity import MAX_LEVELS, Trial, in_order, number
from project.evaluation.sensitivity_table import Outcome, by_share
from project.metric.direction import shortfall

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_PANELS, MAX_COLUMNS, MAX_WHISKERS = 6, 8, 24
WIDE_RANGE = 30  # from here on a logarithmic scale
JITTER = 0.012  # of the height: lines that take the same way lie beside each other
BEST, TIED = SERIES[0], SERIES[1]

BEHIND = {"facecolor": PAPER, "edgecolor": "none", "pad": 1.0, "alpha": 0.85}  # of a label, so that it can be read

Places = Mapping[str, float]  # value of a setting -> where it stands


def axis_panels(outcome: Outcome) -> list[Panel]:
    """Small plots, one a setting, those that explain most: a dot a point, a line through the means."""
    names = [axis.name for axis in by_share(outcome.result)[:MAX_PANELS]]
    return [Panel(name, _panel(outcome, name)) for name in names]


def parallel_coordinates(outcome: Outcome) -> str:
    """A line a point, from setting to setting to its figure, which is best at the top; none for a single setting."""
    names = [axis.name for axis in by_share(outcome.result)][: MAX_COLUMNS - 1][::-1]
    if len(names) < 2:
        return ""
    places = {name: _spread(_places(outcome.trials, name)) for name in names}
    goodness = [-shortfall(trial.value, outcome.figure.direction) for trial in outcome.trials]
    heights = _scaled(goodness)
    scale = 100 if outcome.figure.percent else 1
    with drawing("parallel coordinates", 10.4, 3.6) as sheet:
        axes = sheet.axes[0]
        for n in reversed(outcome.order):  # the best lies on top
            trial, shift = outcome.trials[n], JITTER * (n - (len(outcome.trials) - 1) / 2) / len(outcome.trials) * 8
            ys = [places[name][_value(trial, name)] + shift for name in names]
            colour, width, opacity = _look(outcome, n)
            axes.plot([*range(len(names)), len(names)], [*ys, heights[n]], color=colour, linewidth=width, alpha=opacity)
        for column, name in enumerate(names):
            axes.axvline(column, color=RULE, linewidth=1, zorder=0)
            for value, y in _few(places[name]).items():
                axes.text(column + 0.02, y, clip(value, 18), fontsize=8, color=INK, va="center", bbox=BEHIND, zorder=5)
        axes.axvline(len(names), color=MUTED, linewidth=1, zorder=0)
        for n in {outcome.order[0], outcome.order[-1]}:
            text = f"{scale * outcome.trials[n].value:.4g}"
            axes.text(len(names) + 0.03, heights[n], text, fontsize=8, color=INK, va="center")
        unit = " (%)" if outcome.figure.percent else ""
        axes.set_xticks(range(len(names) + 1), [*(clip(name, 24) for name in names), f"{outcome.figure.title}{unit}"])
        axes.set_xlim(-0.1, len(names) + 0.35)
        axes.set_yticks([])
        axes.tick_params(axis="x", labelcolor=INK)
    return sheet.svg


def _panel(outcome: Outcome, name: str) -> str:
    scale, trials = 100 if outcome.figure.percent else 1, outcome.trials
    places = _places(trials, name)
    numeric = all(number(value) is not None for value in places)
    with drawing(f"axis {name}", 3.5, 2.3) as sheet:
        axes = sheet.axes[0]
        if len(places) <= MAX_LEVELS:
            means = {x: fmean(scale * t.value for t in trials if places[_value(t, name)] == x) for x in places.values()}
            axes.plot(list(means), list(means.values()), "-" if numeric else "_", color=MUTED, linewidth=1.2, zorder=1)
        for n in reversed(outcome.order):
            trial, colour = trials[n], _look(outcome, n)[0]
            x = places[_value(trial, name)]
            if trial.interval and len(trials) <= MAX_WHISKERS:
                ends = [scale * end for end in trial.interval]
                axes.plot([x, x], ends, color=colour, linewidth=1.0, alpha=0.45, zorder=2)
            axes.plot(
                [x], [scale * trial.value],
                "o", color=colour, markersize=5, markeredgecolor=PAPER, markeredgewidth=0.8, zorder=3,
            )  # fmt: skip
        _label(axes, places)
        axes.set_ylabel(f"{outcome.figure.title}{' (%)' if outcome.figure.percent else ''}")
        axes.grid(visible=True, axis="y")
    return sheet.svg


def _label(axes: Axes, places: Places) -> None:
    if len(places) <= MAX_LEVELS:
        axes.set_xticks(list(places.values()), [clip(value.rsplit("/", 1)[-1], 12) for value in places])
        axes.set_xlim(-0.5, len(places) - 0.5)
        axes.tick_params(axis="x", labelcolor=INK)
    elif min(places.values()) > 0 and max(places.values()) >= WIDE_RANGE * min(places.values()):
        axes.set_xscale("log")


def _places(trials: Sequence[Trial], name: str) -> Places:
    """Few values stand side by side, many numbers where they are."""
    ordered = in_order(_value(trial, name) for trial in trials)
    numbers = [number(value) for value in ordered]
    known = [one for one in numbers if one is not None]
    if len(ordered) <= MAX_LEVELS or len(known) < len(ordered):
        return {value: float(n) for n, value in enumerate(ordered)}
    return dict(zip(ordered, known, strict=True))


def _spread(places: Places) -> Places:
    """The same between 0 and 1, by their logarithms where they are far apart."""
    values = list(places.values())
    if len(values) > MAX_LEVELS and min(values) > 0 and max(values) >= WIDE_RANGE * min(values):
        values = [math.log(value) for value in values]
    return dict(zip(places, _scaled(values), strict=True))


def _scaled(values: Sequence[float]) -> list[float]:
    low, high = min(values), max(values)
    return [(value - low) / (high - low) if high > low else 0.5 for value in values]


def _few(places: Places) -> Places:
    """Those that are written beside the line: all of few, the ends of many."""
    ordered = sorted(places, key=places.__getitem__)
    return {value: places[value] for value in (ordered if len(ordered) <= MAX_LEVELS else (ordered[0], ordered[-1]))}


def _look(outcome: Outcome, n: int) -> tuple[str, float, float]:
    """Colour, width and opacity of a point."""
    if n == outcome.order[0]:
        return BEST, 2.4, 1.0
    return (TIED, 1.4, 0.8) if n in outcome.ties else (MUTED, 0.9, 0.5)


def _value(trial: Trial, name: str) -> str:
    return trial.settings.get(name, "absent")
