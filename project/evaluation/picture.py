"""The page's plots: matplotlib drawings as inline SVG that take their colours from the page, light or dark.

Colours are drawn as stand-ins and become CSS variables afterwards; text stays text, in the page's own font.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from project.evaluation.comparison import Comparison
from project.evaluation.interval import ratio_interval
from project.evaluation.verdict import is_percent, title_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, MUTED, RULE, PAPER = "#010101", "#010102", "#010103", "#010104"
NUM_SERIES = 8  # colours in page.css; runs beyond them are left out of pictures
SERIES = tuple(f"#0102{n:02x}" for n in range(NUM_SERIES))
VARIABLES = {INK: "ink", MUTED: "muted", RULE: "rule", PAPER: "paper"} | {
    colour: f"series-{n}" for n, colour in enumerate(SERIES)
}
PHASES = ("train", "val", "valid", "validation", "test")
MAX_PANELS, MAX_POINTS, MAX_ROWS, NUM_BUCKETS = 6, 300, 40, 8
POINTS_PER_INCH = 72

Curves = Mapping[str, Sequence[tuple[int, float]]]


@dataclass(frozen=True, slots=True)
class Panel:
    """One quantity over training: name of the panel, and its picture."""

    title: str
    svg: str


def forest(comparison: Comparison) -> str:
    """Each run's primary figure with its interval, and beside it the difference to the baseline."""
    order = comparison.ranking()[:MAX_ROWS]
    with_deltas = comparison.baseline is not None and len(order) > 1
    with _figure(10.4, 0.75 + 0.34 * len(order), "intervals", columns=2 if with_deltas else 1) as (axes, svg):
        scale = 100 if is_percent(comparison.reports[0], comparison.primary) else 1
        unit = " (%)" if scale == 100 else ""
        for place, n in enumerate(order):
            report, colour = comparison.reports[n], SERIES[n % NUM_SERIES]
            name = comparison.primary
            _whisker(axes[0], place, report.metrics[name], report.intervals.get(name), scale, colour)
            delta = comparison.deltas[n].get(name)
            if with_deltas and delta:
                _whisker(axes[1], place, delta.value, delta.interval, scale, colour)
        axes[0].set_xlabel(f"{title_of(comparison.primary)}{unit}")
        axes[0].set_yticks(range(len(order)), [_clip(comparison.labels[n]) for n in order])
        if with_deltas:
            axes[1].axvline(0, color=MUTED, linewidth=1, zorder=0)
            axes[1].set_xlabel(f"difference to {_clip(comparison.labels[comparison.baseline or 0])}{' (points)' * bool(unit)}")
            axes[1].set_yticks([])
        for axis in axes:
            axis.set_ylim(len(order) - 0.4, -0.6)
            axis.grid(visible=True, axis="x")
            axis.tick_params(axis="y", length=0, labelcolor=INK)
    return svg[0]


def curve_panels(curves: Sequence[Curves | None], labels: Sequence[str], primary: str) -> list[Panel]:
    """Small plots, one a quantity: training thin, validation with points, one colour a run."""
    quantities: dict[str, list[tuple[int, str, str]]] = {}
    for n, found in enumerate(curves[:NUM_SERIES]):
        for name in found or {}:
            phase, quantity = split_phase(name)
            quantities.setdefault(quantity, []).append((n, phase, name))
    wanted = sorted(quantities, key=lambda quantity: _rank(quantity, primary))[:MAX_PANELS]
    return [
        Panel(quantity, _curve_panel(quantity, quantities[quantity], curves, labels))
        for quantity in wanted
    ]


def by_length(comparison: Comparison) -> str:
    """The primary figure for short to long examples, with intervals: drift and truncation show here."""
    first, name = comparison.reports[0], comparison.primary
    lengths = np.array([row.length for row in first.rows])
    edges = np.unique(np.quantile(lengths, np.linspace(0, 1, NUM_BUCKETS + 1)))
    measure = first.measures.get(name)
    if measure is None or not measure.is_ratio or len(edges) < 3:
        return ""
    shown = range(min(len(comparison.reports), NUM_SERIES))
    with _figure(10.4, 3.4, "length", ratios=(4, 1)) as (axes, svg):
        for n in shown:
            report = comparison.reports[n]
            above, below = (np.array(counts) for counts in measure.counts(report.rows))
            own = np.array([row.length for row in report.rows])
            bucket = np.clip(np.searchsorted(edges, own, side="right") - 1, 0, len(edges) - 2)
            points = list(_bucket_points(above, below, own, bucket, len(edges) - 1))
            shift = (n - (len(shown) - 1) / 2) * 0.004 * float(edges[-1] - edges[0])
            for middle, value, (low, high) in points:
                axes[0].plot([middle + shift] * 2, [100 * low, 100 * high], color=SERIES[n], linewidth=1.2, alpha=0.7)
            xs, ys = [point[0] + shift for point in points], [100 * point[1] for point in points]
            axes[0].plot(xs, ys, "o-", color=SERIES[n], linewidth=1.6, markersize=4.5)
        axes[0].set_ylabel(f"{title_of(name)} (%)")
        axes[0].set_ylim(bottom=0)
        axes[0].grid(visible=True, axis="y")
        axes[0].tick_params(labelbottom=False)
        axes[1].hist(lengths, bins=min(60, max(10, len(lengths) // 10)), color=MUTED, alpha=0.45)
        axes[1].set_ylabel("examples")
        axes[1].set_xlabel(f"length{_length_unit(first.info)}")
        axes[1].sharex(axes[0])
    return svg[0]


def split_phase(name: str) -> tuple[str, str]:
    """A scalar's name as phase and quantity.

    >>> split_phase("val/cer"), split_phase("train_loss"), split_phase("lr")
    (('val', 'cer'), ('train', 'loss'), ('', 'lr'))
    """
    match = re.match(rf"({'|'.join(PHASES)})[/_.](.+)", name)
    return (match[1], match[2]) if match else ("", name)


def thin(points: Sequence[tuple[int, float]], limit: int = MAX_POINTS) -> list[tuple[float, float]]:
    """At most so many points, each the mean of its neighbours; what is not a finite number is left out.

    >>> thin([(0, 1.0), (1, 3.0), (2, float("nan")), (3, 5.0), (4, 7.0)], limit=2)
    [(0.5, 2.0), (3.5, 6.0)]
    """
    finite = np.array([point for point in points if math.isfinite(point[1])], dtype=np.float64).reshape(-1, 2)
    if len(finite) <= limit:
        return [(float(x), float(y)) for x, y in finite]
    return [(float(x), float(y)) for x, y in (part.mean(axis=0) for part in np.array_split(finite, limit))]


def _curve_panel(quantity: str, entries: list[tuple[int, str, str]], curves: Sequence[Curves | None], labels: Sequence[str]) -> str:
    with _figure(3.4, 2.2, f"curve {quantity}") as (axes, svg):
        values: list[float] = []
        for n, phase, name in entries:
            points = thin((curves[n] or {})[name])
            if not points:
                continue
            xs, ys = zip(*points, strict=True)
            values += ys
            is_training = phase == "train"
            axes[0].plot(
                xs,
                ys,
                color=SERIES[n],
                linewidth=1.1 if is_training else 1.7,
                alpha=0.5 if is_training else 1.0,
                marker="o" if not is_training and phase and len(points) <= 40 else None,
                markersize=3,
                label=labels[n],
            )
        if values and min(values) > 0 and max(values) > 30 * min(values):
            axes[0].set_yscale("log")
        axes[0].grid(visible=True, axis="y")
        axes[0].set_xlabel("step")
    return svg[0]


def _bucket_points(
    above: Any, below: Any, lengths: Any, bucket: Any, count: int
) -> Iterator[tuple[float, float, tuple[float, float]]]:
    for place in range(count):
        chosen = bucket == place
        if below[chosen].sum() > 0:
            low_high = ratio_interval(above[chosen], below[chosen], num_resamples=1_000)
            yield float(np.median(lengths[chosen])), float(above[chosen].sum() / below[chosen].sum()), low_high


def _whisker(axis: Axes, place: int, value: float, interval: tuple[float, float] | None, scale: int, colour: str) -> None:
    if interval:
        axis.plot([scale * end for end in interval], [place, place], color=colour, linewidth=2.4, solid_capstyle="round")
    axis.plot([scale * value], [place], "o", color=colour, markersize=7, markeredgecolor=PAPER, markeredgewidth=1.5)


@contextmanager
def _figure(
    width: float, height: float, salt: str, columns: int = 1, ratios: tuple[int, ...] = (1,)
) -> Iterator[tuple[list[Axes], list[str]]]:
    """Empty axes to draw on; once drawn, the SVG stands in the second list."""
    import matplotlib as mpl  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    with mpl.rc_context(_style(salt)):
        figure = Figure(figsize=(width, height), layout="constrained")
        grid = figure.subplots(len(ratios), columns, squeeze=False, gridspec_kw={"height_ratios": ratios})
        svg: list[str] = []
        yield [axis for row in grid for axis in row], svg
        stream = io.StringIO()
        figure.savefig(stream, format="svg", transparent=True)
        svg.append(themed(stream.getvalue()))


def themed(svg: str) -> str:
    """An SVG that can stand in a page: no namespace, date or id of its own making, colours as CSS variables."""
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r'\s+xmlns(:\w+)?="[^"]*"', "", body).replace("xlink:href", "href")
    body = re.sub(r'<g id="[^"]*"', "<g", body)
    body = re.sub(r"font: ?(?:\w+ )*?([\d.]+)px [^;\"]*", r"font-size: \1px", body)
    body = re.sub(r"#0[0-9a-f]{5}\b", lambda found: f"var(--{VARIABLES[found[0]]})" if found[0] in VARIABLES else found[0], body)
    width, height = (float(size) for size in re.findall(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', body)[0])
    head = f'<svg viewBox="0 0 {width:g} {height:g}" style="max-width:{width / POINTS_PER_INCH * 100:.0f}px" aria-hidden="true">'
    return re.sub(r"<svg[^>]*>", head, body, count=1).strip()


def _style(salt: str) -> dict[str, Any]:
    return {
        "svg.fonttype": "none",
        "svg.hashsalt": salt,
        "font.size": 9,
        "text.color": INK,
        "axes.edgecolor": RULE,
        "axes.labelcolor": MUTED,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.spines.left": False,
        "axes.axisbelow": True,
        "grid.color": RULE,
        "grid.linewidth": 0.7,
        "xtick.color": MUTED,
        "ytick.color": MUTED,
        "xtick.major.size": 0,
        "ytick.major.size": 0,
        "ytick.minor.size": 0,
    }


def _rank(quantity: str, primary: str) -> tuple[int, str]:
    """Which panels come first: the loss, then the primary figure, then other figures, rates of learning last."""
    order = ["loss" == quantity, quantity == primary, quantity in ("cer", "wer", "per"), "loss" in quantity]
    late = quantity in ("lr", "learning_rate", "epoch") or quantity.startswith("lr")
    return (order.index(True) if True in order else 5 if late else 4, quantity)


def _length_unit(info: Mapping[str, Any]) -> str:
    return f" ({info['length_unit']})" if info.get("length_unit") else ""


def _clip(text: str, limit: int = 44) -> str:
    return text if len(text) <= limit else f"{text[: limit // 2 - 1]}…{text[-limit // 2 :]}"
