"""Landmark files as other people keep them: arrays and tables of MediaPipe Holistic's 543 points, whatever the suffix.

An `.npy`, or an `.npz` of one array, is (frames, 543, 3) or (frames, 1629), x, y and z of one point after another; our
own `.npz` and `.parquet` are as `project.feature.landmark_file` has them. It does not know whose body it is.
"""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from project.contract import InputError
from project.feature import landmark_file
from project.feature.landmark_file import Points
from project.feature.landmark_layout import LEFT_SHOULDER, NUM_POINTS, RIGHT_SHOULDER

SUFFIXES = (".npz", ".npy", ".parquet")
_LARGEST = 60_000.0  # half precision ends at 65,504


@dataclass(frozen=True, slots=True)
class Imported:
    """What a file holds; `own` if it is of our form already, so that its bytes can be taken as they are."""

    points_TPX: Points
    frame_rate: float | None  # None if the file does not say it
    own: bool


def load(content: bytes, path: Path) -> Imported:
    """The landmarks of a file's bytes; what is wrong with them is an InputError that names the file."""
    found = _parse(content, path)
    points_TPX = found.points_TPX
    if np.nanmax(np.abs(points_TPX), initial=0) > _LARGEST:
        raise InputError(f"{path}: coordinates go beyond {_LARGEST:g}: divide them by the picture's height")
    if not np.isfinite(points_TPX[:, [LEFT_SHOULDER, RIGHT_SHOULDER]]).all(axis=(1, 2)).any():
        raise InputError(f"{path}: no frame shows both shoulders, by which bodies are measured: leave it out")
    return found


def _parse(content: bytes, path: Path) -> Imported:
    if path.suffix == ".parquet":
        return Imported(*landmark_file.parse(content, str(path)), own=False)
    try:
        array = np.load(io.BytesIO(content), allow_pickle=False)
        if not isinstance(array, np.ndarray):
            if {"xyz", "fps"} <= set(array.files):
                return Imported(*landmark_file.parse(content, str(path)), own=True)
            if len(array.files) != 1:
                raise InputError(f"{path}: holds {', '.join(array.files)}: keep one array, or our `xyz` and `fps`")
            array = array[array.files[0]]
        points_TPX = np.array(array, dtype=np.float32)
    except InputError:
        raise
    except (OSError, ValueError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: no readable landmarks ({error}): replace the file or leave it out") from None
    shape = points_TPX.shape
    if shape[1:] not in {(NUM_POINTS, 3), (3 * NUM_POINTS,)} or not len(points_TPX):
        raise InputError(
            f"{path}: its shape is {shape}: it must be (frames, {NUM_POINTS}, 3) or (frames, {3 * NUM_POINTS})"
        )
    points_TPX = points_TPX.reshape(-1, NUM_POINTS, 3)
    points_TPX[~points_TPX.any(axis=2)] = np.nan
    return Imported(points_TPX, None, own=False)
