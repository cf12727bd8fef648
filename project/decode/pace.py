"""Against drift: texts whose symbols would have to be longer or shorter than the rest of the recording allows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from project.contract import InputError
from project.decode.frames import Floats, Ints
from project.text.alphabet import Alphabet

_FEWEST = 4  # symbols from which a pace can be told
_MOST = 1.5  # misfit that one symbol can have: a pause is no error


_LEANS = (0.0, 0.5, 1.0)  # a recognizer tells a symbol where it ends, in its middle, or where it begins


@dataclass(frozen=True, slots=True)
class Pace:
    """How long symbols are, in units whose length each recording tells by itself.

    From one symbol to the next it takes the length of the first, of the second, or their mean, as a recognizer tells
    symbols at their beginnings, ends or middles: what fits the likeliest text best is taken, with the median unit.
    `weight` is what a text loses for each symbol that comes e times too late or too early.
    """

    weight: float = 0.0
    units: Mapping[str, float] = field(default_factory=dict)  # of each symbol, the gap after it included

    def table(self, alphabet: Alphabet) -> Floats | None:
        """Units of each id; none without a weight."""
        if not self.weight:
            return None
        if missing := [symbol for symbol in alphabet.symbols if not self.units.get(symbol, 0) > 0]:
            raise InputError(f"decode.pace.units: no length for {missing[0]!r}: give every symbol one above 0")
        return np.array([1.0, *(self.units[symbol] for symbol in alphabet.symbols)])

    def penalties(self, units_V: Floats, tokens: Sequence[Ints], starts: Sequence[Ints]) -> list[float]:
        """What to take from the score of each text of one recording; the first is the likeliest."""
        if len(tokens[0]) < _FEWEST:
            return [0.0] * len(tokens)
        fits = [_Fit.of(units_V, tokens[0], starts[0], lean) for lean in _LEANS]
        best = min(fits, key=lambda fit: fit.misfit(units_V, tokens[0], starts[0]))
        return [self.weight * best.misfit(units_V, ids, start) for ids, start in zip(tokens, starts, strict=True)]


@dataclass(frozen=True, slots=True)
class _Fit:
    unit: float  # frames
    lean: float  # how much of the way between two symbols is the first one's length

    @classmethod
    def of(cls, units_V: Floats, tokens: Ints, starts: Ints, lean: float) -> _Fit:
        one = cls(1.0, lean)
        return cls(float(np.median(_intervals(starts) / one.expected(units_V, tokens))), lean)

    def expected(self, units_V: Floats, tokens: Ints) -> Floats:
        units = units_V[tokens] * self.unit
        frames: Floats = self.lean * units[:-1] + (1 - self.lean) * units[1:]
        return frames

    def misfit(self, units_V: Floats, tokens: Ints, starts: Ints) -> float:
        ratios = _intervals(starts) / self.expected(units_V, tokens)
        return float(np.abs(np.log(ratios)).clip(max=_MOST).sum())


def _intervals(starts: Ints) -> Floats:
    return np.maximum(np.diff(starts), 0.5)
