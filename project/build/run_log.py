"""train.log: what happens to a run, a line each with the time; what cannot be written there stops no training."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from project import atomic


class RunLog(logging.Handler):
    """Adds whole lines to a file; says once on standard error that it cannot, and tries again with the next line."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
        self._file = file
        self._failed = False

    def emit(self, record: logging.LogRecord) -> None:
        try:
            atomic.append(self._file, f"{self.format(record)}\n".encode())
        except OSError as error:
            if not self._failed:
                print(f"scansion: {self._file}: {error.strerror}: its lines are lost", file=sys.stderr)
            self._failed = True


@contextmanager
def logged(file: Path) -> Iterator[None]:
    """While this holds, what scansion logs is also written to a file."""
    log = logging.getLogger("scansion")
    handler = RunLog(file)
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False
    try:
        yield
    finally:
        log.removeHandler(handler)
