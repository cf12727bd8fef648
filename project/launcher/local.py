"""Points one after the other, in this process: nothing is imported twice."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from project.stop import SIGNALLED
from project.sweep import Point, Sweep


class Local:
    """Runs each point here; one that fails does not take the others down, a signal stops them all."""

    waits = True

    def launch(self, sweep: Sweep, points: Sequence[Point], work: Callable[[Point], int]) -> None:
        """One after the other."""
        for number, point in enumerate(points, 1):
            print(f"point    {number} of {len(points)}: {point.told}", file=sys.stderr)
            if work(point) >= SIGNALLED:
                return
