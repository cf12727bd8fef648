"""metrics.csv: every scalar of a run, one a line, appended as they come and cut back when a run is resumed."""

from __future__ import annotations

import argparse
import csv
import io
from collections.abc import Mapping
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers.logger import Logger
from lightning.pytorch.utilities import rank_zero_only

from project import atomic
from project.logger.tables import write_tables
from project.metrics_file import HEADER, METRICS


class CsvLogger(Logger):
    """Writes step, epoch, name, value.

    A long table rather than a wide one: new names may appear at any time, and a killed process loses no line that was
    written. `step` counts optimizer updates.
    """

    def __init__(self, save_dir: str) -> None:
        super().__init__()
        self._file = Path(save_dir) / METRICS

    @property
    def name(self) -> str:
        return "csv"

    @property
    def version(self) -> str:
        return ""

    @rank_zero_only
    def log_hyperparams(self, params: dict[str, Any] | argparse.Namespace, *args: Any, **kwargs: Any) -> None:
        """Nothing: the run folder holds the whole configuration already."""

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Append one line a scalar."""
        epoch = metrics.get("epoch", "")
        rows = [(step, epoch, name, repr(float(value))) for name, value in metrics.items() if name != "epoch"]
        text = io.StringIO(newline="")
        csv.writer(text).writerows(rows if self._file.exists() else [HEADER, *rows])
        atomic.append(self._file, text.getvalue().encode())

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """The same scalars as tables by subject, when training ends or is stopped.

        After a failure that may be the disk's they are written if they can be: it is the failure that is to be told.
        """
        if self._file.exists():
            with suppress(OSError) if status == "failed" else nullcontext():
                write_tables(self._file)

    @rank_zero_only
    def rewind(self, step: int) -> None:
        """Drop the lines after a step, which a resumed run writes again, and one that a power cut tore off."""
        if not self._file.exists():
            return
        whole = self._file.read_bytes().rpartition(b"\n")[0].decode(errors="replace")
        rows = [row for row in csv.reader(whole.splitlines()) if len(row) == len(HEADER)]
        kept = [row for row in rows if row[0].isdecimal() and int(row[0]) <= step]
        text = io.StringIO(newline="")
        csv.writer(text).writerows([HEADER, *kept])
        atomic.write(self._file, text.getvalue())
