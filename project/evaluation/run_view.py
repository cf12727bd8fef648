"""A run as people look at it beside its Report: its curves, settings and surroundings, as plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

Curve = list[tuple[int, float]]


@dataclass(frozen=True, slots=True)
class RunView:
    """What the page shows of a run beside its Report."""

    name: str  # as in the Report
    folder: str
    curves: Mapping[str, Curve] = field(default_factory=dict)  # name of a scalar -> (step, value)
    environment: Mapping[str, object] = field(default_factory=dict)  # versions, hardware, code state; may be nested
    command: str = ""
    settings: Mapping[str, object] = field(default_factory=dict)  # dotted key -> value, of what can change results
    checks: Sequence[str] = ()  # of the diagnosis that watched it, by name


def view_of(views: Mapping[str, RunView], run: str) -> RunView:
    """What is known of a run; one of which nothing is told has its name alone."""
    return views.get(run, RunView(run, ""))
