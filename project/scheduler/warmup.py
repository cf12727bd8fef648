"""Learning-rate schedules: factors between 0 and 1 as functions of the step alone, so that a run can be extended.

All warm up first: in step 0 the factor is 1 / warmup_steps, and it grows by as much each step until it is 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from project.contract import InputError


@dataclass(frozen=True, slots=True)
class Constant:
    """Full learning rate after the warm-up, for ever.

    >>> [Constant(warmup_steps=4)(step) for step in (0, 1, 3, 4, 1000)]
    [0.25, 0.5, 1.0, 1.0, 1.0]
    """

    warmup_steps: int

    def __call__(self, step: int) -> float:
        return _warmup(step, self.warmup_steps)


@dataclass(frozen=True, slots=True)
class Cosine:
    """After the warm-up down to `floor` along half a cosine, which `total_steps` ends; the floor from there on.

    >>> [round(Cosine(warmup_steps=2, total_steps=12, floor=0.1)(step), 3) for step in (0, 2, 7, 12, 99)]
    [0.5, 1.0, 0.55, 0.1, 0.1]
    """

    warmup_steps: int
    total_steps: int
    floor: float = 0.0

    def __post_init__(self) -> None:
        if self.total_steps <= self.warmup_steps:
            raise InputError(
                f"scheduler: total_steps {self.total_steps} is not above warmup_steps {self.warmup_steps}: "
                "train longer, or lower scheduler.warmup_steps"
            )

    def __call__(self, step: int) -> float:
        if step < self.warmup_steps:
            return _warmup(step, self.warmup_steps)
        way = min(1.0, (step - self.warmup_steps) / (self.total_steps - self.warmup_steps))
        return self.floor + (1 - self.floor) * 0.5 * (1 + math.cos(math.pi * way))


@dataclass(frozen=True, slots=True)
class InverseSqrt:
    """After the warm-up down with the square root of the step: for runs whose end is not known.

    >>> [InverseSqrt(warmup_steps=4)(step) for step in (0, 3, 15, 63)]
    [0.25, 1.0, 0.5, 0.25]
    """

    warmup_steps: int

    def __call__(self, step: int) -> float:
        return min(_warmup(step, self.warmup_steps), math.sqrt(max(self.warmup_steps, 1) / (step + 1)))


def _warmup(step: int, warmup_steps: int) -> float:
    return min(1.0, (step + 1) / warmup_steps) if warmup_steps else 1.0
