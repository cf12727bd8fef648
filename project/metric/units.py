"""Metrics of units of sound: how many frames that were asked for were told rightly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from project.contract import Hypothesis, InputError
from project.text.alphabet import Alphabet


class UnitAccuracy:
    """The part of the frames asked for whose unit is right.

    Those are the frames that a hypothesis says something of; one that places nothing speaks of frames from the first on
    and was asked for all. It does not know that some units are more frequent: compare it with the majority guess.
    """

    def __init__(self, name: str, alphabet: Alphabet) -> None:
        self.name = name
        self.better: Literal["lower", "higher"] = "higher"
        self._columns = f"{name}_right", f"{name}_asked"
        self.ratios: Mapping[str, tuple[Sequence[str], Sequence[str]]] = {
            name: ((self._columns[0],), (self._columns[1],))
        }
        self._alphabet = alphabet

    def score(self, reference: str, hypothesis: Hypothesis) -> Mapping[str, float]:
        """How many frames are right, and how many were asked for. Frames beyond the reference count as neither."""
        wanted, said = self._alphabet.split(reference), self._alphabet.split(hypothesis.text)
        places = [start for start, _ in hypothesis.spans] or list(range(len(said)))
        pairs = [(symbol, wanted[place]) for symbol, place in zip(said, places, strict=True) if place < len(wanted)]
        asked = len(pairs) if hypothesis.spans else len(wanted)
        right, count = self._columns
        return {right: float(sum(one == other for one, other in pairs)), count: float(asked)}

    def summarize(self, columns: Mapping[str, Sequence[float]]) -> Mapping[str, float]:
        """The part of all examples' frames."""
        right, count = self._columns
        asked = sum(columns[count])
        if not asked:
            raise InputError(f"metric.{self.name}: no frame was asked for: evaluate examples that have units")
        return {self.name: sum(columns[right]) / asked}
