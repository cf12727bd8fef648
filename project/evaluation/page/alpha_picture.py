"""The page's picture of a fusion: each level's figure on dev by alpha, the members as lines, what was chosen marked."""

from __future__ import annotations

from collections.abc import Sequence

from project.evaluation.fusion_sweep import Outcome
from project.evaluation.page.drawing import MUTED, PAPER, SERIES, drawing
from project.evaluation.page.picture import Panel
from project.evaluation.verdict import title_of

LEVEL = 2  # colour of the fusion; the members have the first two


def alpha_panels(outcomes: Sequence[Outcome]) -> list[Panel]:
    """One small picture a level, and one of blanks where they were counted."""
    panels = []
    for one in outcomes:
        heading = (
            f"{one.level[:1].upper() + one.level[1:]}: {title_of(one.figure)}{' (%)' if one.percent else ''} on dev"
        )
        panels.append(Panel(heading, _panel(one, one.figure, 100 if one.percent else 1)))
        if "blank" in one.points[0].figures:
            panels.append(Panel("Frames where blank is likeliest (%)", _panel(one, "blank", 100)))
    return panels


def _panel(outcome: Outcome, figure: str, scale: int) -> str:
    xs = [point.alpha for point in outcome.points]
    ys = [scale * point.figures[figure] for point in outcome.points]
    with drawing(f"alpha {outcome.level} {figure}", 3.5, 2.3) as sheet:
        axes = sheet.axes[0]
        if figure == outcome.figure:
            for place, value in enumerate(outcome.dev):
                axes.axhline(scale * value, color=SERIES[place], linewidth=1.2, linestyle="--", zorder=0)
        axes.plot(xs, ys, "o-", color=SERIES[LEVEL], linewidth=1.6, markersize=3.4)
        at = xs.index(outcome.alpha)
        axes.plot(
            [xs[at]], [ys[at]], "o", color=SERIES[LEVEL], markersize=8, markeredgecolor=PAPER, markeredgewidth=1.5
        )
        axes.axvline(xs[at], color=MUTED, linewidth=0.8, zorder=0)
        axes.set_xlabel("alpha")
        axes.set_xlim(-0.03, 1.03)
        axes.grid(visible=True, axis="y")
    return sheet.svg
