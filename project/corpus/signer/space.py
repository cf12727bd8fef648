"""Where signs are made and how: places around the signer, turns of a hand, and what a hand does on its way.

In shoulder widths from between the shoulders, for a right hand: x to the right of the picture, so the signer's right is
where x is negative; y down; z away from the viewer. A left hand does the same in a mirror.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

_AT_THE_HEAD: Final = {
    "up": (-0.35, -1.35, -0.5),
    "forehead": (-0.1, -1.08, -0.48),
    "temple": (-0.34, -0.98, -0.38),
    "eye": (-0.16, -0.88, -0.55),
    "ear": (-0.42, -0.8, -0.25),
    "nose": (-0.03, -0.76, -0.58),
    "cheek": (-0.3, -0.68, -0.45),
    "mouth": (-0.06, -0.62, -0.58),
    "chin": (-0.04, -0.44, -0.55),
}
_BEFORE_THE_BODY: Final = {
    "shoulder": (-0.48, 0.0, -0.42),
    "heart": (-0.05, 0.2, -0.46),
    "chest": (-0.16, 0.3, -0.5),
    "belly": (-0.18, 0.85, -0.55),
    "palm": (0.08, 0.62, -0.8),  # of the other hand, where that lies as a base
    "base": (-0.1, 0.76, -0.78),
    "centre": (-0.15, 0.45, -0.9),
    "front": (-0.22, 0.28, -1.25),
    "far": (0.3, 0.35, -0.9),
    "wide": (-0.85, 0.3, -0.75),
    "side": (-0.65, 0.4, -0.8),
    "high": (-0.4, -0.4, -0.85),
    "highside": (-0.9, -0.55, -0.65),
    "low": (-0.4, 0.9, -0.7),
}
_LAP: Final = (-0.3, 1.35, -0.4)
_NAMES: Final = (*_AT_THE_HEAD, *_BEFORE_THE_BODY, "lap")
PLACES: Final[Mapping[str, int]] = {name: row for row, name in enumerate(_NAMES)}  # name -> row of PLACES_PX
PLACES_PX: Final = np.array([*_AT_THE_HEAD.values(), *_BEFORE_THE_BODY.values(), _LAP])
HEAD_PLACES: Final = slice(0, len(_AT_THE_HEAD))

_WAYS: Final = {
    **{"u": (0, -1, 0), "d": (0, 1, 0), "f": (0, 0, -1), "b": (0, 0, 1)},
    **{"a": (1, 0, 0), "s": (-1, 0, 0)},  # across, side
}
_TURNS: Final = ("ua", "ub", "uf", "fd", "fu", "fa", "ad", "ab", "au", "df", "bu", "relaxed")


def _quaternion(turn: str) -> NDArray[np.float64]:
    """(4,) of the rotation whose rows are where the fingers point, where the palm looks, and where the thumb is."""
    fingers, palm = (np.array(_WAYS[way], dtype=np.float64) for way in ("fa" if turn == "relaxed" else turn))
    if turn == "relaxed":  # forward and a little down
        fingers = np.array([0.2, 0.6, -0.77])
        palm = np.array([0.9, 0.3, 0.4])
        fingers /= np.linalg.norm(fingers)
        palm -= fingers * (palm @ fingers)
        palm /= np.linalg.norm(palm)
    rows = np.stack([fingers, palm, np.cross(fingers, palm)])
    products = np.zeros((4, 4))  # of the quaternion's parts, from which its largest part gives the others
    trace = np.trace(rows)
    products[0, 0] = 1 + trace
    for one in range(3):
        second, third = (one + 1) % 3, (one + 2) % 3
        products[0, one + 1] = products[one + 1, 0] = rows[second, third] - rows[third, second]
        products[one + 1, one + 1] = 1 + 2 * rows[one, one] - trace
        products[one + 1, second + 1] = products[second + 1, one + 1] = rows[one, second] + rows[second, one]
    largest = products[int(np.argmax(np.diag(products)))]
    return np.asarray(largest / np.linalg.norm(largest))


TURNS: Final[Mapping[str, int]] = {name: row for row, name in enumerate(_TURNS)}
TURNS_RQ: Final = np.stack([_quaternion(name) for name in _TURNS])


def rotations(quaternions_NQ: NDArray[np.float64]) -> NDArray[np.float64]:
    """(..., 3, 3) whose rows are where a hand's own directions point, of quaternions (..., 4) of any length but 0.

    >>> (rotations(TURNS_RQ[TURNS["ua"]]) @ [10, 20, 30]).round().tolist()  # fingers up, palm across, thumb back
    [-20.0, 10.0, 30.0]
    """
    w, x, y, z = np.moveaxis(quaternions_NQ / np.linalg.norm(quaternions_NQ, axis=-1, keepdims=True), -1, 0)
    rows = [
        *(1 - 2 * (y * y + z * z), 2 * (x * y + w * z), 2 * (x * z - w * y)),
        *(2 * (x * y - w * z), 1 - 2 * (x * x + z * z), 2 * (y * z + w * x)),
        *(2 * (x * z + w * y), 2 * (y * z - w * x), 1 - 2 * (x * x + y * y)),
    ]
    return np.stack(rows, axis=-1).reshape(*w.shape, 3, 3)


@dataclass(frozen=True, slots=True)
class Movement:
    """What a hand does between two places, or at one."""

    repeats: int = 0  # times there and back, or times that the hand lifts; 0 goes once
    lift: tuple[float, float, float] = (0, 0, 0)  # away from the place, and back, each time
    swing: tuple[float, float, float] = (0, 0, 0)  # to one side and to the other
    around: tuple[float, float, float] = (0, 0, 0)  # together with `swing` a circle
    half_turns: int = 0  # of swinging


MOVEMENTS: Final[Mapping[str, Movement]] = {
    "hold": Movement(),
    "line": Movement(),
    "arc": Movement(swing=(0, -0.22, -0.1), half_turns=1),
    "tap": Movement(repeats=2, lift=(0, -0.04, -0.16)),
    "beat": Movement(repeats=2, lift=(0, -0.22, 0)),
    "twist": Movement(repeats=2),
    "shake": Movement(swing=(0.12, 0, 0), half_turns=6),
    "zigzag": Movement(swing=(0.14, 0, 0), half_turns=5),
    "sweep": Movement(swing=(0, 0.08, -0.18), half_turns=3),
    "wave": Movement(swing=(0, 0.12, 0), half_turns=4),
    "snake": Movement(swing=(0.14, 0, 0), half_turns=4),
    "circle": Movement(swing=(0, -0.14, 0), around=(0.14, 0, 0), half_turns=4),
    "wheel": Movement(swing=(0, -0.14, 0), around=(0, 0, -0.14), half_turns=4),
}
# One row a movement: repeats, half turns, then lift, swing and around.
MOVEMENTS_MK: Final = np.array(
    [[one.repeats, one.half_turns, *one.lift, *one.swing, *one.around] for one in MOVEMENTS.values()], dtype=np.float64
)
MOVEMENT_ROWS: Final[Mapping[str, int]] = {name: row for row, name in enumerate(MOVEMENTS)}
