"""What killed processes left half-written in a folder that many write to, on one machine or on several.

Whoever writes there alone clears it by `project.atomic`.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

SECONDS = 24 * 3600.0  # without a change, after which something half-written is nobody's


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """While this holds, a folder that is being filled is somebody's, however long that takes."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with suppress(OSError):  # no locks on this file system: then its times say so, as it is written to
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def clear(folder: Path) -> None:
    """Remove files and folders called .*.part that nobody holds and nobody has written to for a day."""
    for part in folder.glob(".*.part"):
        with suppress(OSError):  # somebody else clears it, it is whole by now, or it may not be removed
            if time.time() - _last_written(part) > SECONDS:
                _remove(part)


def _last_written(part: Path) -> float:
    times: list[float] = [path.stat().st_mtime for path in (part, *part.glob("*"))]
    return max(times)


def _remove(part: Path) -> None:
    """A file, which nobody holds, or a folder if nobody does."""
    if part.is_dir():
        descriptor = os.open(part, os.O_RDONLY | os.O_CLOEXEC)
        try:
            if not _is_held(descriptor):
                shutil.rmtree(part, ignore_errors=True)
        finally:
            os.close(descriptor)
    else:
        part.unlink()


def _is_held(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # no locks on this file system
        return False
    return False
