"""Files of landmarks: a body in each frame, as recorded, and how many frames a second have.

An `.npz` file holds `xyz` (frames, 543, 3) and `fps`. A point that was not detected is zero in all three coordinates on
disk, and NaN once it is read: nothing downstream takes it for a place. Coordinates are in any unit, as long as x and y
share it: `project.feature.landmarks` moves and scales bodies, nobody else does.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
from numpy.typing import NDArray

from project import atomic
from project.contract import InputError
from project.feature.landmark_layout import NUM_POINTS

Points = NDArray[np.float32]  # (T, 543, 3), NaN where a point was not detected


def write(path: Path, points_TPX: NDArray[Any], frame_rate: float) -> None:
    """A file of landmarks in half precision, there only when it is whole."""
    missing_TP = ~np.isfinite(points_TPX).all(axis=2)
    stored = np.where(missing_TP[..., None], 0, points_TPX).astype(np.float16)
    buffer = io.BytesIO()
    np.savez(buffer, xyz=stored, fps=np.float32(frame_rate))
    atomic.write(path, buffer.getvalue())


def read(media: str, frame_rate: float) -> Points:
    """The landmarks of a file at that many frames a second."""
    try:
        with fsspec.open(media, "rb") as stream, np.load(io.BytesIO(stream.read()), allow_pickle=False) as content:
            points_TPX = np.asarray(content["xyz"], dtype=np.float32)
            own_rate = float(content["fps"])
    except FileNotFoundError:
        raise InputError(f"{media}: there is no such file: correct the path, or make the corpus") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError) as error:
        raise InputError(f"{media}: no readable landmarks ({error}): replace the file or leave it out") from None
    if points_TPX.ndim != 3 or points_TPX.shape[1:] != (NUM_POINTS, 3) or not len(points_TPX):
        raise InputError(
            f"{media}: `xyz` has the shape {points_TPX.shape}: it must be (frames, {NUM_POINTS}, 3), one frame at least"
        )
    if not 1 <= own_rate <= 1000:
        raise InputError(f"{media}: `fps` is {own_rate:g}: give frames a second, 1 to 1000")
    points_TPX[~points_TPX.any(axis=2)] = np.nan
    return resample(points_TPX, own_rate, frame_rate)


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
