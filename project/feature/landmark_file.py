"""Files of landmarks: a body in each frame, as recorded, and how many frames a second have.

An `.npz` file holds `xyz` (frames, 543, 3) and `fps`. A point that was not detected is zero in all three coordinates on
disk, and NaN once it is read: nothing downstream takes it for a place. Coordinates are in any unit, as long as x and y
share it: `project.feature.landmarks` moves and scales bodies, nobody else does. A `.parquet` file of other people's is
read as well; one that does not say its `fps` is taken to have those that are asked for.
"""

from __future__ import annotations

import io
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from project import atomic
from project.contract import InputError
from project.feature import landmark_parquet
from project.feature.landmark_layout import NUM_POINTS
from project.feature.opening import open_medium

Points = NDArray[np.float32]  # (T, 543, 3), NaN where a point was not detected

# What numpy raises for an archive that is damaged, for another kind of file, and for arrays of other things.
_DAMAGE = (
    *(OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, RuntimeError),
    *(zipfile.BadZipFile, zlib.error, tokenize.TokenError),
)


def write(path: Path, points_TPX: NDArray[Any], frame_rate: float) -> None:
    """A file of landmarks in half precision, there only when it is whole."""
    missing_TP = ~np.isfinite(points_TPX).all(axis=2)
    known_TPX = np.where(missing_TP[..., None], 0, points_TPX)
    largest, limit = np.abs(known_TPX).max(initial=0), np.finfo(np.float16).max
    if largest > limit:
        raise InputError(f"{path}: a coordinate is {largest:g}, {limit:g} at most can be kept: give a larger unit")
    buffer = io.BytesIO()
    np.savez(buffer, xyz=known_TPX.astype(np.float16), fps=np.float32(frame_rate))
    atomic.write(path, buffer.getvalue())


def read(media: str, frame_rate: float) -> Points:
    """The landmarks of a file at that many frames a second."""
    try:
        with open_medium(media) as stream:
            content = stream.read()
    except FileNotFoundError:
        raise InputError(f"{media}: there is no such file: correct the path, or make the corpus") from None
    except OSError as error:
        raise InputError(f"{media}: it cannot be read ({error}): make it readable or leave it out") from None
    points_TPX, own_rate = parse(content, media)
    return resample(points_TPX, own_rate or frame_rate, frame_rate)


def parse(content: bytes, media: str) -> tuple[Points, float | None]:
    """The landmarks of a file's bytes, and its frames a second if it says so; `media` tells the form by its suffix."""
    if media.lower().endswith(".parquet"):
        points_TPX, own_rate = landmark_parquet.parse(content, media)
    else:
        with told(media), np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            points_TPX, own_rate = np.asarray(arrays["xyz"], dtype=np.float32), float(arrays["fps"])
    points_TPX = checked(points_TPX, media)
    if own_rate is not None and not 1 <= own_rate <= 1000:
        raise InputError(f"{media}: `fps` is {own_rate:g}: give frames a second, 1 to 1000")
    return points_TPX, own_rate


@contextmanager
def told(where: str, remedy: str = "replace the file or leave it out") -> Iterator[None]:
    """What is wrong with an archive of landmarks that is read while this holds is told in one line."""
    try:
        yield
    except _DAMAGE as error:
        raise InputError(f"{where}: no readable landmarks ({error}): {remedy}") from None


def checked(points_TPX: Points, where: str) -> Points:
    """The points of a file if they are bodies; a point of three zeros, or of less than three numbers, is NaN."""
    if points_TPX.ndim != 3 or points_TPX.shape[1:] != (NUM_POINTS, 3) or not len(points_TPX):
        raise InputError(
            f"{where}: `xyz` has the shape {points_TPX.shape}: it must be (frames, {NUM_POINTS}, 3), one frame at least"
        )
    known_TP1 = np.isfinite(points_TPX).all(axis=2, keepdims=True) & points_TPX.any(axis=2, keepdims=True)
    return np.where(known_TP1, points_TPX, np.float32(np.nan))


def resample(points_TPX: Points, own_rate: float, frame_rate: float) -> Points:
    """The same movement at another number of frames a second, each point on a straight line between its neighbours.

    >>> resample(np.arange(5.0, dtype=np.float32).reshape(5, 1, 1), 25, 50)[:, 0, 0].tolist()
    [0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.0]
    """
    if own_rate == frame_rate:
        return points_TPX
    frames = max(1, round(len(points_TPX) * frame_rate / own_rate))
    return at_times(points_TPX, np.arange(frames, dtype=np.float64) * (own_rate / frame_rate))


def at_times(points_TPX: Points, times_T: NDArray[Any]) -> Points:
    """The points at fractional frames; beyond an end, those of the end.

    A point that one of two frames lacks is taken from the nearer frame as it is there, so a gap stays one.
    """
    times_T = np.clip(times_T, 0, len(points_TPX) - 1)
    before_T = np.floor(times_T).astype(np.int64)
    after_T = np.minimum(before_T + 1, len(points_TPX) - 1)
    part_T11 = (times_T - before_T).astype(np.float32)[:, None, None]
    between = points_TPX[before_T] * (1 - part_T11) + points_TPX[after_T] * part_T11
    nearest = points_TPX[np.rint(times_T).astype(np.int64)]
    return np.asarray(np.where(np.isfinite(between), between, nearest), dtype=np.float32)
