"""Landmarks in parquet files of both forms, written by pyarrow itself."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from project.contract import InputError
from project.feature import landmark_file
from project.feature.landmark_layout import BLOCKS

FRAMES = 4


def body() -> np.ndarray:
    """Four frames in the first of which the left hand is missing."""
    points = np.random.default_rng(0).uniform(0.1, 1, (FRAMES, 543, 3)).astype(np.float32)
    points[0, BLOCKS["left_hand"]] = np.nan
    return points


def long_columns(points: np.ndarray) -> dict[str, list[Any]]:
    """A row for each point, as the isolated sign data sets have them: the face first, frames of the video's count."""
    rows = [
        (20 + frame, f"{20 + frame}-{block}-{number}", block, number, *map(float, points[frame, where.start + number]))
        for frame in range(len(points))
        for block, where in sorted(BLOCKS.items())
        for number in range(where.stop - where.start)
    ]
    names = ("frame", "row_id", "type", "landmark_index", "x", "y", "z")
    return dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))


def wide_columns(points: np.ndarray) -> dict[str, Any]:
    columns = {
        f"{letter}_{block}_{number}": points[:, where.start + number, axis]
        for axis, letter in enumerate("xyz")
        for block, where in sorted(BLOCKS.items())
        for number in range(where.stop - where.start)
    }
    return {"frame": np.arange(len(points)), **columns}


def write(path: Path, columns: dict[str, Any], metadata: dict[str, str] | None = None) -> str:
    pyarrow = pytest.importorskip("pyarrow", reason="parquet files are read with the extra scansion[landmarks]")
    from pyarrow import parquet

    parquet.write_table(pyarrow.table(columns).replace_schema_metadata(metadata), path)
    return str(path)


@pytest.mark.parametrize("columns", [long_columns, wide_columns])
def test_both_forms_hold_the_same(columns: Any, tmp_path: Path) -> None:
    found = landmark_file.read(write(tmp_path / "a.parquet", columns(body())), 30)
    np.testing.assert_array_equal(found, body())


def test_frames_a_second_are_the_files_own(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", wide_columns(body()), {"fps": "30"})
    assert len(landmark_file.read(path, 60)) == 2 * FRAMES
    with pytest.raises(InputError, match="`fps` is 0: give frames a second"):
        landmark_file.read(write(tmp_path / "b.parquet", wide_columns(body()), {"fps": "0"}), 60)
    with pytest.raises(InputError, match="a number is none"):
        landmark_file.read(write(tmp_path / "c.parquet", wide_columns(body()), {"fps": "many"}), 60)


def test_what_is_not_there_is_missing(tmp_path: Path) -> None:
    columns = {name: values for name, values in wide_columns(body()).items() if "face" not in name}
    columns["frame"] = np.array([7, 8, 10, 11])
    found = landmark_file.read(write(tmp_path / "a.parquet", columns), 25)
    assert len(found) == 5
    assert np.isnan(found[2]).all()
    assert np.isnan(found[:, BLOCKS["face"]]).all()
    np.testing.assert_array_equal(found[3:, BLOCKS["pose"]], body()[2:, BLOCKS["pose"]])


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"sequence_id": [1] * (FRAMES * 543 - 1) + [2]}, "holds 2 sequences .* write one file for each"),
        ({"type": ["body"] * FRAMES * 543}, "`type` is 'body': there are pose, face, left_hand, right_hand"),
        ({"landmark_index": [470] * FRAMES * 543}, "is none of its `type`: the layout is that of MediaPipe"),
        ({"frame": [0] * FRAMES * 543}, "a point stands twice in one frame"),
        ({"frame": list(range(0, FRAMES * 543 * 100, 100))}, "frames 0 to 217100: write one file for each sentence"),
        ({"x": ["far"] * FRAMES * 543}, "a number is none"),
    ],
)
def test_what_is_wrong_is_told(change: dict[str, list[Any]], match: str, tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", long_columns(body()) | change)
    with pytest.raises(InputError, match=match):
        landmark_file.read(path, 25)


def test_other_tables_are_refused(tmp_path: Path) -> None:
    for columns, match in (
        ({"id": [1, 2]}, "neither columns frame, type, landmark_index"),
        ({"frame": [1, 1], "x_pose_0": [0.1, 0.2]}, "a frame stands twice"),
        ({"frame": np.zeros(0, int), "x_pose_0": np.zeros(0)}, "it has no rows"),
    ):
        with pytest.raises(InputError, match=match):
            landmark_file.read(write(tmp_path / "a.parquet", columns), 25)
    (tmp_path / "b.parquet").write_bytes(b"no table")
    with pytest.raises(InputError, match="no readable parquet"):
        landmark_file.read(str(tmp_path / "b.parquet"), 25)


def test_without_pyarrow_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(InputError, match=r"a.parquet: parquet needs pyarrow: pip install 'scansion\[landmarks\]'"):
        landmark_file.read(str(tmp_path / "a.parquet"), 25)
