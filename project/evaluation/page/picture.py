"""The page's pictures: intervals side by side, learning curves, and errors by length."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from project.evaluation.comparison import Comparison, main_figures
from project.evaluation.interval import Array, Interval, ratio_interval
from project.evaluation.page.drawing import INK, MUTED, NUM_SERIES, PAPER, SERIES, drawing
from project.evaluation.verdict import is_percent, title_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PHASES = ("train", "dev", "val", "valid", "validation", "test")
LEARNING_RATE = ("lr", "learning_rate")
MAX_PANELS, MAX_POINTS, MAX_LINES, NUM_BUCKETS = 6, 300, 40, 8

Points = Sequence[tuple[int, float]]  # step, value
Curves = Mapping[str, Points]
Line = tuple[int, str, Points]  # colour, phase


@dataclass(frozen=True, slots=True)
class Panel:
    """One quantity over training: its heading, and its picture."""

    title: str
    svg: str


@dataclass(frozen=True, slots=True)
class Bucket:
    """Examples of about one length: the middle length, their figure, and how sure it is."""

    length: float
    value: float
    interval: Interval


def coloured(comparison: Comparison) -> dict[int, int]:
    """The reports that have a colour of their own: the baseline and the best of the others; position -> colour."""
    return {n: colour for colour, n in enumerate(comparison.leaders(NUM_SERIES))}


def forest(comparison: Comparison) -> str:
    """Each run's primary figure with its interval, and beside it the difference to the baseline."""
    order, name, base = comparison.ranking()[:MAX_LINES], comparison.primary, comparison.baseline
    percent = is_percent(comparison.reports[0], name)
    scale, colours = 100 if percent else 1, coloured(comparison)
    with drawing("intervals", 10.4, 0.8 + 0.36 * len(order), columns=1 if base is None else 2) as sheet:
        for place, n in enumerate(order):
            report, colour = comparison.reports[n], SERIES[colours[n]] if n in colours else MUTED
            _whisker(sheet.axes[0], place, report.metrics[name], report.intervals.get(name), scale=scale, colour=colour)
            if name in comparison.deltas[n]:
                delta = comparison.deltas[n][name]
                _whisker(sheet.axes[1], place, delta.value, delta.interval, scale=scale, colour=colour)
        sheet.axes[0].set_xlabel(f"{title_of(name)}{' (%)' if percent else ''}")
        sheet.axes[0].set_yticks(range(len(order)), [clip(comparison.labels[n]) for n in order])
        if base is not None:
            sheet.axes[1].axvline(0, color=MUTED, linewidth=1, zorder=0)
            sheet.axes[1].set_xlabel(f"difference to {clip(comparison.labels[base])}{' (points)' if percent else ''}")
            sheet.axes[1].set_yticks([])
        for axes in sheet.axes:
            axes.set_ylim(len(order) - 0.4, -0.6)
            axes.grid(visible=True, axis="x")
            axes.margins(x=0.06)
            axes.tick_params(axis="y", labelcolor=INK)
    return sheet.svg


def curve_panels(comparison: Comparison, curves: Mapping[str, Curves]) -> list[Panel]:
    """Small plots, one a quantity: training thin, validation with points, one colour a run; `curves` by run's name."""
    quantities: dict[str, list[Line]] = {}
    first = comparison.reports[0]
    for n, colour in coloured(comparison).items():
        for name, points in curves.get(comparison.reports[n].run, {}).items():
            phase, quantity = split_phase(name)
            quantities.setdefault(quantity, []).append((colour, phase, points))
    for name in [
        name for name in quantities if name != "loss" and _repeats(quantities[name], quantities.get("loss", []))
    ]:
        del quantities[name]  # the loss's only term
    panels = []
    for name in _wanted(list(quantities), comparison.primary):
        percent = is_percent(first, name)
        heading = f"{title_of(name)}{' (%)' if percent else ''}"
        panels.append(Panel(heading, _curve_panel(name, quantities[name], 100 if percent else 1)))
    return panels


def by_length(comparison: Comparison) -> str:
    """The primary figure for short to long examples, with intervals: drift and truncation show here."""
    first, name = comparison.reports[0], comparison.primary
    lengths_N = np.array([row.length for row in first.rows])
    edges = np.unique(np.quantile(lengths_N, np.linspace(0, 1, NUM_BUCKETS + 1)))
    measure = first.measures.get(name)
    if measure is None or not measure.is_ratio or len(edges) < 3:
        return ""
    colours = coloured(comparison)
    with drawing("length", 10.4, 3.6, heights=(4, 1)) as sheet:
        top, bottom = sheet.axes
        for n, colour in colours.items():
            rows = comparison.reports[n].rows
            above, below = (np.array(counts) for counts in measure.counts(rows))
            shift = (colour - (len(colours) - 1) / 2) * 0.004 * float(edges[-1] - edges[0])
            found = list(_buckets(above, below, np.array([row.length for row in rows]), edges))
            xs = [bucket.length + shift for bucket in found]
            for x, bucket in zip(xs, found, strict=True):
                top.plot([x, x], [100 * end for end in bucket.interval], color=SERIES[colour], linewidth=1.2, alpha=0.7)
            ys = [100 * bucket.value for bucket in found]
            top.plot(xs, ys, "o-", color=SERIES[colour], linewidth=1.6, markersize=4.5)
        top.set_ylabel(f"{title_of(name)} (%)")
        top.set_ylim(bottom=0)
        top.grid(visible=True, axis="y")
        top.tick_params(labelbottom=False)
        bottom.hist(lengths_N, bins=min(60, max(10, len(lengths_N) // 10)), color=MUTED, alpha=0.45)
        bottom.set_ylabel("examples")
        unit = first.info.get("length_unit")
        bottom.set_xlabel(f"length ({unit})" if unit else "length, as the manifest has it")
        bottom.sharex(top)
    return sheet.svg


def split_phase(name: str) -> tuple[str, str]:
    """A scalar's name as phase and quantity.

    >>> split_phase("dev/cer"), split_phase("train_loss"), split_phase("lr")
    (('dev', 'cer'), ('train', 'loss'), ('', 'lr'))
    """
    match = re.match(rf"({'|'.join(PHASES)})[/_.](.+)", name)
    return (match[1], match[2]) if match else ("", name)


def thin(points: Points, limit: int = MAX_POINTS) -> list[tuple[float, float]]:
    """At most so many points, each the mean of its neighbours; what is not a finite number is left out.

    >>> thin([(0, 1.0), (1, 3.0), (2, float("nan")), (3, 5.0), (4, 7.0)], limit=2)
    [(0.5, 2.0), (3.5, 6.0)]
    """
    finite = np.array([point for point in points if math.isfinite(point[1])], dtype=np.float64).reshape(-1, 2)
    parts = np.array_split(finite, min(limit, len(finite)) or 1) if len(finite) else []
    return [(float(x), float(y)) for x, y in (part.mean(axis=0) for part in parts)]


def clip(text: str, limit: int = 40) -> str:
    """A name that fits beside a plot.

    >>> clip("a-very-long-name-of-a-run", 11)
    'a-ve…-a-run'
    """
    return text if len(text) <= limit else f"{text[: limit // 2 - 1]}…{text[-(limit // 2 + limit % 2) :]}"


def _wanted(quantities: Sequence[str], primary: str) -> list[str]:
    """The quantities worth a panel: the loss, the primary figure, other figures and terms; parts of them fill up."""
    whole = main_figures([name for name in quantities if "/" not in name])

    def rank(name: str) -> tuple[int, str]:
        order = [name == "loss", name == primary, name in whole and name not in LEARNING_RATE, name in whole]
        return (order.index(True) if True in order else len(order), name)

    return [name for name in sorted(quantities, key=rank) if name in whole][:MAX_PANELS]


def _repeats(lines: Sequence[Line], others: Sequence[Line]) -> bool:
    return all(any(line[:2] == other[:2] and list(line[2]) == list(other[2]) for other in others) for line in lines)


def _curve_panel(quantity: str, lines: Sequence[Line], scale: int) -> str:
    values: list[float] = []
    with drawing(f"curve {quantity}", 3.5, 2.1) as sheet:
        for colour, phase, all_points in lines:
            points = thin(all_points)
            if not points:
                continue
            is_training = phase == "train"
            xs, ys = [step for step, _ in points], [scale * value for _, value in points]
            values += ys
            sheet.axes[0].plot(
                xs,
                ys,
                color=SERIES[colour],
                linewidth=1.0 if is_training else 1.8,
                alpha=0.55 if is_training else 1.0,
                marker="o" if phase and not is_training and len(points) <= 40 else None,
                markersize=3.2,
            )
        if "loss" in quantity and values and min(values) > 0 and max(values) > 30 * min(values):
            sheet.axes[0].set_yscale("log")
            sheet.axes[0].yaxis.set_major_formatter("{x:g}")
            sheet.axes[0].yaxis.set_minor_formatter("")
        sheet.axes[0].grid(visible=True, axis="y")
        sheet.axes[0].set_xlabel("step")
    return sheet.svg


def _buckets(above_N: Array, below_N: Array, lengths_N: Array, edges: Array) -> Iterator[Bucket]:
    place_N = np.clip(np.searchsorted(edges, lengths_N, side="right") - 1, 0, len(edges) - 2)
    for place in range(len(edges) - 1):
        chosen = place_N == place
        above, below = above_N[chosen], below_N[chosen]
        if below.sum() > 0:
            interval = ratio_interval(above, below, num_resamples=1_000)
            yield Bucket(float(np.median(lengths_N[chosen])), float(above.sum() / below.sum()), interval)


def _whisker(axes: Axes, place: int, value: float, interval: Interval | None, *, scale: int, colour: str) -> None:
    if interval:
        ends = [scale * end for end in interval]
        axes.plot(ends, [place, place], color=colour, linewidth=2.4, solid_capstyle="round")
    axes.plot([scale * value], [place], "o", color=colour, markersize=7, markeredgecolor=PAPER, markeredgewidth=1.5)
