"""A signing body as numbers: landmarks moved and scaled in one place, with what is derived from them beside.

It does not know which points matter for a sign: its named columns tell a model which are which.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args

import numpy as np
import torch
from torch import Tensor

from project.contract import InputError
from project.feature import landmark_file
from project.feature.landmark_file import Points
from project.feature.landmark_layout import BLOCKS, LEFT_SHOULDER, NUM_POINTS, RIGHT_SHOULDER

Kinds = Literal["pos", "pos_vel", "pos_vel_acc", "source6516"]
_MOTION: Mapping[str, tuple[str, ...]] = {
    "pos": (),
    "pos_vel": ("velocity",),
    "pos_vel_acc": ("velocity", "acceleration"),
    "source6516": ("velocity", "acceleration", "position"),  # the first experiment had the positions twice
}
_COLUMNS = 3 * NUM_POINTS


class Landmarks:
    """Positions of all points in shoulder widths from between the shoulders, and how they move.

    Columns: `pose`, `face`, `hands` (left, right) as positions, then `motion`, of all points: `velocity` in shoulder
    widths in a tenth of a second, `acceleration` likewise, as `feature_set` says. Moved and scaled by the medians of a
    whole example. A point that was not detected is 0 in every column, and so is movement from or to it.
    """

    settings: Mapping[str, Any]

    def __init__(self, frame_rate: float = 25.0, feature_set: Kinds = "pos_vel") -> None:
        if not 1 <= frame_rate <= 1000:
            raise InputError(f"feature.frame_rate is {frame_rate}: give frames a second, 1 to 1000")
        if feature_set not in get_args(Kinds):
            raise InputError(f"feature.feature_set is {feature_set!r}: choose from {', '.join(get_args(Kinds))}")
        self.frame_rate = frame_rate
        self._motion = _MOTION[feature_set]
        self.num_features = _COLUMNS * (1 + len(self._motion))
        hands = 3 * BLOCKS["left_hand"].start, 3 * BLOCKS["right_hand"].stop
        self.columns: dict[str, tuple[int, int]] = {
            "pose": (3 * BLOCKS["pose"].start, 3 * BLOCKS["pose"].stop),
            "face": (3 * BLOCKS["face"].start, 3 * BLOCKS["face"].stop),
            "hands": hands,
        }
        if self._motion:
            self.columns["motion"] = (_COLUMNS, self.num_features)
        self.settings = {"feature": "landmarks@1", "frame_rate": frame_rate, "feature_set": feature_set}

    def read(self, media: str) -> Points:
        """The points of a file at this feature's frame rate, as they were recorded."""
        return landmark_file.read(media, self.frame_rate)

    def num_frames(self, length: float) -> int:
        """How many frames an example of that many seconds gives."""
        return max(1, round(length * self.frame_rate))

    def __call__(self, signal: Points) -> Tensor:
        """(T, F) float32."""
        points_TPX = normalized(signal)
        kinds = {"position": points_TPX}
        if self._motion:
            kinds["velocity"] = self._change(points_TPX)
        if "acceleration" in self._motion:
            kinds["acceleration"] = self._change(kinds["velocity"])
        columns = [kinds[kind].reshape(len(signal), _COLUMNS) for kind in ("position", *self._motion)]
        return torch.from_numpy(np.nan_to_num(np.concatenate(columns, axis=1), copy=False).astype(np.float32))

    def _change(self, values_TPX: Points) -> Points:
        """By how much values change in a tenth of a second: from the frame before to the one after."""
        padded = np.concatenate([values_TPX[:1], values_TPX, values_TPX[-1:]])
        return np.asarray((padded[2:] - padded[:-2]) * np.float32(self.frame_rate / 20))


def normalized(points_TPX: Points) -> Points:
    """The points in shoulder widths from the middle of the shoulders, both as medians over all frames."""
    left_TX, right_TX = points_TPX[:, LEFT_SHOULDER], points_TPX[:, RIGHT_SHOULDER]
    seen_T = np.isfinite(left_TX + right_TX).all(axis=1)
    if not seen_T.any():
        raise InputError("no frame shows both shoulders, by which bodies are measured: leave the example out")
    middle_X = np.median((left_TX + right_TX)[seen_T] / 2, axis=0)
    width = np.median(np.linalg.norm((left_TX - right_TX)[seen_T, :2], axis=1))
    if width < 1e-6:
        raise InputError("the shoulders lie in one place, so that bodies cannot be measured: leave the example out")
    return np.asarray((points_TPX - middle_X) / width, dtype=np.float32)
