"""Units of sound in figures: how many are used, how evenly, and what they have to do with phones.

It does not know how units are found.
"""

from __future__ import annotations

import math
from collections import Counter

import numpy as np

from project.contract import Example
from project.data.kmeans import Units


class UnitCounts:
    """Counts over many recordings, each one's units frame by frame."""

    def __init__(self, clusters: int) -> None:
        self.clusters = clusters
        self.frames_K = np.zeros(clusters, np.int64)
        self.squares = 0.0  # of frames' distances from their centres, added up
        self._phones: Counter[tuple[int, str]] = Counter()  # of places where a phone is known to be

    def add(self, example: Example, units_T: Units, squares: float) -> None:
        """One recording more."""
        self.frames_K += np.bincount(units_T, minlength=self.clusters)
        self.squares += squares
        for place, phone in phone_places(example, len(units_T)):
            self._phones[int(units_T[place]), phone] += 1

    @property
    def line(self) -> str:
        """All figures in words."""
        frames = max(1, int(self.frames_K.sum()))
        told = (
            f"{self.clusters} clusters of {frames:,} frames: inertia {self.squares / frames:.4g} a frame, "
            f"{np.count_nonzero(self.frames_K)} used, perplexity {perplexity(self.frames_K):.1f}"
        )
        if self._phones:
            told += f", phone purity {purity(self._phones):.3f} ({commonest(self._phones):.3f} if there were one unit)"
        return told


def perplexity(counts_K: Units) -> float:
    """Of how many equally frequent units this is worth.

    >>> perplexity(np.array([5, 5, 0, 5, 5])), round(perplexity(np.array([98, 1, 1])), 2)
    (4.0, 1.12)
    """
    parts_K = counts_K[counts_K > 0] / max(1, counts_K.sum())
    return math.exp(-float((parts_K * np.log(parts_K)).sum()))


def purity(phones: Counter[tuple[int, str]]) -> float:
    """The part of places that would be told rightly if each unit stood for its commonest phone.

    >>> purity(Counter({(0, "AA"): 3, (0, "B"): 1, (1, "B"): 4}))
    0.875
    """
    best: dict[int, int] = {}
    for (unit, _), count in phones.items():
        best[unit] = max(best.get(unit, 0), count)
    return sum(best.values()) / phones.total()


def commonest(phones: Counter[tuple[int, str]]) -> float:
    """The part of places that have the commonest phone of all.

    >>> commonest(Counter({(0, "AA"): 3, (0, "B"): 1, (1, "B"): 4}))
    0.625
    """
    counts: Counter[str] = Counter()
    for (_, phone), count in phones.items():
        counts[phone] += count
    return max(counts.values()) / counts.total()


def phone_places(example: Example, frames: int) -> list[tuple[int, str]]:
    """At which frame each symbol is, as `labels.places` says in the unit of lengths; nothing where it does not.

    >>> phone_places(Example("a", "a.wav", 2.0, symbols=("AA", "B"), labels={"places": [0.5, 2.0]}), 100)
    [(25, 'AA'), (99, 'B')]
    """
    places = (example.labels or {}).get("places")
    if not isinstance(places, list) or not example.symbols or len(places) != len(example.symbols):
        return []
    rows = (np.asarray(places, dtype=np.float64) * (frames / example.length)).astype(np.int64).clip(0, frames - 1)
    return list(zip(rows.tolist(), example.symbols, strict=True))
