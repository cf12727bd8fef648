"""`scansion prepare corpus=...`: makes or imports a corpus."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from project.contract import InputError
from project.corpus.folder import remove


class Corpus(Protocol):
    """Raw material that can be turned into manifests. One that reads others' manifests names them as `sources`."""

    def make(self, out: str, progress: Callable[[int, int], None]) -> list[str]:
        """Writes recordings and manifests into a folder and gives the manifests' paths."""


class Make:
    """Makes a corpus in a folder, once: a finished one is left as it is, a half-made one is completed."""

    def __init__(self, corpus: Corpus | None, out: str | None, overwrite: bool = False) -> None:
        if corpus is None:
            raise InputError("prepare: no corpus is named: add corpus=morse")
        if out is None:
            raise InputError("prepare: no folder is named: add out=data/<name>")
        self._corpus = corpus
        self._out = out
        self._overwrite = overwrite

    def run(self) -> int:
        """Prints the manifests' paths, a line each; the exit code."""
        for source in getattr(self._corpus, "sources", ()):
            if Path(source).resolve().is_relative_to(Path(self._out).resolve()):
                raise InputError(f"out={self._out}: {source}, which is read, lies in it: choose another folder")
        if self._overwrite:
            remove(self._out)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True)) as bar:
            task = bar.add_task(f"making {self._out}", total=None)
            manifests = self._corpus.make(self._out, lambda done, total: bar.update(task, completed=done, total=total))
            bar.update(task, visible=False)
        print("\n".join(manifests))
        return 0
