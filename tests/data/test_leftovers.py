"""What is half-written is removed when nobody writes to it, and never under somebody's hands."""

from __future__ import annotations

import errno
import fcntl
import os
import time
from pathlib import Path

import pytest

from project.data import leftovers
from project.data.leftovers import clear, held


def left(folder: Path, name: str, *, hours: float, content: float | None = None) -> Path:
    """A folder that was last written to so long ago, and the file in it."""
    part = folder / name
    part.mkdir()
    (part / "train.jsonl").write_text("half")
    for path, age in ((part / "train.jsonl", hours if content is None else content), (part, hours)):
        os.utime(path, times=(time.time() - age * 3600,) * 2)
    return part


def test_what_is_old_and_nobodys_is_removed(tmp_path: Path) -> None:
    old = left(tmp_path, ".old.part", hours=25)
    kept = [
        left(tmp_path, ".young.part", hours=23),
        left(tmp_path, ".slow.part", hours=25, content=1),  # its file still grows
        left(tmp_path, "whole", hours=1000),
        left(tmp_path, ".whole", hours=1000),
    ]
    file = tmp_path / ".file.part"
    file.touch()
    os.utime(file, times=(0, 0))
    clear(tmp_path)
    assert not old.exists()
    assert not file.exists()
    assert all((part / "train.jsonl").is_file() for part in kept)
    clear(tmp_path / "nowhere")


def test_what_somebody_holds_stays_however_old(tmp_path: Path) -> None:
    """A process that slept for a day goes on where it was."""
    part = left(tmp_path, ".old.part", hours=25)
    with held(part):
        clear(tmp_path)
        assert (part / "train.jsonl").is_file()
    clear(tmp_path)
    assert not part.exists()


def test_without_locks_times_decide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(descriptor: int, kind: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", no_locks)
    old, young = left(tmp_path, ".old.part", hours=25), left(tmp_path, ".young.part", hours=1)
    with held(young):
        clear(tmp_path)
    assert (old.exists(), young.exists()) == (False, True)


def test_what_may_not_be_removed_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(part: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(part))

    monkeypatch.setattr(leftovers, "_remove", refused)
    part = left(tmp_path, ".old.part", hours=25)
    clear(tmp_path)
    assert part.exists()
