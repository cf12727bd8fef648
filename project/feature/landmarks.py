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
from project.feature import expression as faces
from project.feature import hand_shape as shapes
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
_HANDS = ("left_hand", "right_hand")


class Landmarks:
    """Where all points are, in shoulder widths from between the shoulders, how they move, and what hands and face do.

    Columns: `pose`, `face`, `hands` (left, right) as positions; then `motion`, of all points: `velocity` in shoulder
    widths in a tenth of a second, `acceleration` likewise, as `feature_set` says (`hands_motion` is the hands' part of
    the velocity); last, with `hand_shape`, `shape`, what `project.feature.hand_shape` says of each hand, and with
    `expression`, what `project.feature.expression` says of the face. Moved and scaled by the medians of a whole
    example. A point that was not detected is 0 in every column, and so is movement from or to it.
    """

    settings: Mapping[str, Any]

    def __init__(
        self,
        frame_rate: float = 25.0,
        feature_set: Kinds = "pos_vel",
        hand_shape: bool = False,
        expression: bool = False,
    ) -> None:
        if not 1 <= frame_rate <= 1000:
            raise InputError(f"feature.frame_rate is {frame_rate}: give frames a second, 1 to 1000")
        if feature_set not in get_args(Kinds):
            raise InputError(f"feature.feature_set is {feature_set!r}: choose from {', '.join(get_args(Kinds))}")
        self.frame_rate = frame_rate
        self._motion = _MOTION[feature_set]
        self._hand_shape = hand_shape
        self._expression = expression
        self.columns: dict[str, tuple[int, int]] = _columns(len(self._motion))
        if hand_shape:
            self._append("shape", len(_HANDS) * shapes.NUM_COLUMNS)
        if expression:
            self._append("expression", faces.NUM_COLUMNS)
        self.num_features = max(end for _, end in self.columns.values())
        self.settings = {
            "feature": "landmarks@1",
            "frame_rate": frame_rate,
            "feature_set": feature_set,
            "hand_shape": hand_shape,
            "expression": expression,
        }

    def _append(self, name: str, width: int) -> None:
        """Columns of another kind, behind all others."""
        end = max(end for _, end in self.columns.values())
        self.columns[name] = (end, end + width)

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
        if self._hand_shape:
            columns += [shapes.hand_shape(points_TPX[:, BLOCKS[hand]]) for hand in _HANDS]
        if self._expression:
            columns.append(faces.expression(points_TPX[:, BLOCKS["face"]]))
        return torch.from_numpy(np.nan_to_num(np.concatenate(columns, axis=1, dtype=np.float32), copy=False))

    def _change(self, values_TPX: Points) -> Points:
        """By how much values change in a tenth of a second: from the frame before to the one after.

        NaN where a value is missing itself, too: a point that is not there does not move, whatever stands around it.
        """
        padded = np.concatenate([values_TPX[:1], values_TPX, values_TPX[-1:]])
        change_TPX = (padded[2:] - padded[:-2]) * np.float32(self.frame_rate / 20)
        return np.asarray(np.where(np.isfinite(values_TPX), change_TPX, np.float32(np.nan)))


def _columns(num_motions: int) -> dict[str, tuple[int, int]]:
    """Where positions and movements stand."""
    columns = {block: (3 * BLOCKS[block].start, 3 * BLOCKS[block].stop) for block in ("pose", "face")}
    hands = 3 * BLOCKS["left_hand"].start
    columns["hands"] = (hands, _COLUMNS)
    if num_motions:
        columns["motion"] = (_COLUMNS, _COLUMNS * (1 + num_motions))
        columns["hands_motion"] = (_COLUMNS + hands, 2 * _COLUMNS)
    return columns


def normalized(points_TPX: Points) -> Points:
    """The points in shoulder widths from the middle of the shoulders, both as medians over all frames."""
    left_TX, right_TX = _shoulders(points_TPX)
    middle_X = np.median((left_TX + right_TX) / 2, axis=0)
    return np.asarray((points_TPX - middle_X) / np.float32(shoulder_width(points_TPX)), dtype=np.float32)


def shoulder_width(points_TPX: Points) -> float:
    """How far apart the shoulders are in the picture, as the median over all frames."""
    left_TX, right_TX = _shoulders(points_TPX)
    width = float(np.median(np.linalg.norm((left_TX - right_TX)[:, :2], axis=1)))
    if width < 1e-6:
        raise InputError("the shoulders lie in one place, so that bodies cannot be measured: leave the example out")
    return width


def _shoulders(points_TPX: Points) -> tuple[Points, Points]:
    """The shoulders in the frames that show both."""
    left_TX, right_TX = points_TPX[:, LEFT_SHOULDER], points_TPX[:, RIGHT_SHOULDER]
    seen_T = np.isfinite(left_TX + right_TX).all(axis=1)
    if not seen_T.any():
        raise InputError("no frame shows both shoulders, by which bodies are measured: leave the example out")
    return left_TX[seen_T], right_TX[seen_T]
