"""How units of sound are written: `17 17 4 80`, the number of each frame's unit, as clustering has found them.

The notation of learning without labels. It does not know how long a frame is, nor what a unit sounds like.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from project.contract import Example, InputError
from project.text.alphabet import Alphabet


class UnitNotation:
    """Units from 0 to `units` - 1 as an alphabet, in which unit 0 is symbol 1; `labels.units` says each frame's.

    >>> notation = UnitNotation(100)
    >>> line = Example("a", "a.wav", 0.1, labels={"units": [17, 17, 4]})
    >>> notation.reference(line), notation.targets("17 17 4", line, 1600)
    ('17 17 4', ({'units': [17, 17, 4]}, {}))
    """

    reads: Literal["text", "labels"] = "labels"

    def __init__(self, units: int) -> None:
        if units < 2:
            raise InputError(f"text.units={units}: give as many as clusters were asked for, 2 or more")
        self.alphabet = Alphabet(tuple(map(str, range(units))), " ")
        self.settings: Mapping[str, Any] = {"alphabet": self.alphabet.hash, "normalize": []}
        self._units = units

    def reference(self, example: Example) -> str:
        """What an example is scored against."""
        units = (example.labels or {}).get("units")
        if not isinstance(units, list) or not units or not all(type(unit) is int for unit in units):
            raise InputError("no `labels.units`, a list of numbers: make them with `scansion prepare cluster`")
        if not 0 <= min(units) <= max(units) < self._units:
            odd = min(units) if min(units) < 0 else max(units)
            raise InputError(
                f"`labels.units` has {odd}, outside of 0 to {self._units - 1}: set text.units to its clusters"
            )
        return self.alphabet.separator.join(map(str, units))

    def targets(self, reference: str, example: Example, frames: int) -> tuple[dict[str, list[int]], dict[str, Any]]:
        """What is learned: the numbers, from 0."""
        return {"units": [int(unit) for unit in reference.split()]}, {}

    def for_validation(self) -> UnitNotation:
        """The same: nothing that is scored is outside of the units."""
        return self

    def lenient(self) -> UnitNotation:
        """The same, for the same reason."""
        return self
