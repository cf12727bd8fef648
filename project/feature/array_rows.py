"""Rows of an `.npy` file, read without the rest of it: its head says how many there are and where each begins.

It does not know what stands in a row, nor how a file is opened.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from project.contract import InputError


@dataclass(frozen=True, slots=True)
class ArrayHead:
    """What the head of an `.npy` file says of its array."""

    shape: tuple[int, ...]
    kind: np.dtype[Any]
    offset: int  # bytes before the first row

    @property
    def rows(self) -> int:
        return self.shape[0]

    @property
    def row_bytes(self) -> int:
        return math.prod(self.shape[1:]) * self.kind.itemsize


def read_array_head(stream: IO[bytes], file: str) -> ArrayHead:
    """The head of an array with rows; `file` is what it is called in errors."""
    try:
        version = npy.read_magic(stream)
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, by_columns, kind = read(stream)
    except (ValueError, EOFError, SyntaxError) as error:
        raise InputError(
            f"media {file} is corrupt, or no .npy file ({error}): replace the file or leave the line out"
        ) from None
    if not shape or kind.hasobject or (by_columns and len(shape) > 1):
        what = f"media {file} holds an array of shape {shape} of {kind}{', stored by columns' if by_columns else ''}"
        raise InputError(f"{what}: write numbers in rows, with numpy.save(file, numpy.ascontiguousarray(rows))")
    return ArrayHead(tuple(map(int, shape)), kind, stream.tell())


def require_rows(head: ArrayHead, rows: tuple[int, int], file: str) -> None:
    """The rows [start, end) must be some, and in the array."""
    start, end = rows
    if not start < end:
        raise InputError(
            f"media {file}#{start}:{end} is an excerpt of no row: give start:end, the end behind the start"
        )
    if end > head.rows:
        raise InputError(
            f"media {file}#{start}:{end} ends after its file, which has {head.rows} rows: correct the rows"
        )


def read_rows(stream: IO[bytes], head: ArrayHead, rows: tuple[int, int], file: str) -> NDArray[Any]:
    """The rows [start, end), which must be in the array."""
    start, end = rows
    stream.seek(head.offset + start * head.row_bytes)
    content = stream.read((end - start) * head.row_bytes)
    if len(content) < (end - start) * head.row_bytes:
        raise cut_short(file)
    return np.frombuffer(content, dtype=head.kind).reshape(end - start, *head.shape[1:])


def require_whole(stream: IO[bytes], head: ArrayHead, file: str) -> None:
    """The file must hold all rows that its head promises."""
    if stream.seek(0, os.SEEK_END) < head.offset + head.rows * head.row_bytes:
        raise cut_short(file)


def cut_short(file: str) -> InputError:
    return InputError(f"media {file} is cut short: replace the file or leave the line out")
