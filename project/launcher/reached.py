"""How far a run of a sweep came: the latest value of the figure it is judged by, from the end of its metrics.csv."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TAIL = 1 << 18  # bytes at the end that are looked at first


@dataclass(frozen=True, slots=True)
class Reached:
    """A figure, where it was measured, and when it was written."""

    name: str
    value: float
    step: int
    epoch: int | None  # counted from 1, as a run's own lines do
    seconds: float  # since 1970

    @property
    def told(self) -> str:
        """In words: "dev/cer 0.0412"."""
        return f"{self.name} {self.value:.4g}"


def monitored(config: Mapping[str, Any]) -> tuple[str, str]:
    """The figure that decides which weights of a run are best, and whether it should be small (min) or large (max)."""
    node = (config.get("callbacks") or {}).get("checkpoint") or {}
    return str(node.get("monitor", "dev/cer")), str(node.get("mode", "min"))


def latest(metrics: Path, figure: str) -> Reached | None:
    """The last line of a metrics.csv about a figure; None as long as there is none."""
    try:
        size, written = metrics.stat().st_size, metrics.stat().st_mtime
    except FileNotFoundError:
        return None
    for start in dict.fromkeys((max(0, size - TAIL), 0)):
        with metrics.open("rb") as file:
            file.seek(start, os.SEEK_SET)
            lines = file.read().decode(errors="replace").split("\n")
        for line in reversed(lines[1 if start else 0 : -1]):  # the first may be cut, the last is being written
            cells = line.rstrip("\r").split(",")
            if len(cells) == 4 and cells[2] == figure:
                epoch = int(float(cells[1])) + 1 if cells[1] else None
                return Reached(figure, float(cells[3]), int(cells[0]), epoch, written)
    return None
