"""Two processes and one run: the second says so and changes nothing, as far as the file system can tell them apart."""

from __future__ import annotations

import errno
import fcntl
from pathlib import Path
from typing import Any

import pytest

from project import train
from project.build.naming import named
from project.contract import Config
from project.run import Run


def content(folder: Path) -> dict[str, bytes]:
    return {str(file): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


def test_the_second_process_of_a_run_stops_and_changes_nothing(
    faults: Any, config: Config, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, config = named(config, [])
    run.folder.mkdir(parents=True)
    with run.lock():
        before = content(run.folder)
        outcome = faults.apart(lambda: train.train(config, []))
        assert content(run.folder) == before
    assert outcome.code == 2
    assert outcome.line == f"{run.folder}: another process is training this run: wait for it or stop it"
    assert train.train(config, []) == 0  # it is free again


def test_a_file_system_without_locks_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with Run(tmp_path / "run").lock():
        told = capsys.readouterr().err
    assert "this file system has no locks (No locks available): see to it that no second process" in told
