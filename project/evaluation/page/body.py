"""Signing bodies inside the page: a few points of each frame, packed small, for the page's script to move as a figure.

It does not know which points matter for a sign, and draws none itself: `project.evaluation.page.poses` does.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from project.contract import InputError
from project.evaluation.page.embedded import Embedded
from project.evaluation.page.poses import Chains, poses_svg
from project.feature import landmark_file
from project.feature.landmark_file import Points
from project.feature.landmark_layout import BLOCKS, FACE_LINES, HAND_BONES, LEFT_SHOULDER, POSE_BONES, RIGHT_SHOULDER

SUFFIXES = (".npz", ".parquet")  # of media that are landmarks
FRAME_RATE = 12.5  # a second; the page's script draws what lies between
MAX_SECONDS = 30  # of one example
MAX_BYTES = 1_200_000  # of all bodies of a page, as they stand in it
EXTENT = 1000  # units of the longer side of the picture
MISSING = -32768  # a coordinate of a point that was not detected
MARGIN = 0.04  # around the body, a part of its longer side


def _chains(bones: Iterable[tuple[int, int]]) -> Iterator[tuple[int, ...]]:
    """Bones that follow one another, as one line."""
    line: tuple[int, ...] = ()
    for start, end in bones:
        if line and line[-1] == start:
            line = (*line, end)
        else:
            yield from [line] if line else []
            line = (start, end)
    yield line


def _drawn() -> tuple[list[int], Mapping[str, Chains]]:
    """The points that are drawn, and the lines through them by part of the body, as places among those points."""
    parts: dict[str, Iterable[tuple[int, ...]]] = {"pose": _chains(POSE_BONES), "face": FACE_LINES}
    parts |= {hand: _chains(HAND_BONES) for hand in ("left_hand", "right_hand")}
    lines = {name: [[BLOCKS[name].start + point for point in line] for line in part] for name, part in parts.items()}
    points = sorted(set(chain.from_iterable(chain.from_iterable(lines.values()))))
    place = {point: n for n, point in enumerate(points)}
    return points, {name: [[place[point] for point in line] for line in part] for name, part in lines.items()}


POINTS, LINES = _drawn()
_SHOULDERS = (LEFT_SHOULDER, RIGHT_SHOULDER)
_FRAMING = np.array([point in _SHOULDERS or point >= BLOCKS["face"].start for point in POINTS])  # arms may be cut off
_HANDS = np.array([point >= BLOCKS["left_hand"].start for point in POINTS])


@dataclass(frozen=True, slots=True)
class Body:
    """A movement as the page holds it."""

    points: str  # base64 of what `packed` makes
    frames: int
    frame_rate: float
    width: int  # of the picture, in the units of the points
    height: int
    whole_seconds: float  # of the file; what is embedded may be less
    poses: str  # SVG: key poses side by side

    @property
    def size(self) -> int:
        """Bytes of the page."""
        return len(self.points) + len(self.poses)

    def to_json(self) -> dict[str, Any]:
        """What the page's script asks for."""
        names = ("points", "frames", "frame_rate", "width", "height", "whole_seconds")
        return {name: getattr(self, name) for name in names}


def bodies(max_bytes: int = MAX_BYTES) -> Embedded[Body]:
    """Room for all bodies of a page."""
    return Embedded(make_body, max_bytes, "movement")


def is_body(media: str) -> bool:
    """Whether a medium is landmarks, by its name.

    >>> is_body("landmarks/a.NPZ"), is_body("audio/a.flac")
    (True, False)
    """
    return PurePosixPath(media).suffix.lower() in SUFFIXES


def make_body(media: str) -> Body | str:
    """The first half minute of a file of landmarks; or one line that says why there is none."""
    try:
        points_TPX = landmark_file.read(media, FRAME_RATE)
    except InputError as error:
        return str(error).removeprefix(f"{media}: ")
    whole = len(points_TPX) / FRAME_RATE
    found = framed(points_TPX[: round(MAX_SECONDS * FRAME_RATE)])
    if isinstance(found, str):
        return found
    units_TPX, width, height = found
    poses = poses_svg(units_TPX, LINES, (width, height), _HANDS)
    return Body(packed(units_TPX), len(units_TPX), FRAME_RATE, width, height, whole, poses)


def framed(points_TPX: Points) -> tuple[NDArray[np.int16], int, int] | str:
    """The points that are drawn, in units of a picture that holds them, and its width and height."""
    plane_TPX = points_TPX[:, POINTS, :2].astype(np.float64)
    plane_TPX[~np.isfinite(plane_TPX).all(axis=2)] = np.nan
    seen_NX = plane_TPX[:, _FRAMING][np.isfinite(plane_TPX[:, _FRAMING, 0])]
    if not len(seen_NX):
        return "its file shows no body"
    low_X, high_X = np.percentile(seen_NX, [0.2, 99.8], axis=0)  # a point astray does not make the body small
    extent = float((high_X - low_X).max())
    if extent < 1e-6:
        return "its file shows all points of a body in one place"
    margin, scale = MARGIN * extent, EXTENT / (extent * (1 + 2 * MARGIN))
    width, height = np.rint((high_X - low_X + 2 * margin) * scale).astype(int).tolist()
    units_TPX = np.clip(np.rint((plane_TPX - low_X + margin) * scale), MISSING + 1, -MISSING - 1)
    return np.nan_to_num(units_TPX, nan=MISSING).astype(np.int16), width, height


def packed(units_TPX: NDArray[np.int16]) -> str:
    """Each coordinate's steps from frame to frame, small ones as small numbers: all low bytes, then all high bytes."""
    units_VT = units_TPX.reshape(len(units_TPX), -1).T
    steps_VT = np.diff(units_VT, axis=1, prepend=np.int16(0))
    folded_VT = ((steps_VT << 1) ^ (steps_VT >> 15)).astype("<u2")  # 0, -1, 1, -2 ... become 0, 1, 2, 3 ...
    planes_2N = np.ascontiguousarray(folded_VT).view(np.uint8).reshape(-1, 2).T
    return base64.b64encode(zlib.compress(planes_2N.tobytes(), 9)).decode()
