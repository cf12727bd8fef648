"""Says at the end of a run which of its success criteria hold: they stand in its experiment file, as data.

It does not know whether the criteria are worth anything: a loss that fell by a fifth may have learned nothing.
"""

from __future__ import annotations

import csv
import io
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightning.pytorch import Trainer
from rich.table import Table

from project import atomic
from project.callbacks.progress import console_of
from project.callbacks.watcher import Watcher
from project.contract import InputError
from project.metrics_file import METRICS, MetricsFile, Point

log = logging.getLogger("scansion")

BOUNDS = ("above", "below", "falls_by", "finite")


@dataclass(frozen=True, slots=True)
class Criterion:
    """What a figure must be at the end: `above` or `below` a number, less than at first by a part, or always finite."""

    name: str
    figure: str
    bound: str  # one of BOUNDS
    limit: float

    @property
    def wanted(self) -> str:
        """The bound in words."""
        if self.bound == "finite":
            return "always finite"
        return f"falls by {self.limit:.0%}" if self.bound == "falls_by" else f"{self.bound} {self.limit:g}"

    def judge(self, curve: Sequence[Point]) -> tuple[float, bool]:
        """The figure at the end (of one that falls: the part it has lost), and whether it is as wanted.

        >>> Criterion("loss", "dev/loss", "falls_by", 0.2).judge([(1, 2.0), (9, 1.5)])
        (0.25, True)
        """
        first, last = curve[0][1], curve[-1][1]
        if self.bound == "finite":
            return last, all(math.isfinite(value) for _, value in curve)
        if self.bound == "falls_by":
            part = (first - last) / abs(first) if first else 0.0
            return part, part >= self.limit - 1e-9
        return last, last > self.limit if self.bound == "above" else last < self.limit


class Criteria(Watcher):
    """Judges each criterion by what was recorded of its figure, prints the table, and writes criteria.csv."""

    def __init__(self, folder: str, wanted: Mapping[str, Mapping[str, Any] | None] | None = None) -> None:
        self._criteria = [_criterion(name, says) for name, says in (wanted or {}).items() if says is not None]
        self._folder = Path(folder).parent

    def on_train_end(self, trainer: Trainer, pl_module: Any) -> None:
        """After the last validation's figures are written."""
        if not self._criteria or not trainer.is_global_zero:
            return
        curves = MetricsFile(self._folder / METRICS).read()
        rows = []
        for one in self._criteria:
            if not curves.get(one.figure):
                rows.append((one.name, one.figure, one.wanted, "never recorded", "FAIL"))
                continue
            value, holds = one.judge(curves[one.figure])
            rows.append((one.name, one.figure, one.wanted, f"{value:.4g}", "PASS" if holds else "FAIL"))
        console_of(trainer).print(told(rows))
        for row in rows:
            log.info("criterion %s: %s %s: %s %s", *row)
        atomic.write(self._folder / "criteria.csv", as_csv(rows))


def told(rows: Sequence[Sequence[str]]) -> Table:
    """The table for people."""
    table = Table("criterion", "figure", "wanted", "at the end", "", title="success criteria", title_justify="left")
    for row in rows:
        table.add_row(*row[:-1], f"[{'green' if row[-1] == 'PASS' else 'red'}]{row[-1]}")
    return table


def as_csv(rows: Sequence[Sequence[str]]) -> str:
    """The table for programs."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([("criterion", "figure", "wanted", "value", "verdict"), *rows])
    return text.getvalue()


def _criterion(name: str, says: Mapping[str, Any]) -> Criterion:
    bounds = [bound for bound in BOUNDS if bound in says]
    others = says.keys() - {"figure", *BOUNDS}
    if others or len(bounds) != 1 or not isinstance(says.get("figure"), str):
        raise InputError(
            f"callbacks.criteria.wanted.{name}: {dict(says)}: write it as {{figure: dev/f1, above: 0}}, with one of "
            f"{', '.join(BOUNDS)}"
        )
    return Criterion(name, says["figure"], bounds[0], float(says[bounds[0]]))
