"""What a search may choose from: for each key an interval of numbers, or some values.

It does not know how users write such things, nor what the keys mean.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from project.contract import InputError

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

DIGITS = 6  # that a number is given with


@dataclass(frozen=True, slots=True)
class Interval:
    """Numbers from low to high, both of them included."""

    low: float
    high: float
    log: bool = False  # each power of ten is as likely as another
    whole: bool = False
    step: float | None = None  # None: all numbers between

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise InputError("holds no two values: the first number must be less than the second")
        if self.log and self.low <= 0:
            raise InputError("a logarithm needs numbers above 0: begin with a small one, such as 1e-6")
        if self.log and self.step not in (None, 1):
            raise InputError("a range with steps has no logarithm: use log(a,b)")

    def distribution(self) -> BaseDistribution:
        """The same for Optuna."""
        from optuna.distributions import FloatDistribution, IntDistribution

        if self.whole:
            return IntDistribution(int(self.low), int(self.high), log=self.log, step=int(self.step or 1))
        return FloatDistribution(self.low, self.high, log=self.log, step=self.step)

    def spell(self, value: Any) -> str:
        """A value as it is written on the command line: never outside of the interval.

        >>> Interval(1e-5, 1e-2, log=True).spell(0.00031622776601683794), Interval(1, 64, whole=True).spell(17)
        ('0.000316228', '17')
        >>> Interval(0.0, 0.1234567).spell(0.1234567)
        '0.1234567'
        """
        if self.whole:
            return str(int(value))
        text = f"{value:.{DIGITS}g}"
        return text if self.low <= float(text) <= self.high else repr(float(value))

    def tries(self) -> tuple[str, ...]:
        """Values by which to see whether the key takes such: of all numbers between, one with a fraction."""
        if self.whole or self.step:
            return (self.spell(self.low),)
        middle = math.sqrt(self.low * self.high) if self.log else self.low + (self.high - self.low) / math.pi
        return (self.spell(middle),)


@dataclass(frozen=True, slots=True)
class Choice:
    """Some values, as they are written on the command line; none is nearer to another."""

    values: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(set(self.values)) < 2:
            raise InputError("holds one value: give several, or say key=value without a search")
        if len(set(self.values)) < len(self.values):
            raise InputError("names a value twice: leave one out")

    def distribution(self) -> BaseDistribution:
        """The same for Optuna."""
        from optuna.distributions import CategoricalDistribution

        return CategoricalDistribution(self.values)

    def spell(self, value: Any) -> str:
        """A value as it is written on the command line."""
        return str(value)

    def tries(self) -> tuple[str, ...]:
        """Values by which to see whether the key takes such: all of them."""
        return self.values


Axis = Interval | Choice
