"""Becomes another program, which is told to stop (SIGTERM) when the process that started it dies, even by kill -9.

    python attended.py <program> <arguments>

It waits for one byte on its standard input, the word to begin. It is run as a file of its own, before anything else is
imported: what is set here outlives the exec. Only Linux can do it; elsewhere the program is run all the same.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(command: list[str]) -> None:
    """Ask the system for the signal, wait for the word, and become the command."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if not os.read(0, 1):  # whoever should say it is dead
        sys.exit(128 + signal.SIGTERM)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.execvp(command[0], command)  # noqa: S606


if __name__ == "__main__":
    main(sys.argv[1:])
