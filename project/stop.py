"""Ctrl-C, noted when it comes: so it is told as what it is, also where a library made another error of it.

Hydra and numpy do, when they are interrupted in the wrong place. While a run trains, callbacks/interruption.py answers
instead. And a pipe that is closed at its other end.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from types import FrameType
from typing import NoReturn

SIGNALLED = 128  # exit codes above are signals, as shells tell them
CODE = SIGNALLED + signal.SIGINT
TOLD = "interrupted"
AFTERMATH_SECONDS = 30.0  # an error so soon after it is its doing

_moments: list[float] = []


def code_of(number: int) -> int:
    """The exit code of a process that a signal ended.

    >>> code_of(signal.SIGTERM)
    143
    """
    return SIGNALLED + number


def watch() -> None:
    """From now on Ctrl-C is noted, and raises KeyboardInterrupt as ever."""
    signal.signal(signal.SIGINT, _note)


def ignore() -> None:
    """From now on Ctrl-C does nothing: the process is about to end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def unwatch() -> None:
    """From now on Ctrl-C ends the process at once and without a word."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def hush() -> None:
    """From now on standard output goes nowhere: who read it has seen enough."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def came() -> bool:
    """Whether it came just now."""
    return bool(_moments) and time.monotonic() - _moments[-1] < AFTERMATH_SECONDS


def _note(number: int, frame: FrameType | None) -> NoReturn:
    _moments.append(time.monotonic())
    raise KeyboardInterrupt
