"""What the steps of a shift have in common: sound while it is worked on, its power, and chance of their own.

A step is first drawn, then applied: what was drawn is what the manifest's line says of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Sound: TypeAlias = NDArray[np.float64]  # mono, full scale is 1, not limited while it is worked on


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a step may ask about the recording that it changes."""

    rate: int  # samples a second
    others: Callable[[np.random.Generator, int], list[Sound]]  # so many recordings of other speakers, at that rate


class Step(Protocol):
    """One way in which recordings of another domain differ."""

    def draw(self, rng: np.random.Generator) -> Mapping[str, Any]:
        """What happens to one recording, in the words of its line; empty if this step is off."""

    def apply(self, sound: Sound, around: Surroundings, drawn: Mapping[str, Any], rng: np.random.Generator) -> Sound:
        """The recording after what was drawn; `rng` is the generator that drew it."""


def power(sound: Sound) -> float:
    """The mean square of all samples, the silent ones too, about their mean: a constant offset has no power.

    >>> power(np.array([2.0, 4.0, 2.0, 4.0]))
    1.0
    """
    return float(np.var(sound))


def chance(seed: int, name: str, step: str) -> np.random.Generator:
    """The generator of one step for one recording: the same wherever it stands, and whichever other steps are on."""
    digest = hashlib.sha256(f"{step}\0{name}".encode()).digest()
    return np.random.default_rng([seed, int.from_bytes(digest)])
