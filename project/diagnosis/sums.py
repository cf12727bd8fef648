"""Named sums that grow batch by batch, and process by process."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping


class Sums(defaultdict[str, float]):
    """Name -> sum so far, 0 where nothing was added.

    >>> sums = Sums()
    >>> sums.add({"frames": 2})
    >>> sums.add({"frames": 3})
    >>> sums["frames"], sums["examples"]
    (5.0, 0.0)
    """

    def __init__(self) -> None:
        super().__init__(float)

    def add(self, parts: Mapping[str, float]) -> None:
        """More of each."""
        for name, value in parts.items():
            self[name] += float(value)
