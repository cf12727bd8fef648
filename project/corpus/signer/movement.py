"""How a sentence is moved: when each sign is made, and where hands and face are in between.

Nothing pauses between signs: each is still being left while the next one is approached, the more so the sloppier the
signer. So a sign's beginning and end look as its neighbours make them look.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from project.corpus.signer.face import EXPRESSION
from project.corpus.signer.hand import NUM_ANGLES, SHAPES
from project.corpus.signer.lexicon import GLOSSES, SIGNS, Sign
from project.corpus.signer.space import HEAD_PLACES, MOVEMENT_ROWS, MOVEMENTS_MK, PLACES, PLACES_PX, TURNS, TURNS_RQ
from project.corpus.signer.style import Signer

Array = NDArray[np.float64]

REST_SECONDS: Final = (0.05, 0.35)  # hands in the lap, before and again after
_FIRST_WAY, _FARTHER = 0.07, 0.1  # seconds from one sign to the next, and more for each shoulder width
_RISE_SECONDS: Final = 0.26  # from the lap to the first sign, and back
_HAND_LEADS, _FACE_LASTS = 0.04, 0.06  # seconds: shapes change before places do, faces before and after
_REACH: Final = 0.4  # of a sign that the way to it takes at a sloppiness of 1
_READY: Final = np.array([-0.2, 0.8, -0.75])  # where a hand waits that will soon be wanted
_SHAPE_ROWS: Final = {name: row for row, name in enumerate(SHAPES)}
_SHAPES_SK: Final = np.stack(list(SHAPES.values()))
_GLOSS_ROWS = {gloss: row for row, gloss in enumerate(GLOSSES)}
_SHARP: Final = 0.4  # part of a sharp sign's time in which its whole way is made


@dataclass(frozen=True, slots=True)
class Timing:
    """When a sentence's signs are made, without the ways between them, in seconds; S signs."""

    starts_S: Array
    ends_S: Array
    seconds: float  # of the whole, with the hands in the lap before and after

    def lasting(self, seconds: float) -> Timing:
        """The same, slower or faster."""
        part = seconds / self.seconds
        return replace(self, starts_S=self.starts_S * part, ends_S=self.ends_S * part, seconds=seconds)


@dataclass(frozen=True, slots=True)
class Motion:
    """What moves, for T frames; two hands, first the leading one, each as a right hand does it."""

    palms_HTX: Array  # middles of the palms
    turns_HTQ: Array
    angles_HTK: Array  # of the fingers
    face_TE: Array


def time_signs(signs: Sequence[Sign], signer: Signer, rng: np.random.Generator) -> Timing:
    """A time for each sign, at the signer's tempo."""
    rows = [_GLOSS_ROWS[sign.gloss] for sign in signs]
    jitter = np.exp(signer.strength * 0.12 * np.clip(rng.standard_normal(len(signs)), -2, 2))
    lengths = np.array([sign.seconds for sign in signs]) * signer.rhythm_G[rows] * jitter
    ends, starts = ([PLACES[sign.places[side]] for sign in signs] for side in (1, 0))
    far = np.linalg.norm(PLACES_PX[ends[:-1]] - PLACES_PX[starts[1:]], axis=1)
    ways = _FIRST_WAY + _FARTHER * far
    before, after = rng.uniform(*REST_SECONDS, size=2)
    starts_S = np.concatenate([[0.0], np.cumsum(lengths[:-1] + ways)]) / signer.tempo + before + _RISE_SECONDS
    ends_S = starts_S + lengths / signer.tempo
    return Timing(starts_S, ends_S, float(ends_S[-1] + _RISE_SECONDS + after))


@cache
def typical_seconds(count: int) -> float:
    """How long a sentence of so many glosses lasts at an ordinary tempo, rests included."""
    mean_sign = float(np.mean([sign.seconds for sign in SIGNS.values()]))
    ends, starts = (PLACES_PX[[PLACES[sign.places[side]] for sign in SIGNS.values()]] for side in (1, 0))
    far = float(np.linalg.norm(ends[:, None] - starts, axis=2).mean())
    rests = 2 * _RISE_SECONDS + sum(REST_SECONDS)
    return count * mean_sign + (count - 1) * (_FIRST_WAY + _FARTHER * far) + rests


def move(signs: Sequence[Sign], timing: Timing, signer: Signer, times_T: Array, rng: np.random.Generator) -> Motion:
    """Hands and face at these times."""
    weights = _Weights(timing, signer.sloppiness, times_T)
    place_TI, hand_TI = weights.at(0.0), weights.at(_HAND_LEADS)
    done_TS = _progress(signs, timing, times_T)
    moves_SK = MOVEMENTS_MK[[MOVEMENT_ROWS[sign.movement] for sign in signs]]
    hands = []
    for leads in (True, False):
        turned = np.array([not leads and sign.hands == "turns" for sign in signs])
        along_TS, aside_TSX = _way(done_TS, moves_SK, turned)
        shift_SX = signer.strength * 0.055 * rng.standard_normal((len(signs), 3))
        palms = _places(signs, signer, leads, shift_SX, along_TS, signer.amplitude * aside_TSX)
        change_TS1 = along_TS[..., None]
        turns = _turns(signs, signer, leads, change_TS1)
        noise_SK = signer.strength * 0.14 * rng.standard_normal((len(signs), NUM_ANGLES))
        angles = _angles(signs, signer, leads, noise_SK, change_TS1)
        blended = (_blend(place_TI, palms), _blend(place_TI, turns), _blend(hand_TI, angles))
        between_T = 1 - np.square(place_TI).sum(axis=1)
        blended[0][:, 1] += 0.12 * signer.sloppiness * between_T  # the hand sinks on its way
        hands.append(blended)
    faces_IE = np.zeros((len(signs) + 2, len(EXPRESSION)))
    faces_IE[1:-1] = signer.expression * np.array([sign.face for sign in signs])
    palms_HTX, turns_HTQ, angles_HTK = (np.stack(parts) for parts in zip(*hands, strict=True))
    return Motion(palms_HTX, turns_HTQ, angles_HTK, weights.at(0.0, _FACE_LASTS) @ faces_IE)


class _Weights:
    """How much of each item there is at each time; items are the lap, the signs, and the lap again."""

    def __init__(self, timing: Timing, sloppiness: float, times_T: Array) -> None:
        inside = _REACH * sloppiness * (timing.ends_S - timing.starts_S)
        self._starts = np.concatenate([[timing.starts_S[0] - _RISE_SECONDS], timing.ends_S - inside])
        self._ends = np.concatenate([timing.starts_S + inside, [timing.ends_S[-1] + _RISE_SECONDS]])
        self._times_T = times_T

    def at(self, lead: float, longer: float = 0.0) -> Array:
        """(T, I) with borders so many seconds earlier, and that much longer to either side."""
        starts, ends = self._starts - lead - longer, self._ends - lead + longer
        part = np.clip((self._times_T[:, None] - starts) / (ends - starts), 0, 1)
        passed = part * part * (3 - 2 * part)
        edge = np.ones((len(passed), 1))
        return np.asarray(-np.diff(np.hstack([edge, passed, 0 * edge]), axis=1))


def _progress(signs: Sequence[Sign], timing: Timing, times_T: Array) -> Array:
    """(T, S) from 0 to 1: how far along its way each sign is."""
    part = np.clip((times_T[:, None] - timing.starts_S) / (timing.ends_S - timing.starts_S), 0, 1)
    sharp = np.minimum(part / _SHARP, 1)
    is_sharp = [sign.speed == "sharp" for sign in signs]
    even = part - 0.05 * np.sin(2 * np.pi * part)
    return np.where(is_sharp, sharp * sharp * (3 - 2 * sharp), even)


def _way(done_TS: Array, moves_SK: Array, turned: NDArray[np.bool_]) -> tuple[Array, Array]:
    """(T, S) from where a sign begins, 0, to where it ends, 1, and (T, S, 3) what it makes besides."""
    repeats, half_turns = moves_SK[:, 0], moves_SK[:, 1]
    lift, swing, around = (moves_SK[:, first : first + 3] for first in (2, 5, 8))
    late = np.where(turned, np.pi / 2, 0.0)
    again = np.square(np.sin(np.pi * repeats * done_TS + late))
    angle = np.pi * half_turns * done_TS + 2 * late
    along_TS = np.where(repeats > 0, again, done_TS)
    rises = np.where(repeats > 0, 1 - again, 0.0)[..., None] * lift
    return along_TS, rises + np.sin(angle)[..., None] * swing + (1 - np.cos(angle))[..., None] * around


def _with_lap(values_TSC: Array, lap_C: Array) -> Array:
    """(T, S + 2, C)"""
    lap = np.broadcast_to(lap_C, (len(values_TSC), 1, len(lap_C)))
    return np.concatenate([lap, values_TSC, lap], axis=1)


def _blend(weights_TI: Array, values_TIC: Array) -> Array:
    return np.asarray(np.matmul(weights_TI[:, None, :], values_TIC)[:, 0])


def _idle(signs: Sequence[Sign]) -> NDArray[np.bool_]:
    """(S, 1) where the hand that does not lead has nothing to do."""
    return np.array([[sign.hands == "one"] for sign in signs])


def _rows(signs: Sequence[Sign], leads: bool, known: Mapping[str, int], part: str, base: str) -> list[list[int]]:
    """Rows of where each sign begins, and of where it ends; of a hand that lies as a base, twice the base's."""
    words = [(base, base) if sign.hands == "base" and not leads else getattr(sign, part) for sign in signs]
    return [[known[pair[side]] for pair in words] for side in (0, 1)]


def _places(
    signs: Sequence[Sign], signer: Signer, leads: bool, shift_SX: Array, along_TS: Array, aside_TSX: Array
) -> Array:
    """(T, I, 3)"""
    places = PLACES_PX + signer.places_PX
    width, height, sits = signer.head
    places[HEAD_PLACES] *= (width, height, 1)
    places[HEAD_PLACES, 1] -= sits
    lap = places[PLACES["lap"]]
    first, last = (places[rows] + shift_SX for rows in _rows(signs, leads, PLACES, "places", "base"))
    middle = (first + last) / 2
    first, last = (middle + signer.amplitude * (end - middle) for end in (first, last))
    still = np.array([[not leads and sign.hands == "base"] for sign in signs])
    made = first + along_TS[..., None] * (last - first) + np.where(still, 0.0, aside_TSX)
    if not leads:
        made = np.where(_idle(signs), lap + signer.waiting * (_READY - lap), made)
    return _with_lap(made, lap)


def _turns(signs: Sequence[Sign], signer: Signer, leads: bool, change_TS1: Array) -> Array:
    """(T, I, 4) with each quaternion on the side of the one before, so that none lies opposite."""
    relaxed = TURNS_RQ[TURNS["relaxed"]]
    peculiar = signer.turns_GQ[[_GLOSS_ROWS[sign.gloss] for sign in signs]]
    first, last = (TURNS_RQ[rows] + peculiar for rows in _rows(signs, leads, TURNS, "turns", "fu"))
    if not leads:
        first, last = (np.where(_idle(signs), relaxed, end) for end in (first, last))
    items = np.concatenate([[relaxed], np.stack([first, last], axis=1).reshape(-1, 4), [relaxed]])
    sides = np.cumprod(np.where((items[1:] * items[:-1]).sum(axis=1) < 0, -1.0, 1.0))
    items[1:] *= sides[:, None]
    first, last = items[1:-1:2], items[2:-1:2]
    made = first + change_TS1 * (last - first)
    return np.concatenate(
        [np.broadcast_to(items[:1], (len(made), 1, 4)), made, np.broadcast_to(items[-1:], (len(made), 1, 4))], axis=1
    )


def _angles(signs: Sequence[Sign], signer: Signer, leads: bool, noise_SK: Array, change_TS1: Array) -> Array:
    """(T, I, 12)"""
    shapes = _SHAPES_SK + signer.shapes_SK
    relaxed = shapes[_SHAPE_ROWS["relaxed"]]
    first, last = (shapes[rows] + noise_SK for rows in _rows(signs, leads, _SHAPE_ROWS, "shapes", "flat"))
    made = first + change_TS1 * (last - first)
    if not leads:
        made = np.where(_idle(signs), relaxed, made)
    return _with_lap(made, relaxed)
