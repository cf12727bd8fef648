"""What a person sees of points that run beside each other: a line for each that ends, and in a terminal one that moves.

It does not know how they are run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.text import Text

SHOWN = ("done", "running", "failed", "stopped", "requeued", "pruned")


class Telling:
    """Writes to standard error. Where that is no terminal the moving line is left out."""

    def __init__(self, total: int, console: Console | None = None) -> None:
        self.total = total
        self.console = console or Console(stderr=True)
        self._live: Live | None = None
        self._shown = ""

    @contextmanager
    def moving(self) -> Iterator[None]:
        """While this holds, there is a line that moves."""
        if not self.console.is_terminal:
            yield
            return
        with Live(console=self.console, auto_refresh=False, transient=True) as self._live:
            yield
        self._live = None

    def say(self, line: str, style: str | None = None) -> None:
        """One line that stays."""
        self.console.print(line, style=style, markup=False, highlight=False, soft_wrap=True)

    def show(self, states: Iterable[str], figure: str) -> None:
        """How it stands with all points, and the last figure that one of them wrote."""
        line = standing(states, self.total, figure)
        if self._live is not None and line != self._shown:
            self._live.update(Text(line, no_wrap=True, overflow="ellipsis"), refresh=True)
            self._shown = line


def standing(states: Iterable[str], total: int, figure: str = "") -> str:
    """How many points came how far.

    >>> standing(["done", "running", "running", "failed", "pending"], 5, "seed=2: dev/cer 0.04")
    '5 points: 1 done, 2 running, 1 failed, 1 waiting  seed=2: dev/cer 0.04'
    """
    counts = Counter(states)
    known = [f"{counts[name]} {name}" for name in SHOWN if counts[name]]
    waiting = total - sum(counts[name] for name in SHOWN)
    known += [f"{waiting} waiting"] if waiting else []
    return f"{total} points: {', '.join(known)}{f'  {figure}' if figure else ''}"
