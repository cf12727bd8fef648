"""Processes as the system shows them: which ones belong together, what memory they take, and whether one still runs.

It reads /proc alone; where there is none, nothing is known.
"""

from __future__ import annotations

import os
import re
import socket
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

PROC = Path("/proc")
SESSION, START = 3, 19  # fields of /proc/<pid>/stat, counted from the state on
NAME = re.compile(r"pid (\d+)/(\d*) on (.+)")


def name_of(pid: int) -> str:
    """A process, so that it is not taken for a later one with its number: "pid 71/80123 on node4"."""
    fields = _stat(PROC / str(pid))
    return f"pid {pid}/{fields[START] if fields else ''} on {socket.gethostname()}"


def is_alive(name: str) -> bool | None:
    """Whether a process that `name_of` named still runs; None for those of other machines, and other names."""
    found = NAME.fullmatch(name)
    if found is None or found[3] != socket.gethostname() or not PROC.is_dir():
        return None
    fields = _stat(PROC / found[1])
    return fields is not None and fields[0] != "Z" and fields[START] == found[2]


def memory_of(sessions: Iterable[int]) -> dict[int, int]:
    """Bytes that all processes of each session take; pages that several share are divided among them."""
    taken: dict[int, int] = defaultdict(int, dict.fromkeys(sessions, 0))
    for folder in PROC.iterdir() if PROC.is_dir() else ():
        if not folder.name.isdecimal():
            continue
        fields = _stat(folder)
        if fields and int(fields[SESSION]) in taken:
            taken[int(fields[SESSION])] += _memory(folder)
    return dict(taken)


def _memory(folder: Path) -> int:
    try:
        text = (folder / "smaps_rollup").read_text(encoding="utf-8")
        return 1024 * int(re.findall(r"^Pss:\s+(\d+) kB", text, flags=re.M)[0])
    except (OSError, IndexError):  # it has ended, or the kernel keeps no such account
        pass
    try:
        return int((folder / "statm").read_text(encoding="utf-8").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0


def _stat(folder: Path) -> list[str] | None:
    """What stands behind the program's name, which may hold anything; None if it has ended."""
    try:
        return (folder / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
