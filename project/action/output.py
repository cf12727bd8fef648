"""What all actions do with results: tables on standard output, progress on standard error, files whole or not."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from project import atomic
from project.contract import InputError

_WORTH_A_BAR = 500  # things to do
_PLAIN_WIDTH = 160  # columns of a table that goes to a file or pipe
_TICK_SECONDS = 0.1


def console() -> Console:
    """Standard output, for tables; wide where no terminal limits it."""
    return Console(width=None if sys.stdout.isatty() else _PLAIN_WIDTH)


def say(line: str) -> None:
    """A line for people on standard error, as long as it is."""
    print(line, file=sys.stderr)


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[], None]]:
    """A bar on a terminal's standard error if there is much to do; yields what to call after each thing done."""
    error = Console(stderr=True)
    if total <= _WORTH_A_BAR or not error.is_terminal:
        yield lambda: None
        return
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=error, transient=True, redirect_stdout=False) as bar:
        task = bar.add_task(what, total=total)
        done, shown = 0, time.monotonic()

        def advance() -> None:
            nonlocal done, shown
            done += 1
            if (now := time.monotonic()) - shown > _TICK_SECONDS:
                shown = now
                bar.update(task, completed=done)

        yield advance


def require_manifests(manifest: str | Sequence[str], action: str) -> list[str]:
    """The manifests to work on, as a list."""
    patterns = [manifest] if isinstance(manifest, str) else list(manifest)
    if not patterns:
        raise InputError(f"manifest: none is named: scansion prepare {action} data/train.jsonl")
    return patterns


def require_free(paths: Iterable[Path], overwrite: bool) -> None:
    """What is there already is not replaced unasked; folders are not files."""
    for path in paths:
        if path.is_dir():
            raise InputError(f"{path}: a folder, where a file is to be written: name a file")
        if path.exists() and not overwrite:
            raise InputError(f"{path}: it is there already: overwrite=true replaces it")


def common_folder(files: Sequence[Path]) -> Path:
    """The deepest folder that holds all these files, as it was named if they lie side by side."""
    if len({file.parent for file in files}) == 1:
        return files[0].parent
    return Path(os.path.commonpath([file.absolute().parent for file in files]))


def write_lines(contents: Mapping[Path, Iterable[bytes]]) -> None:
    """Write files of lines, all of them or none."""
    with ExitStack() as stack:
        for path, lines in contents.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            file = stack.enter_context(atomic.writing(path))
            for line in lines:
                file.write(line.strip() + b"\n")


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic.writing(path) as file:
        file.write(orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
