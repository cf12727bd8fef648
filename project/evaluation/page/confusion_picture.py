"""The page's picture of confused symbols: a map with what was wanted downwards and what was recognized across."""

from __future__ import annotations

import math

from project.evaluation.confusion import Confusion, visible
from project.evaluation.page.drawing import INK, MUTED, RULE, SERIES, drawing

MAX_SYMBOLS = 60
CELL_INCHES = 0.165
LEAST_INCHES, LETTER_INCHES = 1.3, 0.07  # of a map with few symbols, and of a name
LONG = 2  # letters of a name, from more on names across are written aslant
FAINTEST = 0.18  # of a single error beside many


def confusion_map(found: Confusion, colour: int, salt: str) -> str:
    """A square for each pair, the stronger the more frequent; nothing for large alphabets.

    The last column is what was left out, the last row what was put in.
    """
    names = found.symbols
    if not 1 < len(names) <= MAX_SYMBOLS:
        return ""
    place = {name: n for n, name in enumerate(names)}
    end = len(names) + 0.5  # set apart from the symbols
    most = max(found.counts.values())
    longest = max(len(name) for name in names)
    side, room = CELL_INCHES * (len(names) + 1.5), 0.0
    if longest > LONG:
        side, room = max(side, LEAST_INCHES), LETTER_INCHES * longest
    with drawing(f"confusion {salt}", side + room + 0.9, side + room + 0.5) as sheet:
        axes = sheet.axes[0]
        for (left, right), count in found.pairs():
            x, y = (end if name is None else place[name] for name in (right, left))
            strength = FAINTEST + (1 - FAINTEST) * math.sqrt(count / most)
            axes.fill(
                [x - 0.5, x + 0.5, x + 0.5, x - 0.5], [y - 0.5, y - 0.5, y + 0.5, y + 0.5],
                color=SERIES[colour], alpha=strength, linewidth=0,
            )  # fmt: skip
        axes.plot([-0.5, len(names) - 0.5], [-0.5, len(names) - 0.5], color=RULE, linewidth=0.8, zorder=0)
        ticks = [*range(len(names)), end]
        shown = [visible(name) for name in names]
        axes.set_xticks(ticks, [*shown, "left out"], fontsize=8)
        axes.set_yticks(ticks, [*shown, "put in"], fontsize=8)
        axes.tick_params(labelcolor=INK, labeltop=True, labelbottom=False, pad=1)
        for label in axes.get_xticklabels()[0 if longest > LONG else -1 :]:
            label.set(rotation=60, ha="left", rotation_mode="anchor")
        for edge in (len(names) - 0.25,):
            axes.axvline(edge, color=MUTED, linewidth=0.6)
            axes.axhline(edge, color=MUTED, linewidth=0.6)
        axes.set_xlim(-0.5, end + 0.5)
        axes.set_ylim(end + 0.5, -0.5)
        axes.set_aspect("equal")
        axes.spines["bottom"].set_visible(False)
        axes.set_xlabel("recognized")
        axes.set_ylabel("wanted")
        axes.xaxis.set_label_position("top")
    return sheet.svg
