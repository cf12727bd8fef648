"""The shape of a hand: how its fingers lie, wherever it is and however large it appears.

It does not know which hand it is, nor where: turned hands are other shapes, because letters differ by that too.
"""

from __future__ import annotations

import numpy as np

from project.feature.landmark_file import Points
from project.feature.landmark_layout import FINGERS, HAND_WRIST, KNUCKLES

_POINTS = [point for finger in FINGERS for point in finger]
_BEFORE = [before for finger in FINGERS for before in (HAND_WRIST, *finger[:-1])]
NUM_COLUMNS = 2 * 3 * len(_POINTS)


def hand_shape(hand_TPX: Points) -> Points:
    """(T, 120): places of the 20 points around the wrist in palm lengths, then the direction of each bone.

    The palm's length is the mean distance of the knuckles from the wrist, in each frame.
    """
    around_TPX = hand_TPX - hand_TPX[:, HAND_WRIST : HAND_WRIST + 1]
    palm_T = np.linalg.norm(around_TPX[:, KNUCKLES], axis=2).mean(axis=1)
    around_TPX = around_TPX / np.maximum(palm_T, 1e-6)[:, None, None]
    bones_TPX = around_TPX[:, _POINTS] - around_TPX[:, _BEFORE]
    lengths_TP1 = np.linalg.norm(bones_TPX, axis=2, keepdims=True)
    shape_TPX = np.concatenate([around_TPX[:, _POINTS], bones_TPX / np.maximum(lengths_TP1, 1e-6)], axis=1)
    return np.asarray(shape_TPX.reshape(len(hand_TPX), NUM_COLUMNS), dtype=np.float32)
