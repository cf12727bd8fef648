"""Landmarks of a body in torch: what `project.feature.landmarks` makes of each example of a padded batch.

A point that was not detected is zero in all three coordinates, or not a number: both are taken for missing.
"""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn

from project.exporting.rows import median_rows
from project.feature import expression, hand_shape
from project.feature.landmark_layout import BLOCKS, HAND_WRIST, KNUCKLES, LEFT_SHOULDER, RIGHT_SHOULDER
from project.feature.landmarks import _HANDS, _MOTION, Landmarks
from project.padding import inside

# B examples, T frames, P points, X coordinates, F columns

_LEAST = 1e-6


@final
class LandmarkGraph(nn.Module):
    """(B, T, 543, 3) points at the feature's frame rate -> (B, T, F) its columns."""

    def __init__(self, feature: Landmarks) -> None:
        super().__init__()
        told = feature.settings
        self._rate: float = told["frame_rate"]
        self._motion = _MOTION[told["feature_set"]]
        self._hand_shape: bool = told["hand_shape"]
        self._expression: bool = told["expression"]

    def forward(self, points_BTPX: Tensor, lengths_B: Tensor) -> tuple[Tensor, Tensor]:
        """The columns and their numbers of frames; missing points are 0."""
        inside_BT11 = inside(lengths_B, points_BTPX.shape[1])[..., None, None]
        known_BTP1 = points_BTPX.isfinite().all(dim=3, keepdim=True) & (points_BTPX != 0).any(dim=3, keepdim=True)
        known_BTP1 = known_BTP1 & inside_BT11
        points_BTPX = normalized(points_BTPX.masked_fill(~known_BTP1, 0), known_BTP1, lengths_B)
        kinds = {"position": (points_BTPX * known_BTP1, known_BTP1)}
        if self._motion:
            kinds["velocity"] = self._change(*kinds["position"], lengths_B)
        if "acceleration" in self._motion:
            kinds["acceleration"] = self._change(*kinds["velocity"], lengths_B)
        columns = [kinds[kind][0].flatten(2) for kind in ("position", *self._motion)]
        if self._hand_shape:
            columns += [shape_of(points_BTPX[:, :, BLOCKS[hand]], known_BTP1[:, :, BLOCKS[hand]]) for hand in _HANDS]
        if self._expression:
            face = BLOCKS["face"]
            columns.append(expression_of(points_BTPX[:, :, face], known_BTP1[:, :, face], lengths_B))
        return torch.cat(columns, dim=2) * inside_BT11[..., 0], lengths_B

    def _change(self, x_BTPX: Tensor, known_BTP1: Tensor, lengths_B: Tensor) -> tuple[Tensor, Tensor]:
        """By how much values change in a tenth of a second, and where that is known: there, and on either side."""
        last_B1 = (lengths_B - 1)[:, None]
        places_T = torch.arange(x_BTPX.shape[1], device=x_BTPX.device)
        before_BT = (places_T - 1).clamp(min=0)[None].expand(lengths_B.shape[0], -1)
        after_BT = (places_T + 1)[None].minimum(last_B1)
        sides = [(frames_at(x_BTPX, at), frames_at(known_BTP1, at)) for at in (before_BT, after_BT)]
        known_BTP1 = known_BTP1 & sides[0][1] & sides[1][1]
        return (sides[1][0] - sides[0][0]) * (self._rate / 20) * known_BTP1, known_BTP1


def frames_at(x_BTPX: Tensor, places_BT: Tensor) -> Tensor:
    """The frames in each example's places."""
    places_BT11 = places_BT[..., None, None].expand(-1, -1, *x_BTPX.shape[2:])
    if x_BTPX.dtype == torch.bool:  # runtimes gather numbers
        return x_BTPX.to(torch.uint8).gather(1, places_BT11) > 0
    return x_BTPX.gather(1, places_BT11)


def normalized(points_BTPX: Tensor, known_BTP1: Tensor, lengths_B: Tensor) -> Tensor:
    """The points in shoulder widths from the middle of the shoulders: medians of the frames that show both."""
    left_BTX, right_BTX = points_BTPX[:, :, LEFT_SHOULDER], points_BTPX[:, :, RIGHT_SHOULDER]
    seen_BT = (known_BTP1[:, :, LEFT_SHOULDER] & known_BTP1[:, :, RIGHT_SHOULDER])[..., 0]
    across_BTX = left_BTX - right_BTX
    width_BT1 = across_BTX[..., :2].square().sum(dim=2, keepdim=True).sqrt()
    told_BTK = torch.cat([(left_BTX + right_BTX) / 2, width_BT1], dim=2)
    # frames that do not show both are put last, where the median does not look
    told_BTK = told_BTK.masked_fill(~seen_BT[..., None], torch.inf)
    median_BK = median_rows(told_BTK, seen_BT.sum(dim=1), is_filled=True)
    return (points_BTPX - median_BK[:, None, None, :3]) / median_BK[:, None, None, 3:]


def shape_of(hand_BTPX: Tensor, known_BTP1: Tensor) -> Tensor:
    """(B, T, 120) as `hand_shape`; a number that needs a missing point is 0."""
    around_BTPX = hand_BTPX - hand_BTPX[:, :, HAND_WRIST : HAND_WRIST + 1]
    known_BTP1 = known_BTP1 & known_BTP1[:, :, HAND_WRIST : HAND_WRIST + 1]
    palm_BT11 = around_BTPX[:, :, KNUCKLES].square().sum(dim=3, keepdim=True).sqrt().mean(dim=2, keepdim=True)
    known_BTP1 = known_BTP1 & known_BTP1[:, :, KNUCKLES].all(dim=2, keepdim=True)
    around_BTPX = around_BTPX / palm_BT11.clamp(min=_LEAST)
    points, before = hand_shape._POINTS, hand_shape._BEFORE
    bones_BTPX = around_BTPX[:, :, points] - around_BTPX[:, :, before]
    lengths_BTP1 = bones_BTPX.square().sum(dim=3, keepdim=True).sqrt()
    bones_BTPX = bones_BTPX / lengths_BTP1.clamp(min=_LEAST) * (known_BTP1[:, :, points] & known_BTP1[:, :, before])
    return torch.cat([around_BTPX[:, :, points] * known_BTP1[:, :, points], bones_BTPX], dim=2).flatten(2)


def expression_of(face_BTPX: Tensor, known_BTP1: Tensor, lengths_B: Tensor) -> Tensor:
    """(B, T, 1404) as `expression`; a frame that lacks a point of the face is 0."""
    seen_BT11 = known_BTP1.all(dim=2, keepdim=True)
    around_BTPX = (face_BTPX - face_BTPX.mean(dim=2, keepdim=True)) * seen_BT11
    count_B111 = seen_BT11.sum(dim=1, keepdim=True).clamp(min=1)
    mean_B1PX = around_BTPX.sum(dim=1, keepdim=True) / count_B111
    squares_BT11 = around_BTPX.square().sum(dim=3, keepdim=True).mean(dim=2, keepdim=True)
    size_B111 = (squares_BT11.sum(dim=1, keepdim=True) / count_B111).sqrt()
    change_BTPX = (around_BTPX - mean_B1PX) * (expression._PARTS / size_B111.clamp(min=_LEAST))
    return (change_BTPX * seen_BT11).flatten(2)
