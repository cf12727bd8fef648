"""The page's pictures over parts of the examples: a figure by condition, and the length ratio by length of text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from project.evaluation.comparison import Comparison
from project.evaluation.condition import Condition
from project.evaluation.drift import length_cells, length_strata, text_lengths
from project.evaluation.example import counts_words
from project.evaluation.page.drawing import INK, MUTED, PAPER, SERIES, drawing
from project.evaluation.page.picture import clip, coloured
from project.evaluation.strata import Cell
from project.evaluation.verdict import is_percent, title_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FEW_BANDS = 3  # more of them are faint, or they hide each other
Lines = Mapping[int, Sequence[Cell | None]]  # position of a report -> one a part


def by_condition(comparison: Comparison, found: Condition) -> str:
    """Lines with bands over a quantity and a count of examples below it; dots with bars for kinds."""
    percent = is_percent(comparison.reports[0], comparison.primary)
    title = f"{title_of(comparison.primary)}{' (%)' if percent else ''}"
    scale, colours = 100 if percent else 1, coloured(comparison)
    if not found.is_quantity:
        return _dots(found, {n: SERIES[colours[n]] for n in found.cells}, scale, title)
    with drawing(f"condition {found.name}", 10.4, 3.6, heights=(4, 1)) as sheet:
        top, bottom = sheet.axes
        _bands(top, found.strata.positions, found.cells, colours, scale)
        top.set_ylabel(title)
        top.set_ylim(bottom=0)
        _counts(bottom, top, found.values, found.name)
    return sheet.svg


def by_text_length(comparison: Comparison) -> str:
    """The length ratio for short to long texts: 1 is right, a slope is drift."""
    strata, lengths = length_strata(comparison), text_lengths(comparison.reports[0])
    if strata is None or lengths is None:
        return ""
    colours = coloured(comparison)
    cells = {n: length_cells(comparison.reports[n], strata) for n in colours}
    with drawing("length ratio", 10.4, 3.6, heights=(4, 1)) as sheet:
        top, bottom = sheet.axes
        top.axhline(1, color=MUTED, linewidth=1, zorder=0)
        _bands(top, strata.positions, cells, colours, 1)
        top.set_ylabel("length ratio")
        symbols = "words" if counts_words(comparison.reports[0]) else "symbols"
        _counts(bottom, top, lengths[1].tolist(), f"{symbols} in the reference")
    return sheet.svg


def _bands(axes: Axes, xs: Sequence[float], lines: Lines, colours: Mapping[int, int], scale: int) -> None:
    opacity = 0.15 if len(lines) <= FEW_BANDS else 0.05
    for n, cells in lines.items():
        colour = SERIES[colours[n]]
        known = [(x, part) for x, part in zip(xs, cells, strict=True) if part is not None]
        axes.plot(
            [x for x, _ in known], [scale * part.value for _, part in known],
            "o-", color=colour, linewidth=1.6, markersize=4.5,
        )  # fmt: skip
        sure = [(x, part.interval) for x, part in known if part.interval]
        lows, highs = ([scale * interval[end] for _, interval in sure] for end in (0, 1))
        axes.fill_between([x for x, _ in sure], lows, highs, color=colour, alpha=opacity, linewidth=0)
    axes.grid(visible=True, axis="y")
    axes.tick_params(labelbottom=False)


def _counts(axes: Axes, above: Axes, values: Sequence[float], label: str) -> None:
    axes.hist(values, bins=min(60, max(10, len(values) // 10)), color=MUTED, alpha=0.45)
    axes.set_ylabel("examples")
    axes.set_xlabel(clip(label))
    axes.sharex(above)


def _dots(found: Condition, colours: Mapping[int, str], scale: int, title: str) -> str:
    labels = found.strata.labels
    spread = 0.6 / max(1, len(found.cells))
    with drawing(f"condition {found.name}", 10.4, 0.8 + 0.13 * len(labels) * (1 + len(found.cells))) as sheet:
        axes = sheet.axes[0]
        for place, (n, cells) in enumerate(found.cells.items()):
            shift = (place - (len(found.cells) - 1) / 2) * spread
            for y, part in enumerate(cells):
                if part is None:
                    continue
                if part.interval:
                    ends = [scale * end for end in part.interval]
                    axes.plot(ends, [y + shift] * 2, color=colours[n], linewidth=1.8, solid_capstyle="round")
                axes.plot(
                    [scale * part.value], [y + shift],
                    "o", color=colours[n], markersize=5.5, markeredgecolor=PAPER, markeredgewidth=1.0,
                )  # fmt: skip
        counted = (f"{clip(label)}  ({count:,})" for label, count in zip(labels, found.counts, strict=True))
        axes.set_yticks(range(len(labels)), list(counted))
        axes.set_ylim(len(labels) - 0.5, -0.5)
        axes.set_xlabel(title)
        axes.set_xlim(left=0)
        axes.grid(visible=True, axis="x")
        axes.tick_params(axis="y", labelcolor=INK)
    return sheet.svg
