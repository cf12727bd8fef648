"""Who signs: how long the arms are, which hand leads, how fast, how large and how carelessly, and what is peculiar.

Signers differ from the lexicon in habits, which are drawn once, and from themselves at each sign.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from project.contract import InputError
from project.corpus.ranges import between, between_log, check_range
from project.corpus.signer.hand import NUM_ANGLES, SHAPES
from project.corpus.signer.lexicon import GLOSSES
from project.corpus.signer.space import PLACES
from project.corpus.splits import SPLITS

_SIGNERS = 201  # the first stream of random numbers that is of signers: one for each split


@dataclass(frozen=True, slots=True)
class Signing:
    """How people sign, drawn once a signer; `strength` is how much they differ, and so how hard it is."""

    tempo: Sequence[float] = (0.8, 1.35)  # times as fast as the lexicon says
    left_handed: float = 0.15  # part of signers
    sloppiness: Sequence[float] = (0.3, 1.0)  # how far into a sign the way to it, and from it, reaches; 0 to 1
    strength: float = 1.0  # of all that is peculiar to a signer or a moment; 0 signs as the lexicon says

    def __post_init__(self) -> None:
        check_range("signing.tempo", self.tempo, 0.2, 5)
        check_range("signing.sloppiness", self.sloppiness, 0, 1)
        if not 0 <= self.left_handed <= 1:
            raise InputError(f"corpus: signing.left_handed is {self.left_handed}: give a part from 0 to 1")
        if not 0 <= self.strength <= 3:
            raise InputError(f"corpus: signing.strength is {self.strength:g}: give a number from 0 to 3")


@dataclass(frozen=True, slots=True)
class Signer:
    """One person with habits; sizes are times those of the ordinary body."""

    name: str
    left_handed: bool
    tempo: float
    sloppiness: float
    strength: float
    amplitude: float  # of movements
    arms: float
    hands: float
    head: NDArray[np.float64]  # (3,) width, height, and how high it sits
    hips: float
    expression: float  # of the face, at signs
    mouthing: float  # of the face, whatever is signed
    waiting: float  # how high the hand waits that has nothing to do: 0 in the lap, 1 ready
    places_PX: NDArray[np.float64]  # by how much each place is elsewhere
    shapes_SK: NDArray[np.float64]  # and each shape's angles
    turns_GQ: NDArray[np.float64]  # and each sign's turn
    rhythm_G: NDArray[np.float64]  # times as long as in the lexicon


def draw_signer(split: str, number: int, signing: Signing, seed: int) -> Signer:
    """The signer of that number: no two splits share one."""
    rng = np.random.default_rng([seed, _SIGNERS + SPLITS.index(split), number])
    strength = signing.strength

    def times(spread: float) -> float:
        return float(np.exp(strength * spread * np.clip(rng.standard_normal(), -2, 2)))

    return Signer(
        name=f"{split}-{number:04d}",
        left_handed=bool(rng.random() < signing.left_handed),
        tempo=between_log(signing.tempo, rng),
        sloppiness=between(signing.sloppiness, rng),
        strength=strength,
        amplitude=times(0.22),
        arms=times(0.05),
        hands=times(0.07),
        head=np.array([times(0.06), times(0.06), strength * 0.05 * np.clip(rng.standard_normal(), -2, 2)]),
        hips=times(0.06),
        expression=times(0.35),
        mouthing=strength * between((0, 0.5), rng),
        waiting=strength * between((0, 0.6), rng),
        places_PX=strength * 0.1 * rng.standard_normal((len(PLACES), 3)),
        shapes_SK=strength * 0.24 * rng.standard_normal((len(SHAPES), NUM_ANGLES)),
        turns_GQ=strength * 0.13 * rng.standard_normal((len(GLOSSES), 4)),
        rhythm_G=np.exp(strength * 0.15 * np.clip(rng.standard_normal(len(GLOSSES)), -2, 2)),
    )


def check_made(seed: int, frame_rate: float) -> None:
    """What is made needs a seed that generators take, and frames enough to show a sign."""
    if seed < 0:
        raise InputError(f"corpus: seed is {seed}: give 0 or more")
    if not 5 <= frame_rate <= 1000:
        raise InputError(f"corpus: frame_rate is {frame_rate:g}: give frames a second, 5 to 1000")
