"""Files that are there whole or not at all: written under another name, then moved into place.

What cannot be written (a full disk, no permission, a folder that is gone) is an OSError that names the file: not every
one that the system raises does. After a power cut a file is the old one or the new one, and whole.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def writing(path: Path) -> Iterator[IO[bytes]]:
    """A file to write to that takes the path's place when all is written, and leaves nothing behind if that fails."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
    try:
        with _named(path, str(part)), part.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        with _named(path, str(part)):
            part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def write(path: Path, content: bytes | str) -> None:
    """Write a file's whole content."""
    with writing(path) as file:
        file.write(content.encode() if isinstance(content, str) else content)


def append(path: Path, content: bytes) -> None:
    """Add to a file's end all of it or nothing: a full disk leaves no torn line."""
    with _named(path), path.open("ab", buffering=0) as file:
        end = file.tell()
        try:
            rest = memoryview(content)
            while rest:
                rest = rest[file.write(rest) :]
        except OSError:
            file.truncate(end)
            raise


def clear(folder: Path) -> None:
    """Remove what killed processes left half-written in a folder; for who alone writes there."""
    for part in folder.glob(".*.part"):
        part.unlink(missing_ok=True)


@contextmanager
def _named(path: Path, instead_of: str | None = None) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno is not None and error.filename in (None, instead_of):
            error.filename = str(path)
        raise
