"""Whose hand is on the key: how long each mark and gap lasts, for machines, paddles, bugs and straight keys.

A keyboard sends as the rule book says. An iambic paddle makes marks and the gaps inside letters by electronics, the
hand makes the gaps between. A bug makes dits by a spring and leaves dahs to the hand. A straight key leaves everything
to it: dahs too short or long, gaps pressed together or pulled apart, each hand in a way of its own, and never twice the
same. Real fists differ in habits more than in jitter: habits are drawn once a sender, jitter at each mark.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from project.contract import InputError
from project.corpus.ranges import between_log, check_range
from project.text.morse import CODE, DAH, DIT, ELEMENT_GAP, LETTER_GAP, WORD_GAP, symbols_of

HANDS = ("machine", "paddle", "bug", "straight")
FASTEST = {"machine": np.inf, "paddle": 50.0, "bug": 40.0, "straight": 28.0}  # words a minute
_SHORTEST = 0.25  # units
_LIGHTEST = -0.5  # units that marks may lack
_ELECTRONIC = ("machine", "paddle")
_MOST_EATEN_SECONDS = 0.007
_FEWEST_LETTER_GAP = 1.7  # times the gap inside a letter, or nobody could tell letters
_FEWEST_WORD_GAP = 1.7  # times the gap between letters, or nobody could tell words


@dataclass(frozen=True, slots=True)
class Keying:
    """How text is sent, drawn anew for each utterance."""

    wpm: Sequence[float] = (8, 80)  # words a minute, drawn evenly on a logarithmic scale
    hands: Mapping[str, float] = field(default_factory=lambda: dict.fromkeys(HANDS, 0.25))  # parts of utterances
    gap_stretch: Sequence[float] = (0.6, 3)  # of the gaps between letters and words, against those inside letters
    eaten: float = 0.5  # part of machines and paddles whose swells eat into the marks, by up to 7 ms at any speed
    unsteadiness: float = 1.0  # of hands: 0 keeps habits and takes jitter and wandering speed away
    rise_ms: Sequence[float] = (2, 10)  # the tone swells and fades over this long, as a raised cosine

    def __post_init__(self) -> None:
        check_range("keying.wpm", self.wpm, 1)
        check_range("keying.gap_stretch", self.gap_stretch, 0.5)
        check_range("keying.rise_ms", self.rise_ms, 0)
        check_parts("keying.hands", self.hands, HANDS)
        if not 0 <= self.eaten <= 1:
            raise InputError(f"corpus: keying.eaten is {self.eaten}: give a part from 0 to 1")
        if self.unsteadiness < 0:
            raise InputError(f"corpus: keying.unsteadiness is {self.unsteadiness}: give 0 or more")


@dataclass(frozen=True, slots=True)
class Sender:
    """One operator at one key, in this one transmission."""

    hand: str
    wpm: float
    units: tuple[float, ...]  # mean lengths of dit, dah, gap inside a letter, between letters, between words
    spreads: tuple[float, ...]  # of the logarithms of these
    weight: float = 0.0  # units that marks are longer, and gaps shorter
    last_dah: float = 1.0  # how much longer a dah is at the end of a letter
    wander: float = 0.0  # standard deviation of the speed's logarithm, which wanders over some thirty marks
    hesitation: float = 0.0  # chance that a gap between letters is half as long again, up to more than twice as long

    @property
    def unit_seconds(self) -> float:
        """By the PARIS rule."""
        return 1.2 / self.wpm

    @property
    def dit_seconds(self) -> float:
        """By what this hand makes inside letters, dahs and gaps as well."""
        dit, dah, gap = self.units[:3]
        return self.unit_seconds * (dit + dah + 2 * gap) / (DIT + DAH + 2 * ELEMENT_GAP)

    @property
    def rule_seconds(self) -> float:
        """Seconds that a text takes for each unit of the rule book, about."""
        _, _, inside, between, words = self.units
        gaps = (8 * inside + 4 * between + words) / (8 * ELEMENT_GAP + 4 * LETTER_GAP + WORD_GAP)
        return self.unit_seconds * (0.45 * self.units[1] / DAH + 0.55 * gaps)


def draw_sender(keying: Keying, rng: np.random.Generator) -> Sender:
    """An operator with habits of their own."""
    chances = np.array([keying.hands.get(hand, 0.0) for hand in HANDS])
    hand = HANDS[int(rng.choice(len(HANDS), p=chances / chances.sum()))]
    low, high = keying.wpm
    wpm = between_log((low, max(low, min(high, FASTEST[hand]))), rng)
    habits = {"machine": _machine, "paddle": _paddle, "bug": _bug, "straight": _straight}[hand](keying, rng)
    if hand in _ELECTRONIC and rng.random() < keying.eaten:
        habits["weight"] = max(_LIGHTEST, habits["weight"] - rng.uniform(0, _MOST_EATEN_SECONDS) * wpm / 1.2)
    return Sender(hand=hand, wpm=wpm, **habits)


def _stretched(keying: Keying, rng: np.random.Generator) -> float:
    """The gaps' stretch: none for half of the senders, else pressed together or, more often, pulled apart."""
    if rng.random() < 0.5:
        return min(max(1.0, keying.gap_stretch[0]), keying.gap_stretch[1])
    return between_log(keying.gap_stretch, rng)


def _weight(rng: np.random.Generator, part: float) -> float:
    """Units that marks are longer, gaps shorter: small for most, some keys are very light or heavy."""
    return float(rng.uniform(-0.5, 0.4)) if rng.random() < part else float(rng.normal(0, 0.07))


def _machine(keying: Keying, rng: np.random.Generator) -> dict[str, Any]:
    stretch = _stretched(keying, rng)
    units = (DIT, DAH, ELEMENT_GAP, LETTER_GAP * stretch, WORD_GAP * stretch)
    return {"units": units, "spreads": (0.0,) * 5, "weight": _weight(rng, 0.15)}


def _paddle(keying: Keying, rng: np.random.Generator) -> dict[str, Any]:
    stretch, calm = _stretched(keying, rng), keying.unsteadiness
    letter = LETTER_GAP * stretch * rng.uniform(0.8, 1.3)
    word = max(WORD_GAP * stretch * rng.uniform(0.7, 1.3), _FEWEST_WORD_GAP * letter)
    dah = DAH if rng.random() < 0.7 else rng.uniform(2.6, 3.6)
    spread = calm * rng.uniform(0.05, 0.22)
    return {
        "units": (DIT, dah, ELEMENT_GAP, letter, word),
        "spreads": (0.0, 0.0, 0.0, spread, 1.2 * spread),
        "weight": _weight(rng, 0.15),
        "wander": calm * rng.uniform(0, 0.03),
        "hesitation": calm * rng.uniform(0, 0.03),
    }


def _bug(keying: Keying, rng: np.random.Generator) -> dict[str, Any]:
    stretch, calm = _stretched(keying, rng), keying.unsteadiness
    inside = rng.uniform(0.8, 1.3)
    letter = max(LETTER_GAP * stretch * rng.uniform(0.75, 1.4), _FEWEST_LETTER_GAP * inside)
    word = max(WORD_GAP * stretch * rng.uniform(0.7, 1.3), _FEWEST_WORD_GAP * letter)
    spread = calm * rng.uniform(0.06, 0.2)
    return {
        "units": (DIT, rng.uniform(2.4, 4.8), inside, letter, word),
        "spreads": (0.01 * calm, spread, 0.5 * spread, 1.2 * spread, 1.5 * spread),
        "weight": _weight(rng, 0.3),
        "last_dah": 1 + calm * max(0.0, rng.normal(0, 0.15)),
        "wander": calm * rng.uniform(0, 0.06),
        "hesitation": calm * rng.uniform(0, 0.03),
    }


def _straight(keying: Keying, rng: np.random.Generator) -> dict[str, Any]:
    stretch, calm = _stretched(keying, rng), keying.unsteadiness
    inside = between_log((0.65, 1.5), rng)
    letter = max(LETTER_GAP * stretch * rng.uniform(0.7, 1.4), _FEWEST_LETTER_GAP * inside)
    word = max(WORD_GAP * stretch * rng.uniform(0.65, 1.4), _FEWEST_WORD_GAP * letter)
    spread = calm * rng.uniform(0.05, 0.2)
    return {
        "units": (rng.uniform(0.85, 1.15), rng.uniform(2.3, 4.2), inside, letter, word),
        "spreads": (1.2 * spread, 0.8 * spread, 1.1 * spread, 1.1 * spread, 1.3 * spread),
        "weight": _weight(rng, 0.2),
        "last_dah": 1 + calm * max(0.0, rng.normal(0, 0.15)),
        "wander": calm * rng.uniform(0, 0.1),
        "hesitation": calm * rng.uniform(0, 0.04),
    }


def kinds_of(text: str) -> NDArray[np.int64]:
    """Marks and gaps in turn, from the first mark to the last: 0 dit, 1 dah, 2 gap inside, 3 of letters, 4 of words.

    >>> kinds_of("ET A").tolist()
    [0, 3, 1, 4, 0, 2, 1]
    """
    kinds: list[int] = []
    for symbol in symbols_of(text):
        if symbol == " ":
            kinds[-1] = 4
            continue
        for mark in CODE[symbol]:
            kinds += (0 if mark == "." else 1, 2)
        kinds[-1] = 3
    return np.array(kinds[:-1], dtype=np.int64)


def send(text: str, sender: Sender, rng: np.random.Generator) -> NDArray[np.float64]:
    """Seconds of each mark and gap in turn, from the first mark to the last."""
    kinds = kinds_of(text)
    lengths = np.array(sender.units, dtype=np.float64)[kinds]
    lengths *= np.exp(np.array(sender.spreads)[kinds] * rng.standard_normal(len(kinds)))
    if sender.last_dah != 1:
        lengths[:-1][(kinds[:-1] == 1) & (kinds[1:] >= 3)] *= sender.last_dah
    if sender.hesitation:
        long = (kinds == 3) & (rng.random(len(kinds)) < sender.hesitation)
        lengths[long] *= rng.uniform(1.5, 2.2, size=long.sum())
    if sender.wander:
        lengths *= np.exp(sender.wander * wandering(len(kinds), 30, rng))
    lengths[0::2] += sender.weight
    lengths[1::2] -= sender.weight
    return np.asarray(np.maximum(lengths, _SHORTEST) * sender.unit_seconds)


def wandering(count: int, slowness: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """A smooth random curve of deviation 1 that forgets itself within about `slowness` steps."""
    knots = int(np.ceil(count / slowness)) + 3
    places = (np.arange(count) / slowness) + rng.random()
    return np.interp(places, np.arange(knots), rng.standard_normal(knots)) / 0.82  # what interpolation leaves of 1


def check_parts(name: str, parts: Mapping[str, float], known: Sequence[str]) -> None:
    """Parts are named, none is negative, and they are not all nothing."""
    unknown = sorted(set(parts) - set(known))
    if unknown:
        raise InputError(f"corpus: {name}.{unknown[0]}: no such kind: choose from {', '.join(known)}")
    if min(parts.values(), default=0) < 0 or sum(parts.values()) <= 0:
        raise InputError(f"corpus: {name} is {dict(parts)}: give parts of 0 or more, and one above 0")
