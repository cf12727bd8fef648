"""What a face does: how its points lie against each other, beside how they lie on the average of the example.

Heads move far more than eyebrows: of positions, nearly all is where the head is. It does not know what an expression
means, and a face that never changes in an example says nothing.
"""

from __future__ import annotations

import numpy as np

from project.feature.landmark_file import Points
from project.feature.landmark_layout import BLOCKS

NUM_COLUMNS = 3 * (BLOCKS["face"].stop - BLOCKS["face"].start)
_PARTS = 10.0  # of a face's size: eyebrows and lips move by about one


def expression(face_TPX: Points) -> Points:
    """(T, 1404): each point around the middle of the face, less its mean over all frames, in tenths of the face's size.

    The size is the root mean square distance from the middle. A frame that lacks a point of the face is NaN as a whole.
    """
    around_TPX = face_TPX - face_TPX.mean(axis=1, keepdims=True)
    seen_T = np.isfinite(around_TPX).all(axis=(1, 2))
    if not seen_T.any():
        return np.full((len(face_TPX), NUM_COLUMNS), np.nan, dtype=np.float32)
    size = float(np.sqrt(np.square(around_TPX[seen_T]).sum(axis=2).mean()))
    change_TPX = (around_TPX - around_TPX[seen_T].mean(axis=0)) * np.float32(_PARTS / max(size, 1e-6))
    return np.asarray(change_TPX.reshape(len(face_TPX), NUM_COLUMNS), dtype=np.float32)
