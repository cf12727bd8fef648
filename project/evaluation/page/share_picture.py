"""The page's pictures of a loss with several terms: what part each takes of it and of the gradient, and what it learns.

It does not know what a term is about. A term that takes most of both, beside others that learn nothing, drowns them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from project.evaluation.grid import Grid
from project.evaluation.page.drawing import MUTED, NUM_SERIES, PAPER, SERIES, drawing
from project.evaluation.page.picture import Curves, Panel, Points, thin

MAX_STEPS = 80  # of a picture
LOWEST = -0.5  # of skill, as far as it is shown
LAST = 5  # records whose mean is the figure at the end
LOSS, GRADIENT, SKILL = "train/{}/share", "gradient/share/{}", "skill/{}"  # names of scalars, of a term
KINDS: Mapping[str, str] = {"Share of the weighted loss": LOSS, "Share of the gradient": GRADIENT}


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of a run's loss, each with a colour; those of several runs have the same ones."""

    colours: Mapping[str, int]
    curves: Curves

    def of(self, kind: str) -> dict[str, Points]:
        """The curves of a kind by term, those with a finite value."""
        named = {name: self.curves.get(kind.format(name), ()) for name in self.colours}
        return {name: points for name, points in named.items() if any(math.isfinite(value) for _, value in points)}


def terms_of(runs: Sequence[Curves]) -> list[Terms | None]:
    """Of each run its terms; None where its loss has one alone, or its shares are not known."""
    own = [_names(curves) for curves in runs]
    names = list(dict.fromkeys(name for found in own for name in found))[:NUM_SERIES]
    colours = {name: n for n, name in enumerate(names)}
    return [
        Terms({name: colours[name] for name in found if name in colours}, curves) if len(found) > 1 else None
        for found, curves in zip(own, runs, strict=True)
    ]


def share_panels(terms: Terms, salt: str) -> list[Panel]:
    """Shares of the loss and of the gradient over steps as stacked areas, and beside them the skill of each term."""
    panels = [
        Panel(title, _areas(terms.of(kind), terms.colours, f"{title} {salt}"))
        for title, kind in KINDS.items()
        if len(terms.of(kind)) > 1
    ]
    skills = terms.of(SKILL)
    return [*panels, Panel("Skill", _lines(skills, terms.colours, f"skill {salt}"))] if skills else panels


def share_grid(terms: Terms) -> Grid:
    """Each term at the end: shares, and skill."""
    found = {kind: terms.of(kind) for kind in (LOSS, GRADIENT, SKILL)}

    def text(kind: str, name: str) -> str:
        values = [value for _, value in found[kind].get(name, ()) if math.isfinite(value)][-LAST:]
        if not values:
            return "-"
        mean = sum(values) / len(values)
        return f"{values[-1]:.2f}" if kind == SKILL else f"{100 * mean:.0f} %"

    rows = tuple((name, *(text(kind, name) for kind in found)) for name in terms.colours)
    return Grid("Terms at the end", ("term", "share of the loss", "of the gradient", "skill"), rows)


def _names(curves: Curves) -> list[str]:
    head, tail = LOSS.split("{}")
    return [name[len(head) : -len(tail)] for name in curves if name.startswith(head) and name.endswith(tail)]


def _areas(shares: Mapping[str, Points], colours: Mapping[str, int], salt: str) -> str:
    known = [dict(points) for points in shares.values()]
    steps = sorted(set.intersection(*(set(points) for points in known)))
    whole = [step for step in steps if all(math.isfinite(points[step]) for points in known)]
    parts = [thin([(step, points[step]) for step in whole], MAX_STEPS) for points in known]
    xs, ys = [x for x, _ in parts[0]], np.array([[100 * y for _, y in part] for part in parts])
    with drawing(salt, 3.5, 2.3) as sheet:
        axes = sheet.axes[0]
        tones = [SERIES[colours[name]] for name in shares]
        axes.stackplot(xs, ys, colors=tones, alpha=0.75, edgecolor=PAPER, linewidth=0.8)
        axes.set_ylim(0, 100)
        axes.set_ylabel("%")
        axes.set_xlabel("step")
        axes.margins(x=0)
    return sheet.svg


def _lines(skills: Mapping[str, Points], colours: Mapping[str, int], salt: str) -> str:
    with drawing(salt, 3.5, 2.3) as sheet:
        axes = sheet.axes[0]
        axes.axhline(0, color=MUTED, linewidth=1, zorder=0)
        lowest = 0.0
        for name, points in skills.items():
            kept = thin(points, MAX_STEPS)
            values = [value for _, value in kept]
            lowest = min(lowest, *values)
            marker = "o" if len(kept) <= 40 else None
            axes.plot(
                [step for step, _ in kept], values,
                color=SERIES[colours[name]], linewidth=1.8, marker=marker, markersize=3.2,
            )  # fmt: skip
        axes.set_ylim(max(LOWEST, lowest - 0.04), 1)
        axes.set_xlabel("step")
        axes.grid(visible=True, axis="y")
    return sheet.svg
