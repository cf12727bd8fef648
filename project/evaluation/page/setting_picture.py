"""The page's picture of a sweep: how the primary figure moves with each setting that was varied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import TYPE_CHECKING, Any

from project.evaluation.comparison import Comparison
from project.evaluation.page.drawing import INK, MUTED, PAPER, SERIES, drawing
from project.evaluation.page.picture import Panel, clip, coloured
from project.evaluation.sweep import ABSENT, TARGET, Settings, is_seed, setting_text, varying
from project.evaluation.verdict import is_percent, title_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_PANELS, MAX_KINDS, MAX_LABELS, MAX_WHISKERS = 6, 8, 4, 24
WIDE_RANGE = 30  # from here on a logarithmic axis


def setting_panels(comparison: Comparison, settings: Sequence[Settings]) -> list[Panel]:
    """Small plots, one a setting: a dot a run, a line through the means; settings that name runs are left out."""
    panels: list[Panel] = []
    names = [name for name in varying(settings) if not is_seed(name)]
    for name in names if len(names) <= MAX_PANELS and len(settings) > 2 else ():  # else they are no sweep of it
        values = [mapping.get(name, ABSENT) for mapping in settings]
        numbers = [value for value in values if _is_number(value)]
        kinds = {setting_text(value) for value in values}
        if len(numbers) < len(values) and len(kinds) > min(MAX_KINDS, len(values) - 1):
            continue
        panels.append(Panel(name.removesuffix(TARGET), _panel(comparison, name, values, len(numbers) == len(values))))
    return panels


def _panel(comparison: Comparison, name: str, values: Sequence[Any], are_numbers: bool) -> str:
    percent, figure = is_percent(comparison.reports[0], comparison.primary), comparison.primary
    scale, colours = 100 if percent else 1, coloured(comparison)
    kinds = sorted({setting_text(value) for value in values})
    xs = [float(value) if are_numbers else float(kinds.index(setting_text(value))) for value in values]
    with drawing(f"sweep {name}", 3.5, 2.3) as sheet:
        axes = sheet.axes[0]
        means = _means(xs, [scale * report.metrics[figure] for report in comparison.reports])
        axes.plot(list(means), list(means.values()), "-" if are_numbers else "_", color=MUTED, linewidth=1.2, zorder=1)
        for n, (x, report) in enumerate(zip(xs, comparison.reports, strict=True)):
            colour = SERIES[colours[n]] if n in colours else MUTED
            interval = report.intervals.get(figure)
            if interval and len(xs) <= MAX_WHISKERS:
                axes.plot([x, x], [scale * end for end in interval], color=colour, linewidth=1.0, alpha=0.45, zorder=2)
            axes.plot(
                [x], [scale * report.metrics[figure]],
                "o", color=colour, markersize=5, markeredgecolor=PAPER, markeredgewidth=0.8, zorder=3,
            )  # fmt: skip
        _label(axes, xs, kinds, are_numbers)
        axes.set_ylabel(f"{title_of(figure)}{' (%)' if percent else ''}")
        axes.grid(visible=True, axis="y")
    return sheet.svg


def _label(axes: Axes, xs: Sequence[float], kinds: Sequence[str], are_numbers: bool) -> None:
    if not are_numbers:
        last = [kind.rsplit(".", 1)[-1] if "." in kind and not _is_text_number(kind) else kind for kind in kinds]
        axes.set_xticks(range(len(kinds)), [clip(kind, 14) for kind in last])
        axes.set_xlim(-0.5, len(kinds) - 0.5)
        axes.tick_params(axis="x", labelcolor=INK)
        return
    if min(xs) > 0 and max(xs) >= WIDE_RANGE * min(xs):
        axes.set_xscale("log")
    distinct = sorted(set(xs))
    if len(distinct) <= MAX_KINDS:
        shown = distinct[:: -(-len(distinct) // MAX_LABELS)]
        axes.set_xticks(shown, [f"{x:.3g}" for x in shown])
        axes.set_xticks([], minor=True)
    axes.margins(x=0.08)


def _means(xs: Sequence[float], ys: Sequence[float]) -> Mapping[float, float]:
    return {x: fmean(y for other, y in zip(xs, ys, strict=True) if other == x) for x in sorted(set(xs))}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_text_number(text: str) -> bool:
    return text.replace(".", "", 1).lstrip("-").isdigit()
