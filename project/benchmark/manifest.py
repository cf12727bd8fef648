"""What a large manifest costs: indexing it once, opening it, reading its lines, and the memory that takes."""

from __future__ import annotations

import math
import mmap
import multiprocessing
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from project.benchmark.table import Table
from project.data.manifest import Manifest, write_manifest

_READ = 20_000  # random lines


@dataclass(frozen=True, slots=True)
class _Cost:
    """What one manifest cost a process that did nothing before."""

    open_seconds: tuple[float, ...]
    row_microseconds: tuple[float, ...]
    example_microseconds: tuple[float, ...]
    opened_mib: float  # resident memory more than before
    read_mib: float


class Manifests:
    """Made-up manifests of growing size, each opened and read in a process of its own."""

    def __init__(self, sizes: tuple[int, ...] = (10_000, 1_000_000), repeats: int = 5, seed: int = 0) -> None:
        self.sizes = tuple(sizes)
        self.repeats = repeats
        self.seed = seed

    def run(self) -> Table:
        """Six rows for each size."""
        with tempfile.TemporaryDirectory() as folder:
            rows = [row for size in self.sizes for row in self._rows(Path(folder) / f"{size}.jsonl", size)]
        return Table(
            title="A manifest, opened through its line index",
            columns=("lines", "what", "min", "median", "max"),
            rows=tuple(rows),
            notes=(
                "an example is a random line read, parsed, checked and made an Example",
                "memory is the growth of what is resident, in a process that does nothing else",
            ),
        )

    def _rows(self, path: Path, size: int) -> list[tuple[Any, ...]]:
        write_manifest(path, (_line(row) for row in range(size)))
        with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
            index_seconds = pool.apply(_open_seconds, (path,))
            cost = pool.apply(_cost, (path, self.repeats, self.seed))
        found: dict[str, tuple[float, ...]] = {
            "make the index, once: s": (index_seconds,),
            "open: ms": tuple(1e3 * seconds for seconds in cost.open_seconds),
            "read and parse a line: µs": cost.row_microseconds,
            "read an example: µs": cost.example_microseconds,
            "memory to open: MiB": (cost.opened_mib,),
            f"memory to read {_READ:,} as well: MiB": (cost.read_mib,),
        }
        return [(size, what, *_spread(values)) for what, values in found.items()]


def _line(row: int) -> dict[str, Any]:
    return {
        "id": f"recording-{row:07d}",
        "media": f"audio/{row % 1000:03d}/{row:07d}.flac",
        "duration": 1 + row * 7919 % 30_000 / 1000,
        "text": f"THIS IS THE TEXT OF RECORDING NUMBER {row}",
        "group": f"speaker-{row % 500}",
    }


def _spread(values: tuple[float, ...]) -> tuple[float, float, float]:
    return round(min(values), 2), round(statistics.median(values), 2), round(max(values), 2)


def _open_seconds(path: Path) -> float:
    return _seconds(lambda: Manifest.open(str(path)))


def _cost(path: Path, repeats: int, seed: int) -> _Cost:
    before = _resident_mib()
    manifest = Manifest.open(str(path))
    opened = _resident_mib()
    chosen = random.Random(seed).choices(range(len(manifest)), k=_READ)  # noqa: S311 - nothing secret
    rows, examples = [], []
    for _ in range(repeats):
        rows.append(_seconds(lambda: [orjson.loads(manifest.raw(i)) and None for i in chosen]) / _READ * 1e6)
        examples.append(_seconds(lambda: [manifest[i] and None for i in chosen]) / _READ * 1e6)
    read = _resident_mib()
    opens = [_open_seconds(path) for _ in range(repeats)]
    return _Cost(tuple(opens), tuple(rows), tuple(examples), opened - before, read - before)


def _seconds(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _resident_mib() -> float:
    """Memory of this process that is in RAM, files mapped into it included."""
    statm = Path("/proc/self/statm")  # Linux
    return int(statm.read_text().split()[1]) * mmap.PAGESIZE / 2**20 if statm.exists() else math.nan
