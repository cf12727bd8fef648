"""The page of runs with adapters: what each does with it and without it, and how much which weights change."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from project import atomic
from project.evaluation.comparison import Comparison
from project.evaluation.efficacy import Efficacy
from project.evaluation.efficacy_table import by_kind, layer_grid, run_grid, sentences
from project.evaluation.page.drawing import INK, NUM_SERIES, PAPER, SERIES, drawing
from project.evaluation.page.facts import protocol_section
from project.evaluation.page.frame import Section
from project.evaluation.page.markup import figure, tones
from project.evaluation.page.opening import opening
from project.evaluation.page.page import page_html
from project.evaluation.verdict import Verdict

CAPTION = "Change of weights against their own length: bars are means over the layers of a kind, points single layers."


def write_page(path: Path, comparison: Comparison, found: Sequence[Efficacy], notes: Sequence[str]) -> Path:
    """Writes the page, whole or not at all, and returns where it is."""
    warnings = [Verdict("warning", note) for note in (*comparison.head, *notes)]
    top = opening([], [*sentences(found), *warnings], [])
    shown = found[:NUM_SERIES]
    key = tones({one.label: n for n, one in enumerate(shown)}) if len(shown) > 1 else ""
    sections: list[Section] = [
        ("efficacy", "With the adapter and without", run_grid(found).html()),
        ("layers", "Change of weights", key + figure(picture(shown), CAPTION) + layer_grid(found).html()),
        ("protocol", "Protocol", protocol_section(comparison)),
    ]
    title = f"What adapters do: {', '.join(one.label for one in found)}"
    atomic.write(path, page_html(comparison, title, top, sections))
    return path


def picture(found: Sequence[Efficacy]) -> str:
    """A bar a kind of layer and run, its layers as points on it."""
    kinds = [by_kind(one) for one in found]
    names = list(dict.fromkeys(name for its in kinds for name in its))
    thick = 0.8 / len(found)
    with drawing("layers", 7.4, 0.8 + (0.24 + 0.12 * (len(found) - 1)) * len(names)) as sheet:
        axes = sheet.axes[0]
        for n, its in enumerate(kinds):
            for name, values in its.items():
                place = names.index(name) + thick * (n - (len(found) - 1) / 2)
                shares = [100 * value for value in values]
                axes.barh([place], [sum(shares) / len(shares)], 0.8 * thick, color=SERIES[n], alpha=0.6)
                axes.plot(shares, [place] * len(shares), "o", color=SERIES[n], markersize=3.5, markeredgecolor=PAPER)
        axes.set_yticks(range(len(names)), names)
        axes.tick_params(axis="y", labelcolor=INK)
        axes.set_ylim(len(names) - 0.4, -0.6)
        axes.set_xlim(left=0)
        axes.set_xlabel("change, % of the weights' length")
        axes.grid(visible=True, axis="x")
    return sheet.svg
