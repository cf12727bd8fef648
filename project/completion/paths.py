"""Paths that begin as typed: files, manifests, and folders of runs; one level at a time, as shells do."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

MANIFESTS = (".jsonl", ".jsonl.gz")
RUN = "config.yaml"  # what makes a folder a run's


def files(typed: str) -> list[str]:
    """Files and folders; a folder ends with a slash."""
    return _entries(typed, lambda entry: True)


def manifests(typed: str) -> list[str]:
    """Manifests, and folders that may hold some."""
    return _entries(typed, lambda entry: entry.name.endswith(MANIFESTS) or entry.is_dir())


def runs(typed: str) -> list[str]:
    """Folders of runs, without a slash, and folders on the way to some. Where nothing is typed: below runs/."""
    if not typed and Path("runs").is_dir():
        typed = "runs/"
    return [
        path.removesuffix("/") if (Path(path).expanduser() / RUN).is_file() else path
        for path in _entries(typed, lambda entry: entry.is_dir())
    ]


def _entries(typed: str, wanted: Callable[[os.DirEntry[str]], bool]) -> list[str]:
    head, slash, tail = typed.rpartition("/")
    folder = Path(f"{head}{slash}" or ".").expanduser()
    try:
        with os.scandir(folder) as entries:
            found = [
                f"{head}{slash}{entry.name}" + ("/" if entry.is_dir() else "")
                for entry in entries
                if entry.name.startswith(tail) and (not entry.name.startswith(".") or tail) and wanted(entry)
            ]
    except OSError:  # no such folder, or not ours to read: there is nothing to offer
        return []
    return sorted(found)
