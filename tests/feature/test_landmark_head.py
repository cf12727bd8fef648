"""Heads of landmark files: what the whole file says too; every damage is told in one line."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from project.contract import InputError
from project.feature import landmark_file
from project.feature.landmark_head import Head, read_head

GOOD: dict[str, Any] = {"xyz": np.ones((30, 543, 3), dtype=np.float16), "fps": np.float32(25)}


def made(compress: bool = False, **changes: Any) -> io.BytesIO:
    stream = io.BytesIO()
    arrays = {name: value for name, value in (GOOD | changes).items() if value is not None}
    (np.savez_compressed if compress else np.savez)(stream, **arrays)
    stream.seek(0)
    return stream


@pytest.mark.parametrize("compress", [False, True])
def test_a_head_says_what_the_file_says(compress: bool) -> None:
    head = read_head(made(compress), "a.npz")
    points_TPX, rate = landmark_file.parse(made(compress).getvalue(), "a.npz")
    assert head == Head(len(points_TPX), rate or 0)
    assert head.seconds == 1.2


def test_what_was_written_is_read(tmp_path: Path) -> None:
    landmark_file.write(tmp_path / "a.npz", np.ones((7, 543, 3)), 12.5)
    with (tmp_path / "a.npz").open("rb") as stream:
        assert read_head(stream, "a.npz") == Head(7, 12.5)


def test_the_points_are_not_read() -> None:
    """Only the archive's table of contents, the array's head and the one number."""

    class Counting(io.BytesIO):
        total = 0

        def read(self, size: int | None = -1, /) -> bytes:
            found = super().read(size)
            self.total += len(found)
            return found

    stream = Counting(made(xyz=np.ones((5000, 543, 3), dtype=np.float16)).getvalue())
    assert read_head(stream, "a.npz") == Head(5000, 25.0)
    assert stream.total < 100_000


def test_other_arrays_are_none_of_ours() -> None:
    assert read_head(made(xyz=None, fps=None, prices=np.ones(3)), "a.npz") is None


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no rate": ({"fps": None}, "holds no `fps`"),
    "no points": ({"xyz": None}, "holds no `xyz`"),
    "other points": ({"xyz": np.ones((30, 542, 3))}, "has the shape (30, 542, 3)"),
    "flat": ({"xyz": np.ones((30, 1629))}, "has the shape (30, 1629)"),
    "no frames": ({"xyz": np.ones((0, 543, 3))}, "has the shape (0, 543, 3)"),
    "no numbers": ({"xyz": np.full((1, 543, 3), "a")}, "of <U1"),
    "no rate to speak of": ({"fps": 0}, "is 0: give frames a second"),
    "rate that is none": ({"fps": np.nan}, "is nan: give frames a second"),
    "rate in words": ({"fps": "fast"}, "is fast: give frames a second"),
    "many rates": ({"fps": np.ones(3)}, "of the shape (3,)"),
    "a rate too big to look at": ({"fps": np.ones(9999)}, "give frames a second"),
    "pickled": ({"fps": np.array({})}, "corrupt"),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_is_wrong_is_said(kind: str) -> None:
    changes, said = BAD[kind]
    with pytest.raises(InputError) as error:
        read_head(made(**changes), "a.npz")
    assert said in str(error.value)
    assert "a.npz" in str(error.value)
    assert "\n" not in str(error.value)
    assert str(error.value).rpartition(": ")[2]


def test_damage_is_said() -> None:
    content = made().getvalue()
    for damaged in (content[: len(content) // 2], content[:-5], content[1000:], b"", b"no archive"):
        with pytest.raises(InputError, match="corrupt"):
            read_head(io.BytesIO(damaged), "a.npz")
    entries = content.replace(b"(30, 543, 3)", b"(31, 543, 3)")  # more than is there
    with pytest.raises(InputError, match="cut short"):
        read_head(io.BytesIO(entries), "a.npz")
