"""metrics.csv: every scalar of a run, one a line. Knows its format, and no run.

It grows while it is read: a last line that is not whole yet is left out.
"""

from __future__ import annotations

import csv
import mmap
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

METRICS = "metrics.csv"
HEADER = ("step", "epoch", "name", "value")

Point: TypeAlias = tuple[int, float]  # step, value
Line: TypeAlias = tuple[str, str, str, str]  # as it stands there, in the order of the header

_TAIL = 1 << 18  # bytes at the end that are looked at first
_LAST_LINE = 1 << 12  # bytes in which the last line stands


class MetricsFile:
    """The scalars of a file that grows: each look reads the lines that are new."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._read_to = 0
        self.curves: dict[str, list[Point]] = {}

    def read(self) -> dict[str, list[Point]]:
        """All so far. A last line that is not whole yet waits for the next look."""
        if not self._file.is_file():
            return self.curves
        with self._file.open("rb") as handle:
            handle.seek(self._read_to)
            whole = handle.read().rpartition(b"\n")[0]
        self._read_to += len(whole) + 1 if whole else 0
        for row in csv.reader(whole.decode().splitlines()):
            if len(row) == len(HEADER) and row[0] != HEADER[0]:
                self.curves.setdefault(row[2], []).append((int(row[0]), float(row[3])))
        return self.curves


@dataclass(frozen=True, slots=True)
class Reached:
    """How far a run came: a figure, where it was measured, and when it was written."""

    name: str
    value: float
    step: int
    epoch: int | None  # counted from 1, as a run's own lines do
    seconds: float  # since 1970

    @property
    def told(self) -> str:
        """In words: "dev/cer 0.0412"."""
        return f"{self.name} {self.value:.4g}"


def latest(file: Path, figure: str) -> Reached | None:
    """The last line about a figure, looked for from the end; None as long as there is none."""
    try:
        size, written = file.stat().st_size, file.stat().st_mtime
    except FileNotFoundError:
        return None
    for start in dict.fromkeys((max(0, size - _TAIL), 0)):
        with file.open("rb") as handle:
            handle.seek(start, os.SEEK_SET)
            lines = handle.read().decode(errors="replace").split("\n")
        for line in reversed(lines[1 if start else 0 : -1]):  # the first may be cut, the last is being written
            cells = line.rstrip("\r").split(",")
            if len(cells) == len(HEADER) and cells[2] == figure:
                epoch = int(float(cells[1])) + 1 if cells[1] else None
                return Reached(figure, float(cells[3]), int(cells[0]), epoch, written)
    return None


def curve(file: Path, name: str) -> list[Point]:
    """The values of one figure, each with its step: of a long file the fastest way."""
    line = re.compile(rb"^(\d+),[^,\n]*," + re.escape(name.encode()) + rb",([^,\r\n]+)\r?$", flags=re.M)
    if not file.is_file() or not file.stat().st_size:
        return []
    with file.open("rb") as handle, mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return [(int(step), float(value)) for step, value in line.findall(content)]


def last_step(file: Path) -> int | None:
    """The step of the last line."""
    if not file.is_file():
        return None
    with file.open("rb") as handle:
        handle.seek(max(0, file.stat().st_size - _LAST_LINE))
        steps = re.findall(rb"^(\d+),", handle.read(), flags=re.M)
    return int(steps[-1]) if steps else None


def lines(file: Path) -> Iterator[Line]:
    """All lines but the header, in the order written; of a file that is not there none."""
    if file.is_file():
        with file.open(newline="", encoding="utf-8") as handle:
            for row in csv.reader(handle):
                if len(row) == len(HEADER) and row[0] != HEADER[0]:
                    yield row[0], row[1], row[2], row[3]
