"""Room and rights where runs, data and temporary files go, memory, and what the processes of loaders share."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from project.checkup.finding import Finding

GB = 1e9
FEW_FILES = 10_000  # inodes
SHARED_GB = 1.0
MEMORY_GB = 2.0


def folders(places: Mapping[str, Path], least_gb: float) -> Iterator[Finding]:
    """Each folder: whether one can write there, and how much is free on its disk."""
    for name, folder in places.items():
        there = next(one for one in (folder.absolute(), *folder.absolute().parents) if one.is_dir())
        state = os.statvfs(there)
        free, whole = state.f_bavail * state.f_frsize / GB, state.f_blocks * state.f_frsize / GB
        told = f"{name}: {free:,.1f} of {whole:,.0f} GB free"
        if problem := unwritable(there):
            yield Finding(
                "disk", "problem", f"{told}, and {problem}", f"change its permissions, or name another {name}"
            )
        elif state.f_files and state.f_favail < FEW_FILES:
            yield Finding("disk", "warning", f"{told}, but room for {state.f_favail} files only", "remove files there")
        elif free < least_gb / 10:
            yield Finding("disk", "problem", told, f"make room, or name another {name}")
        elif free < least_gb:
            yield Finding("disk", "warning", told, f"make room: training and corpora may need {least_gb:g} GB")
        else:
            yield Finding("disk", "ok", told)


def unwritable(folder: Path) -> str:
    """Why nothing can be written in a folder; nothing where it can. What is written is gone at once."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"scansion")
            file.flush()
            return ""
    except OSError as error:
        return f"nothing can be written there ({error.strerror})"


def shared(folder: Path = Path("/dev/shm")) -> Finding | None:  # noqa: S108
    """Shared memory, through which batches come from loader processes; None where the system has no such folder."""
    if not folder.is_dir():
        return None
    state = os.statvfs(folder)
    free = state.f_bavail * state.f_frsize / GB
    if problem := unwritable(folder):
        return Finding("shared", "warning", f"shared memory: {problem}", "data.workers=0, or mount /dev/shm")
    if free < SHARED_GB:
        remedy = "docker run --shm-size=2g, or data.workers=0"
        return Finding("shared", "warning", f"{free:,.2f} GB of shared memory for batches of loaders is little", remedy)
    return Finding("shared", "ok", f"{free:,.1f} GB of shared memory for loaders")


def memory(info: Path = Path("/proc/meminfo"), limits: Path = Path("/sys/fs/cgroup")) -> Finding | None:
    """Memory that is free, within a container's limit; None where the system does not say."""
    if not info.is_file():
        return None
    found = dict(re.findall(r"^(\w+): +(\d+) kB", info.read_text(encoding="ascii"), flags=re.M))
    free, whole = int(found["MemAvailable"]) * 1024 / GB, int(found["MemTotal"]) * 1024 / GB
    limit, used = (_number(limits / name) for name in ("memory.max", "memory.current"))
    if limit is not None and used is not None and limit / GB < whole:
        free, whole = min(free, (limit - used) / GB), limit / GB
    told = f"{free:,.1f} of {whole:,.1f} GB free"
    if free < MEMORY_GB:
        return Finding("memory", "warning", told, "end other programs, or lower data.workers and batch sizes")
    return Finding("memory", "ok", told)


def _number(file: Path) -> int | None:
    text = file.read_text(encoding="ascii").strip() if file.is_file() else ""
    return int(text) if text.isdigit() else None
