"""Bits of HTML that the page's sections share: figures with captions, and the colours that stand for runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from project.evaluation.comparison import Comparison
from project.evaluation.grid import typeset
from project.evaluation.page.picture import Panel, coloured


def figure(svg: str, caption: str) -> str:
    """A picture with its caption; nothing where there is no picture."""
    return f"<figure><div class=scroll>{svg}</div><figcaption>{escape(caption)}</figcaption></figure>" if svg else ""


def panel_figures(panels: Sequence[Panel]) -> str:
    """Small pictures side by side, as many as the page is wide."""
    parts = (f"<figure><figcaption>{typeset(panel.title)}</figcaption>{panel.svg}</figure>" for panel in panels)
    return f"<div class=panels>{''.join(parts)}</div>" if panels else ""


def key(comparison: Comparison) -> str:
    """Which colour is which run; nothing where there is one run only."""
    if len(comparison.reports) == 1:
        return ""
    dots = swatches(comparison)
    names = (f"<span>{dots[n]}{escape(comparison.labels[n])}</span>" for n in coloured(comparison))
    return f"<p class=key>{''.join(names)}</p>"


def tones(colours: Mapping[str, int]) -> str:
    """Which colour is which, of things that are no runs."""
    names = (
        f'<span><span class=swatch style="background:var(--series-{colour})"></span>{escape(name)}</span>'
        for name, colour in colours.items()
    )
    return f"<p class=key>{''.join(names)}</p>"


def swatches(comparison: Comparison) -> list[str]:
    """A dot of each run's colour; grey for those that the pictures leave out."""
    colours = coloured(comparison)
    names = [f"series-{colours[n]}" if n in colours else "muted" for n in range(len(comparison.reports))]
    return [f'<span class=swatch style="background:var(--{name})"></span>' for name in names]
