"""Which of two figures is the better one, whatever its metric: lower, higher, or nearer to one."""

from __future__ import annotations


def distance(figure: float, better: str) -> float:
    """How far a figure is from the best, as far as order goes.

    >>> [distance(0.25, better) for better in ("lower", "higher", "one")]
    [0.25, -0.25, 0.75]
    """
    return {"lower": figure, "higher": -figure, "one": abs(1 - figure)}[better]
