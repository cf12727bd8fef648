"""Matplotlib drawings as SVG that stands inside a page and takes its colours and font from there, light or dark.

Colours are drawn as stand-ins and become CSS variables afterwards; text stays text.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, MUTED, RULE, PAPER = "#010101", "#010102", "#010103", "#010104"
NUM_SERIES = 8  # colours in page.css
SERIES = tuple(f"#0102{n:02x}" for n in range(NUM_SERIES))
VARIABLES = {INK: "ink", MUTED: "muted", RULE: "rule", PAPER: "paper"} | {
    colour: f"series-{n}" for n, colour in enumerate(SERIES)
}
PIXELS_PER_POINT = 1.4  # the page's pixels for one of matplotlib's points, at most

STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "text.parse_math": False,  # names of runs may hold a dollar sign
    "font.size": 9,
    "text.color": INK,
    "axes.edgecolor": RULE,
    "axes.labelcolor": MUTED,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.axisbelow": True,
    "axes.formatter.useoffset": False,
    "grid.color": RULE,
    "grid.linewidth": 0.7,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "xtick.minor.size": 0,
    "ytick.minor.size": 0,
}


class Drawing:
    """Axes to draw on, and the SVG once the drawing is closed."""

    def __init__(self, axes: list[Axes]) -> None:
        self.axes = axes
        self.svg = ""


@contextmanager
def drawing(
    salt: str, width: float, height: float, *, columns: int = 1, heights: tuple[int, ...] = (1,)
) -> Iterator[Drawing]:
    """A grid of axes, sizes in inches; `salt` keeps the ids of two drawings on one page apart."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context({**STYLE, "svg.hashsalt": salt}):
        figure = Figure(figsize=(width, height), layout="constrained")
        grid = figure.subplots(len(heights), columns, squeeze=False, gridspec_kw={"height_ratios": heights})
        sheet = Drawing([axes for row in grid for axes in row])
        yield sheet
        stream = io.StringIO()
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Glyph .* missing")  # the page's reader has fonts of their own
            figure.savefig(stream, format="svg", transparent=True)
        sheet.svg = themed(stream.getvalue())


def themed(svg: str) -> str:
    """An SVG that can stand in a page: without namespaces, date and ids of groups, colours as CSS variables.

    >>> themed('<svg viewBox="0 0 100 50" xmlns="x"><g id="a"><path style="fill: #010101"/></g></svg>')
    '<svg viewBox="0 0 100 50" style="max-width:140px" aria-hidden="true"><g><path style="fill: var(--ink)"/></g></svg>'
    """
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r'\s+xmlns(:\w+)?="[^"]*"', "", body).replace("xlink:href", "href")
    body = re.sub(r'<g id="[^"]*"', "<g", body)
    body = re.sub(r"font: ?(?:\w+ )*?([\d.]+)px [^;\"]*", r"font-size: \1px", body)
    body = re.sub(r"#0[0-9a-f]{5}\b", _variable, body)
    width, height = re.findall(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', body)[0]
    limit = round(float(width) * PIXELS_PER_POINT)
    head = f'<svg viewBox="0 0 {width} {height}" style="max-width:{limit}px" aria-hidden="true">'
    return re.sub(r"<svg[^>]*>", head, body, count=1).strip()


def _variable(found: re.Match[str]) -> str:
    return f"var(--{VARIABLES[found[0]]})" if found[0] in VARIABLES else found[0]
