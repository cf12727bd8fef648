"""Files are whole or absent, whatever happens while they are written."""

from __future__ import annotations

from pathlib import Path

import pytest

from project import atomic


def test_the_file_appears_when_all_is_written(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    with atomic.writing(file) as stream:
        stream.write(b"one")
        assert not file.exists()
    assert file.read_bytes() == b"one"
    atomic.write(file, "zwei é")
    assert file.read_text(encoding="utf-8") == "zwei é"


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    atomic.write(file, "old")
    with pytest.raises(ZeroDivisionError), atomic.writing(file) as stream:
        stream.write(b"new")
        raise ZeroDivisionError
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a.txt"
    atomic.write(file, "old")

    def fail(_: int) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="no space"):
        atomic.write(file, "new")
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]
