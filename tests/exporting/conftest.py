"""Exporting as on a command line."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import project.export
from project import cli

Export = Callable[..., int]


@pytest.fixture
def export(monkeypatch: pytest.MonkeyPatch) -> Export:
    """Export a run: the exit code."""

    def answer(run: Path, *words: str) -> int:
        monkeypatch.setattr(sys, "argv", ["scansion export", f"run={cli.quote(str(run))}", *words])
        with pytest.raises(SystemExit) as stop:
            project.export.main()
        assert isinstance(stop.value.code, int)
        return stop.value.code

    return answer
