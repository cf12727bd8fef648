"""Dice: choices one after another, many times faster than numpy's generators make them singly."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import TypeVar

import numpy as np

Item = TypeVar("Item")

_BLOCK = 64  # numbers drawn at once


class Dice:
    """Choices made with the numbers of a numpy generator, which are drawn in blocks: the last block is used in part."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._numbers: Iterator[float] = iter(())

    def number(self) -> float:
        """From 0 up to, but not including, 1."""
        for number in self._numbers:
            return number
        self._numbers = iter(self._rng.random(_BLOCK).tolist())
        return next(self._numbers)

    def chance(self, probability: float) -> bool:
        return self.number() < probability

    def between(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return low + int(self.number() * (high - low + 1))

    def pick(self, items: Sequence[Item]) -> Item:
        """One of the items, each as likely as another."""
        return items[int(self.number() * len(items))]

    def pick_early(self, items: Sequence[Item]) -> Item:
        """One of the items, the first ones more often: half of the time one of the first quarter."""
        number = self.number()
        return items[int(number * number * len(items))]

    def weigh(self, weights: Sequence[float]) -> int:
        """The place of one of the weights, the heavier the more often."""
        sums = list(accumulate(weights))
        height = self.number() * sums[-1]
        return next(place for place, total in enumerate(sums) if height < total)
