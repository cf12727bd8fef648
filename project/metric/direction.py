"""Which of two figures is the better one, whatever its metric: lower, higher, or nearer to one."""

from __future__ import annotations


def shortfall(figure: float, better: str) -> float:
    """A figure turned so that less is better.

    >>> [shortfall(0.25, better) for better in ("lower", "higher", "one")], shortfall(1.75, "one")
    ([0.25, -0.25, 0.75], 0.75)
    """
    return abs(1 - figure) if better == "one" else -figure if better == "higher" else figure
