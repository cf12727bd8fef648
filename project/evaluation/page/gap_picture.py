"""The page's picture of where one run is better: the difference in each part with its interval, sorted."""

from __future__ import annotations

from collections.abc import Sequence

from project.evaluation.gap import Gap, Names
from project.evaluation.page.drawing import INK, MUTED, PAPER, SERIES, drawing
from project.evaluation.page.picture import clip

ROW_INCHES = 0.2
MAX_ROWS = 60


def gap_picture(gaps: Sequence[Gap], names: Names, salt: str) -> str:
    """A dot a part with enough data: left of the line the first run is better, in its colour; grey is a tie."""
    shown = sorted((gap for gap in gaps if gap.delta.interval), key=lambda gap: gap.delta.value)[:MAX_ROWS]
    if len(shown) < 2:
        return ""
    with drawing(f"gap {salt}", 7.4, 0.7 + ROW_INCHES * len(shown)) as sheet:
        axes = sheet.axes[0]
        axes.axvline(0, color=MUTED, linewidth=1, zorder=0)
        for place, gap in enumerate(shown):
            colour = MUTED if gap.winner is None else SERIES[gap.winner]
            assert gap.delta.interval is not None
            ends = [100 * end for end in gap.delta.interval]
            axes.plot(ends, [place, place], color=colour, linewidth=2, solid_capstyle="round")
            axes.plot([100 * gap.delta.value], [place], "o", color=colour, markersize=6, markeredgecolor=PAPER)
        axes.set_yticks(range(len(shown)), [clip(gap.label, 24) for gap in shown], fontsize=8)
        axes.tick_params(axis="y", labelcolor=INK)
        axes.set_ylim(len(shown) - 0.4, -0.6)
        axes.set_xlabel(f"error rate of {clip(names[0], 30)} less that of {clip(names[1], 30)} (points)")
        axes.grid(visible=True, axis="x")
    return sheet.svg
