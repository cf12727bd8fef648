"""Landmarks in parquet files, in the two forms that landmark data sets use; read with pyarrow, an optional extra.

Long: a row for each point, with `frame`, `type` (face, pose, left_hand, right_hand), `landmark_index`, `x`, `y`, `z`.
Wide: a row for each frame, with columns `x_face_0` ... `z_right_hand_20`, and perhaps `frame`. A point that has no row,
column or number is NaN. It does not know units, and frames a second only where the file says `fps` in its schema.
"""

from __future__ import annotations

import importlib
import io
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from project.contract import InputError
from project.feature.landmark_layout import BLOCKS, NUM_POINTS

MOST_FRAMES = 100_000  # over an hour at 25 a second: a frame number beyond it is a mistake, not a long sentence
_LONG = ("frame", "type", "landmark_index", "x", "y", "z")
Columns = Mapping[str, NDArray[Any]]


def parse(content: bytes, where: str) -> tuple[NDArray[np.float32], float | None]:
    """(T, 543, 3) with NaN where nothing was detected, and frames a second if the file says so."""
    try:
        parquet = importlib.import_module("pyarrow.parquet")
    except ImportError:
        raise InputError(f"{where}: parquet needs pyarrow: pip install 'scansion[landmarks]'") from None
    try:
        table = parquet.read_table(io.BytesIO(content))
    except (OSError, ValueError) as error:  # what pyarrow raises is one of the two
        raise InputError(f"{where}: no readable parquet ({error}): replace the file or leave it out") from None
    columns = {name: np.asarray(table.column(name).to_numpy()) for name in table.column_names}
    _require_one_sequence(columns, where)
    form = _long if set(_LONG) <= columns.keys() else _wide
    rate = (table.schema.metadata or {}).get(b"fps")
    try:
        return form(columns, where), None if rate is None else float(rate)
    except InputError:
        raise
    except (ValueError, TypeError) as error:
        raise InputError(f"{where}: a number is none ({error}): replace the file or leave it out") from None


def _require_one_sequence(columns: Columns, where: str) -> None:
    found = np.unique(columns["sequence_id"]) if "sequence_id" in columns else ()
    if len(found) > 1:
        raise InputError(f"{where}: holds {len(found)} sequences (`sequence_id`): write one file for each")


def _long(columns: Columns, where: str) -> NDArray[np.float32]:
    unknown = sorted(set(map(str, columns["type"])) - set(BLOCKS))
    if unknown:
        raise InputError(f"{where}: `type` is {unknown[0]!r}: there are {', '.join(BLOCKS)}")
    place = _frames(columns["frame"], where)
    point = columns["landmark_index"].astype(np.int64)
    block = [BLOCKS[str(kind)] for kind in columns["type"]]
    starts, stops = np.array([b.start for b in block]), np.array([b.stop for b in block])
    if not ((point >= 0) & (starts + point < stops)).all():
        raise InputError(f"{where}: a `landmark_index` is none of its `type`: the layout is that of MediaPipe Holistic")
    cells = place * NUM_POINTS + starts + point
    if len(np.unique(cells)) < len(cells):
        raise InputError(f"{where}: a point stands twice in one frame: write one file for each sentence")
    points_TPX = np.full((place.max() + 1, NUM_POINTS, 3), np.nan, dtype=np.float32)
    points_TPX[place, starts + point] = np.stack([columns[axis] for axis in "xyz"], axis=1)
    return points_TPX


def _wide(columns: Columns, where: str) -> NDArray[np.float32]:
    names = {f"{axis}_{block}_{number}" for axis in "xyz" for block in BLOCKS for number in _numbers(block)}
    if not names & columns.keys():
        raise InputError(
            f"{where}: neither columns {', '.join(_LONG)} nor x_pose_0 and the like: write one of the two forms"
        )
    rows = len(next(iter(columns.values())))
    place = _frames(columns.get("frame", np.arange(rows)), where)
    if len(np.unique(place)) < len(place):
        raise InputError(f"{where}: a frame stands twice: write one file for each sentence")
    points_TPX = np.full((place.max() + 1, NUM_POINTS, 3), np.nan, dtype=np.float32)
    for axis, letter in enumerate("xyz"):
        for block, points in BLOCKS.items():
            for number in _numbers(block):
                values = columns.get(f"{letter}_{block}_{number}")
                if values is not None:
                    points_TPX[place, points.start + number, axis] = values
    return points_TPX


def _numbers(block: str) -> range:
    return range(BLOCKS[block].stop - BLOCKS[block].start)


def _frames(numbers: NDArray[Any], where: str) -> NDArray[np.int64]:
    """Each row's frame, counted from the first one; a number that is left out is a frame without a body."""
    if not len(numbers):
        raise InputError(f"{where}: it has no rows: leave it out")
    place = numbers.astype(np.int64) - int(numbers.min())
    if place.max() >= MOST_FRAMES:
        raise InputError(f"{where}: frames {numbers.min()} to {numbers.max()}: write one file for each sentence")
    return place
