"""Profiles as a picture: lengths, symbols and rates of manifests side by side."""

from __future__ import annotations

import io
import warnings
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from project import atomic
from project.contract import InputError
from project.data.line import SECONDS
from project.data.profile import THRESHOLDS, Survey, rates_of
from project.data.profile_table import visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PICTURES = (".png", ".svg", ".pdf")
_MOST_SYMBOLS = 40  # shown
_COLOURS = ("#3b6fb6", "#e08a2e", "#4a9e5c", "#b0478f", "#7a7a7a")  # told apart also by the colour-blind
_BINS = 30


def require_picture(path: Path) -> None:
    """Whether a picture of that name can be drawn."""
    if path.suffix.lower() not in PICTURES:
        raise InputError(f"picture={path}: no picture format of ours: give it one of the endings {', '.join(PICTURES)}")


def draw(path: Path, surveys: Mapping[str, Survey]) -> None:
    """Lengths, symbols and rates of manifests side by side, as a PNG, SVG or PDF file."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    style: Any = {
        "axes.spines.top": False, "axes.spines.right": False, "axes.titleweight": "bold", "axes.titlelocation": "left",
        "axes.titlepad": 16, "text.parse_math": False,
        "axes.grid": True, "axes.grid.axis": "y", "grid.color": "#e4e4e4", "axes.axisbelow": True, "font.size": 9,
        "svg.hashsalt": "scansion",
    }  # fmt: skip
    with rc_context(style):
        figure = Figure(figsize=(13, 3.8), layout="constrained")
        lengths, symbols, rates = figure.subplots(1, 3, width_ratios=[1, 1.5, 1])
        unit = "seconds" if all(one.manifest.unit == SECONDS for one in surveys.values()) else "frames"
        _draw_shares(lengths, {name: one.lengths for name, one in surveys.items()}, f"Length ({unit})")
        if unit == "seconds":
            _draw_thresholds(lengths)
        _draw_symbols(symbols, surveys)
        _draw_shares(rates, {name: rates_of(one) for name, one in surveys.items()}, f"Symbols a {unit[:-1]}")
        if len(surveys) > 1:
            lengths.legend(frameon=False)
        content = io.BytesIO()
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph .* missing")  # a symbol that the font lacks is drawn as a box
            figure.savefig(content, format=path.suffix[1:].lower(), dpi=150)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic.writing(path) as file:
        file.write(content.getvalue())


def _draw_shares(axes: Axes, values: Mapping[str, Any], title: str) -> None:
    """Histograms as shares of each manifest, so that a small one can be seen beside a big one."""
    axes.set_title(title)
    axes.set_ylabel("% of examples")
    every = np.concatenate(list(values.values()))
    if not len(every):
        _say_nothing_is_there(axes)
        return
    bins = np.histogram_bin_edges(every, bins=_BINS).tolist()
    for (name, one), colour in zip(values.items(), _cycle(len(values)), strict=True):
        if len(one):
            share = np.full(len(one), 100 / len(one))
            label = f"{name.lstrip('_')} ({len(one):,})"  # a leading underscore would hide it from the legend
            axes.hist(one, bins=bins, weights=share, histtype="stepfilled", alpha=0.35, color=colour, label=label)
            axes.hist(one, bins=bins, weights=share, histtype="step", color=colour, linewidth=1.2)


def _draw_thresholds(axes: Axes) -> None:
    low, high = axes.get_xlim()
    for limit in THRESHOLDS:
        if low < limit < high:
            axes.axvline(limit, color="#9a9a9a", linewidth=0.8, linestyle=":")
            axes.text(limit, 1.0, f"{limit:g} s", transform=axes.get_xaxis_transform(), fontsize=7, color="#7a7a7a",
                      ha="center", va="bottom")  # fmt: skip


def _draw_symbols(axes: Axes, surveys: Mapping[str, Survey]) -> None:
    counts: Counter[str] = Counter()
    for one in surveys.values():
        counts.update(one.symbols)
    shown = [symbol for symbol, _ in counts.most_common(_MOST_SYMBOLS)]
    more = f", the {_MOST_SYMBOLS} most frequent of {len(counts)}" if len(counts) > len(shown) else ""
    axes.set_title(f"Symbols{more}")
    axes.set_ylabel("% of symbols")
    if not shown:
        _say_nothing_is_there(axes)
        return
    width = 0.8 / len(surveys)
    places = np.arange(len(shown))
    for number, (one, colour) in enumerate(zip(surveys.values(), _cycle(len(surveys)), strict=True)):
        share = [100 * one.symbols[symbol] / max(1, one.symbols.total()) for symbol in shown]
        axes.bar(places + (number + 0.5) * width - 0.4, share, width, color=colour)
    crowded = any(len(symbol) > 2 for symbol in shown)
    axes.set_xticks(places, [visible(symbol) for symbol in shown], rotation=90 if crowded else 0)
    axes.set_xlim(-0.8, len(shown) - 0.2)


def _say_nothing_is_there(axes: Axes) -> None:
    axes.text(0.5, 0.5, "none", transform=axes.transAxes, ha="center", color="#7a7a7a")


def _cycle(count: int) -> list[str]:
    return [_COLOURS[number % len(_COLOURS)] for number in range(count)]
