"""What an evaluation has scored so far, kept on disk: one that was stopped goes on where it was.

A file for each process, of JSON lines. Each line holds the examples that were scored since the line before it, and
everything that is summed over all examples as it stood then. So a line that was torn off together with its writer takes
nothing else with it. Numbers come back as they were, to the last bit.

It does not know how examples are scored: only that the same settings, with the same weights, would say the same again.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from project import contract
from project.system.base import Scored

FORMAT = 1
PATIENCE = 10.0  # seconds that an evaluation takes before anything of it is kept: shorter ones are soon done again
INTERVAL = 1.0  # seconds between lines, at least
KIND = "@"  # key under which a line says what an object is
PAIRS = "pairs"  # a mapping whose keys are no text


@dataclass(frozen=True, slots=True)
class Kept:
    """What was scored before."""

    rows: tuple[Scored, ...] = ()
    sums: Mapping[str, Any] = field(default_factory=dict)  # as ValidationSums.state gives them
    spent: Mapping[str, float] = field(default_factory=dict)  # seconds by what they went into
    seconds: float = 0.0  # in all

    @property
    def ids(self) -> list[str]:
        return [row.id for row in self.rows]


class PartialFile:
    """The file of one process below a folder, named by settings that tell it from all that would score otherwise.

    They are asked for when there is something to look for or to write: the weights are among them, which takes a while.
    """

    def __init__(
        self, folder: Path, settings: Callable[[], Mapping[str, Any]], share: int = 0, shares: int = 1
    ) -> None:
        self.folder = folder
        self._settings = settings
        self._part = f"{share + 1}of{shares}"
        self.is_written = False  # whether anything of this sitting is in it
        self._file: BinaryIO | None = None
        self._is_taken = False  # another process is at it
        self._begun = self._written = time.monotonic()

    @cached_property
    def path(self) -> Path:
        text = json.dumps({"format": FORMAT, **self._settings()}, sort_keys=True, default=str)
        return self.folder / f"{hashlib.sha256(text.encode()).hexdigest()[:16]}-{self._part}.jsonl"

    def read(self) -> Kept:
        """What an evaluation that was stopped left there, up to the last whole line."""
        kept, rows, end = Kept(), [], 0
        if not self.folder.is_dir() or not self.path.is_file() or (file := self._open()) is None:
            return kept
        for line in file:
            found = _parsed(line)
            if found is None:
                break
            end += len(line)
            rows += found["rows"]
            kept = Kept(tuple(rows), found["sums"], found["spent"], found["seconds"])
        file.truncate(end)
        return kept

    def clear(self) -> None:
        """What is there does not fit: leave nothing of it."""
        if self._file is not None:
            self._file.truncate(0)

    @property
    def is_due(self) -> bool:
        """Whether it is time for another line."""
        now = time.monotonic()
        return not self._is_taken and now - self._begun >= PATIENCE and now - self._written >= INTERVAL

    def write(
        self, rows: Sequence[Scored], sums: Mapping[str, Any], spent: Mapping[str, float], seconds: float
    ) -> None:
        """A line more: rows that no line has yet, and all sums with them."""
        if (file := self._open()) is None:
            return
        file.seek(0, os.SEEK_END)
        file.write(packed({"rows": list(rows), "sums": sums, "spent": dict(spent), "seconds": seconds}))
        file.flush()
        self.is_written, self._written = True, time.monotonic()

    def close(self) -> None:
        """Leave the file to others, or to be removed."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open(self) -> BinaryIO | None:
        """The file, held against other processes; None if one holds it already, which then is the one that keeps."""
        if self._file is None and not self._is_taken:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            file = self.path.open("a+b")
            self._is_taken = not _hold(file)
            if self._is_taken:
                file.close()
                return None
            file.seek(0)
            self._file = file
        return self._file


def forget(folder: Path) -> None:
    """Remove what is kept below a folder, but for files that a process is writing."""
    for path in folder.glob("*.jsonl"):
        with path.open("r+b") as file:
            if _hold(file):
                path.unlink()
    for empty in (folder, folder.parent):
        with suppress(OSError):  # not there, or others have files in it
            empty.rmdir()


def packed(content: Any) -> bytes:
    """Rows and sums as one line of JSON."""
    return json.dumps(_keyed(content), default=_plain, separators=(",", ":")).encode() + b"\n"


def unpacked(line: bytes) -> Any:
    """What `packed` was given: sequences in rows as tuples, as they are there."""
    return json.loads(line, object_hook=_restored)


def _parsed(line: bytes) -> dict[str, Any] | None:
    """A line's content; None for one that was torn off."""
    if not line.endswith(b"\n"):
        return None
    try:
        found = unpacked(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _keyed(value: Any) -> Any:
    """The same with mappings that JSON could not give back, as symbols are numbers, written as pairs in their order."""
    if not isinstance(value, Mapping):
        return [_keyed(one) for one in value] if isinstance(value, tuple) else value
    if all(isinstance(key, str) for key in value):
        return {key: _keyed(one) for key, one in value.items()}
    return {KIND: PAIRS, "items": [[key, _keyed(one)] for key, one in value.items()]}


def _plain(value: Any) -> Any:
    """What JSON does not know, in what it knows: the nouns of rows by their fields, numbers of numpy as numbers."""
    if is_dataclass(value) and not isinstance(value, type):
        return {KIND: type(value).__name__} | {one.name: getattr(value, one.name) for one in fields(value)}
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} in what is scored: rows hold plain data and nouns of project.contract")


def _restored(found: dict[str, Any]) -> Any:
    kind = found.pop(KIND, None)
    if kind is None:
        return found
    if kind == PAIRS:
        return dict(found["items"])
    noun = Scored if kind == Scored.__name__ else getattr(contract, kind)
    return noun(**{name: _tuples(value) for name, value in found.items()})


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def _hold(file: BinaryIO) -> bool:
    """Whether nobody else holds the file; from now on this process does, until it closes it or dies."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def count_batches(ids: Iterable[Sequence[str]], done: Sequence[str]) -> int | None:
    """How many of the first batches are exactly those that were done; None if no number is.

    >>> count_batches([["a", "b"], ["c"], ["d"]], ["a", "b", "c"]), count_batches([["a", "b"], ["c"]], ["a"])
    (2, None)
    """
    place = count = 0
    for batch in ids:
        if place == len(done):
            break
        if list(done[place : place + len(batch)]) != list(batch):
            return None
        place, count = place + len(batch), count + 1
    return count if place == len(done) else None
