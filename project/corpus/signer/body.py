"""A body of 543 points: hands where they should be, elbows that follow, a face and a head, shoulders and hips.

In shoulder widths from between the shoulders, of somebody whose right hand leads. It does not know what is signed.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from project.corpus.signer.face import RESTING, face_points
from project.corpus.signer.hand import PALM, hand_points
from project.corpus.signer.movement import Motion
from project.corpus.signer.space import rotations
from project.corpus.signer.style import Signer
from project.feature.landmark_layout import BLOCKS, NUM_POINTS

Array = NDArray[np.float64]

HAND: Final = 0.5  # from the wrist to the tip of the middle finger
UPPER_ARM, FOREARM = 0.8, 0.72
SHOULDER: Final = np.array([-0.5, 0.0, 0.0])  # the right one
_HEAD: Final = np.array([0.0, -0.78, -0.12])  # the middle of the face
_FACE: Final = np.array([0.27, 0.38, 0.3])  # halves of its width and height, and its depth
_NECK: Final = np.array([0.0, -0.3, 0.1])  # about which the head turns
_IN_A_MIRROR: Final = np.array([-1.0, 1.0, 1.0])
_NOSE_TIP: Final = 1  # of the face
# Of the pose: the right one's point -> its place on the head, in halves of a face from its middle.
_ON_THE_HEAD = {
    4: (-0.28, -0.27, -0.85),
    5: (-0.43, -0.27, -0.8),
    6: (-0.58, -0.27, -0.7),
    8: (-1.05, -0.1, 0.4),
    10: (-0.3, 0.53, -0.8),
}
# And of the body below, from between the shoulders.
_BELOW = {
    24: (-0.32, 1.5, 0.0),
    26: (-0.3, 2.6, -0.1),
    28: (-0.3, 3.7, 0.1),
    30: (-0.3, 3.85, 0.2),
    32: (-0.35, 3.95, -0.2),
}
_RIGHT_ARM, _LEFT_ARM = slice(12, 23, 2), slice(11, 22, 2)  # shoulder, elbow, wrist, little finger, index, thumb
_FINGERS_OF_POSE = (17, 5, 2)  # points of a hand that the pose has as well, less well


def body_points(motion: Motion, signer: Signer, head_T3: Array, mouthing_TE: Array) -> NDArray[np.float32]:
    """(T, 543, 3) of a signer; the head turns by these small angles about x, y and z, the face moves besides."""
    points = np.empty((len(head_T3), NUM_POINTS, 3), dtype=np.float32)
    sides = ((BLOCKS["right_hand"], _RIGHT_ARM), (BLOCKS["left_hand"], _LEFT_ARM))
    for side, (hand, arm) in enumerate(sides):
        hand_TPX, joints_TPX = _limb(motion, side, signer)
        if side:
            hand_TPX, joints_TPX = hand_TPX * _IN_A_MIRROR, joints_TPX * _IN_A_MIRROR
        points[:, hand], points[:, arm] = hand_TPX, joints_TPX
    _put_head(points, motion.face_TE + mouthing_TE, signer, head_T3)
    for right, place in _BELOW.items():
        points[:, right] = np.array(place) * (signer.hips, 1, 1)
        points[:, right - 1] = points[:, right] * _IN_A_MIRROR
    return points


def _limb(motion: Motion, side: int, signer: Signer) -> tuple[Array, Array]:
    """(T, 21, 3) of a hand, and (T, 6, 3) of the arm, as if it were the right one."""
    ways_TRX = rotations(motion.turns_HTQ[side])
    size = HAND * signer.hands
    wanted = motion.palms_HTX[side] - PALM * size * ways_TRX[:, 0]
    elbow, wrist = reach(wanted, signer.arms)
    hand = wrist[:, None] + size * np.matmul(hand_points(motion.angles_HTK[side]), ways_TRX)
    ends = hand[:, _FINGERS_OF_POSE]
    shoulder = np.broadcast_to(SHOULDER, wrist.shape)
    return hand, np.concatenate([np.stack([shoulder, elbow, wrist], axis=1), ends], axis=1)


def reach(wanted_TX: Array, arms: float) -> tuple[Array, Array]:
    """Elbow and wrist (T, 3) of a right arm that reaches for a place, as far as it is long."""
    upper, fore = UPPER_ARM * arms, FOREARM * arms
    way = wanted_TX - SHOULDER
    far = np.linalg.norm(way, axis=1, keepdims=True)
    way = way / np.maximum(far, 1e-6)
    far = np.clip(far, 0.25, 0.995 * (upper + fore))
    along = (upper**2 - fore**2 + far**2) / (2 * far)
    aside = np.sqrt(np.maximum(upper**2 - along**2, 0))
    hangs = np.array([-0.55, 0.8, 0.25])  # where an elbow goes if nothing holds it
    hangs = hangs - way * (way @ hangs)[:, None]
    hangs /= np.maximum(np.linalg.norm(hangs, axis=1, keepdims=True), 1e-6)
    return SHOULDER + along * way + aside * hangs, SHOULDER + far * way


def _put_head(points: NDArray[np.float32], expression_TE: Array, signer: Signer, head_T3: Array) -> None:
    """Face and pose's points of the head, turned together."""
    width, height, sits = signer.head
    size = _FACE * (width, height, 1)
    middle = _HEAD * (1, height, 1) - (0, sits, 0)
    about = middle - _NECK
    turns_TXX = _small_turns(head_T3)
    away_TX = about @ turns_TXX + _NECK
    points[:, BLOCKS["face"]] = face_points(expression_TE, size[:, None] * turns_TXX)
    points[:, BLOCKS["face"]] += away_TX[:, None].astype(np.float32)
    still = {0: tuple(RESTING[_NOSE_TIP]), **_ON_THE_HEAD}
    lefts = {4: 1, 5: 2, 6: 3, 8: 7, 10: 9}
    still |= {lefts[point]: (-x, y, z) for point, (x, y, z) in _ON_THE_HEAD.items()}
    pose = np.array(list(still.values())) * size + about
    points[:, list(still)] = np.matmul(pose, turns_TXX) + _NECK


def _small_turns(angles_T3: Array) -> Array:
    """(T, 3, 3) by which rows of points are multiplied: nod, shake and tilt of a few degrees."""
    x, y, z = angles_T3.T
    one, none = np.ones_like(x), np.zeros_like(x)
    nod = np.stack([one, none, none, none, np.cos(x), np.sin(x), none, -np.sin(x), np.cos(x)], axis=1)
    shake = np.stack([np.cos(y), none, -np.sin(y), none, one, none, np.sin(y), none, np.cos(y)], axis=1)
    tilt = np.stack([np.cos(z), np.sin(z), none, -np.sin(z), np.cos(z), none, none, none, one], axis=1)
    return np.asarray(nod.reshape(-1, 3, 3) @ shake.reshape(-1, 3, 3) @ tilt.reshape(-1, 3, 3))
