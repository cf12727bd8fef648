"""The page's pictures of what is said of single frames: probabilities in and out of spans, and what they are worth.

It does not know spans: a frame lies inside or not. Shapes: N frames of all examples.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from project.evaluation.comparison import Comparison
from project.evaluation.interval import Array
from project.evaluation.page.drawing import INK, MUTED, PAPER, RULE, SERIES, drawing
from project.evaluation.page.picture import Panel, clip, coloured
from project.evaluation.span_report import Frames, at_threshold, calibration, frames_of, precision_recall

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TICKS = (0.01, 0.05, 0.2, 0.5, 0.8, 0.95, 0.99)  # probabilities, on an axis of log odds
LIMIT, BIN = 5.25, 0.5  # log odds: what is shown at most, and how wide a bin is
FEWEST = 20  # frames that a point of a calibration stands for
MAX_POINTS = 200  # of a curve
HEIGHT = 2.6  # inches of a picture


def told_frames(comparison: Comparison) -> dict[int, Frames]:
    """Position -> frames, of the runs that have a colour and say something of frames."""
    found = {n: frames_of(comparison.reports[n]) for n in coloured(comparison)}
    return {n: frames for n, frames in found.items() if frames is not None}


def inside_panels(comparison: Comparison, found: Mapping[int, Frames]) -> list[Panel]:
    """One histogram a run; calibration, and precision over recall, of all runs."""
    colours = coloured(comparison)
    alone = len(comparison.reports) == 1
    panels = [
        Panel(
            "Probabilities inside and outside" if alone else clip(comparison.labels[n], 44),
            _histogram(frames, SERIES[colours[n]], f"inside {n}"),
        )
        for n, frames in found.items()
    ]
    own = {SERIES[colours[n]]: frames for n, frames in found.items()}
    return [*panels, Panel("Calibration", _calibration(own)), Panel("Precision over recall", _precision_recall(own))]


def log_odds(said_N: Array) -> Array:
    """Log odds of probabilities, as far as they are shown.

    >>> log_odds(np.array([0.5, 0.0])).tolist()
    [0.0, -5.25]
    """
    inner_N = np.clip(said_N, 1e-9, 1 - 1e-9)
    odds_N: Array = np.clip(np.log(inner_N) - np.log1p(-inner_N), -LIMIT, LIMIT)
    return odds_N


def _histogram(frames: Frames, colour: str, salt: str) -> str:
    edges = np.arange(-LIMIT, LIMIT + BIN / 2, BIN)
    odds_N = log_odds(frames.said_N)
    with drawing(salt, 3.5, HEIGHT) as sheet:
        axes = sheet.axes[0]
        sides = (~frames.inside_N, MUTED, "outside", (0, (3, 1))), (frames.inside_N, colour, "inside", "-")
        for chosen_N, tone, name, style in sides:
            parts = np.histogram(odds_N[chosen_N], edges)[0] / chosen_N.sum()
            axes.stairs(100 * parts, edges, fill=True, color=tone, alpha=0.28, label=name)
            axes.stairs(100 * parts, edges, color=tone, linewidth=1.5, linestyle=style)
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, frameon=False, fontsize=8, borderpad=0)
        threshold = float(log_odds(np.array([frames.threshold]))[0])
        axes.axvline(threshold, color=INK, linewidth=1, linestyle=(0, (4, 3)))
        axes.set_xticks(log_odds(np.array(TICKS)).tolist(), [f"{tick:g}" for tick in TICKS])
        axes.set_ylim(bottom=0)
        axes.set_ylabel("% of the frames")
        axes.set_xlabel(f"probability of lying inside; threshold {frames.threshold:.2g}")
        axes.grid(visible=True, axis="y")
    return sheet.svg


def _calibration(found: Mapping[str, Frames]) -> str:
    with drawing("calibration", 3.5, HEIGHT, heights=(4, 1)) as sheet:
        top, bottom = sheet.axes
        top.plot([0, 1], [0, 1], color=MUTED, linewidth=1, zorder=0)
        for colour, frames in found.items():
            bins = calibration(frames)
            sure = [one for one in bins if one.num_frames >= FEWEST]
            top.plot(
                [one.said for one in sure], [one.inside for one in sure],
                "o-", color=colour, linewidth=1.4, markersize=4.5, markeredgecolor=PAPER, markeredgewidth=0.6,
            )  # fmt: skip
            edges = np.linspace(0, 1, 11)
            counts = np.histogram(frames.said_N, edges)[0]
            bottom.stairs(np.maximum(counts, 0.5), edges, color=colour, linewidth=1.2, baseline=0.5)
        bottom.set_yscale("log")
        bottom.yaxis.set_major_formatter("{x:,.0f}")
        bottom.set_ylabel("frames")
        bottom.minorticks_off()
        bottom.set_xlabel("probability as said")
        bottom.sharex(top)
        top.tick_params(labelbottom=False)
        top.set_ylabel("part inside")
        _unit(top)
    return sheet.svg


def _precision_recall(found: Mapping[str, Frames]) -> str:
    """Precision over recall; a dot is the threshold, the dashed line what calling every frame inside would give."""
    with drawing("precision over recall", 3.5, HEIGHT) as sheet:
        axes = sheet.axes[0]
        for colour, frames in found.items():
            precision_N, recall_N = precision_recall(frames)
            places_K = np.searchsorted(recall_N, np.linspace(recall_N[0], 1, MAX_POINTS))
            last = len(recall_N) - 1
            kept_K = np.union1d(places_K.clip(max=last), [last])
            axes.plot(recall_N[kept_K], precision_N[kept_K], color=colour, linewidth=1.6)
            precision, recall = at_threshold(frames)
            if precision is not None:
                axes.plot([recall], [precision], "o", color=colour, markersize=7, markeredgecolor=PAPER, clip_on=False)
        rate = float(next(iter(found.values())).inside_N.mean())
        axes.axhline(rate, color=MUTED, linewidth=1, linestyle=(0, (4, 3)), zorder=0)
        axes.set_xlabel("recall")
        axes.set_ylabel("precision")
        _unit(axes)
    return sheet.svg


def _unit(axes: Axes) -> None:
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.02)
    axes.grid(visible=True, color=RULE)
