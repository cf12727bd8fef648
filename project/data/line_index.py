"""The line index of a JSON Lines file: where its lines start and how long their examples are, kept beside it.

With it a manifest of a million lines opens without being read. It is made once, and again when the file has changed.
It knows the lengths of examples and nothing else of them: what a line means is `project.data.manifest`'s to say.

The file `.<name>.index`: a header, then the offsets of all lines (uint64, and the file's end), the rows before which
there are blank lines (uint64), and the lengths (float32), all in the machine's own byte order.
"""

from __future__ import annotations

import hashlib
import math
import mmap
import os
import struct
import time
import zlib
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import IO, Any

import numpy as np
import orjson
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress

from project import atomic
from project.contract import InputError
from project.data.line import FRAMES, SECONDS, Unit, measure

# magic and version, unit, the file's size and mtime_ns, its SHA-256, lines, blank lines, checksum of what follows
_HEADER = struct.Struct("=8sB7xQq32sQQI4x")
_MAGIC = b"lines\x00\x00\x01"
_UNIT_CODES: tuple[Unit | None, ...] = (None, SECONDS, FRAMES)

_MARK = b"\xef\xbb\xbf"  # some editors begin a file with it
_BLOCK = 1 << 20  # bytes
_HEAD = 1 << 16  # bytes, by which it is told what kind of file it is
_LINES_ASKED = 20
_LINES_TO_JUDGE = 3  # with fewer it may be a manifest with a torn line
_BIG_FILE = 50_000_000  # bytes, above which indexing is worth a progress bar
_CLOCK_TICK_SECONDS = 0.02  # a file changed twice within a tick of its file system may keep its mtime
_BUILDS_TO_TRY = 3


@dataclass(frozen=True, slots=True)
class LineIndex:
    """Where the lines of one file start and how long their examples are; blank lines have no row."""

    state: tuple[int, int]  # the file's size and mtime_ns when it was read
    digest: str  # SHA-256 of its content
    unit: Unit | None  # of the lengths; None if no line has one
    offsets: memoryview[int]  # first byte of each row, and the end of the file
    blanks: NDArray[np.uint64]  # for each blank line the row that follows it
    lengths: NDArray[np.float32]  # NaN for a line that has no sound length, or one in another unit than the first

    def __len__(self) -> int:
        return len(self.lengths)

    def line(self, row: int) -> int:
        """The row's line number, from 1, as an editor counts."""
        return row + 1 + int(np.searchsorted(self.blanks, row, side="right"))


def open_index(path: Path) -> LineIndex:
    """The index of a file as it is now: the one kept for it, or a new one if that is missing, outdated or damaged."""
    places = (path.with_name(f".{path.name}.index"), _cache_place(path))
    for _ in range(1 + _BUILDS_TO_TRY):
        for place in places:
            index = _load(place, path.stat())
            if index is not None:
                return index
        _store(_build(path), places)
    raise InputError(f"{path}: it changes while it is being read: wait until it is written")


def require_objects(path: Path) -> None:
    """Refuse a file of some other kind: of its first lines none begins as a JSON object does."""
    with path.open("rb") as file:
        head = [line for line in file.read(_HEAD).removeprefix(_MARK).split(b"\n") if line.strip()][:_LINES_ASKED]
    if len(head) >= _LINES_TO_JUDGE and not any(line.lstrip().startswith(b"{") for line in head):
        raise InputError(f"{path}: not a manifest: its lines are no JSON objects: name a .jsonl file")


def _cache_place(path: Path) -> Path:
    """Where the index goes if the file's own folder cannot be written to."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "scansion" / f"{hashlib.sha256(os.fsencode(path.resolve())).hexdigest()[:32]}.index"


def _load(place: Path, status: os.stat_result) -> LineIndex | None:
    """The index kept there, if it is whole and of the file in that state."""
    try:
        file = place.open("rb")
    except OSError:
        return None
    with file:
        header = file.read(_HEADER.size)
        if len(header) < _HEADER.size:
            return None
        magic, code, size, mtime_ns, digest, count, num_blanks, checksum = _HEADER.unpack(header)
        if (magic, size, mtime_ns) != (_MAGIC, status.st_size, status.st_mtime_ns) or code >= len(_UNIT_CODES):
            return None
        sections = (count + 1) * 8, num_blanks * 8, count * 4
        if os.fstat(file.fileno()).st_size != _HEADER.size + sum(sections):
            return None
        body = 0
        while block := file.read(_BLOCK):
            body = zlib.crc32(block, body)
        if _seal(header, body) != checksum:
            return None
        file.seek(0)
        # a mapping holds a file open: small ones are read, as there may be thousands of shards
        small = _HEADER.size + sum(sections) <= _BLOCK
        view = memoryview(file.read() if small else mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    ends = np.cumsum([_HEADER.size, *sections]).tolist()
    offsets, blanks, lengths = (view[start:end] for start, end in pairwise(ends))
    return LineIndex(
        state=(size, mtime_ns),
        digest=digest.hex(),
        unit=_UNIT_CODES[code],
        offsets=offsets.cast("Q"),
        blanks=np.frombuffer(blanks, dtype=np.uint64),
        lengths=np.frombuffer(lengths, dtype=np.float32),
    )


def _store(sections: list[bytes | array[Any]], places: tuple[Path, Path]) -> None:
    """Write an index to the first of the places that lets itself be written to."""
    beside, cache = places
    for place in places:
        try:
            if place is cache:
                cache.parent.mkdir(parents=True, exist_ok=True)
            with atomic.writing(place) as file:
                for section in sections:
                    file.write(section)
        except OSError as error:
            reason = error.strerror
        else:
            return
    raise InputError(
        f"{beside}: the line index cannot be written, nor in {cache.parent} ({reason}): "
        "make one of the folders writable, or name another one in XDG_CACHE_HOME"
    )


def _build(path: Path) -> list[bytes | array[Any]]:
    """The sections of a file's index; its header tells the file's state before it was read, so that a change shows."""
    status = path.stat()
    if 0 <= time.time_ns() - status.st_mtime_ns < _CLOCK_TICK_SECONDS * 1e9:
        time.sleep(_CLOCK_TICK_SECONDS)
    offsets, blanks, lengths = array("Q"), array("Q"), array("f")
    first_unit: Unit | None = None
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").digest()
        for offset, line in _lines(file, status.st_size, path.name):
            if line.isspace():
                blanks.append(len(offsets))
                continue
            length, unit = _length(line)
            first_unit = first_unit or unit
            offsets.append(offset)
            lengths.append(length if unit == first_unit else math.nan)
    count = len(offsets)
    offsets.append(status.st_size)
    body = 0
    for section in (offsets, blanks, lengths):
        body = zlib.crc32(section, body)
    code = _UNIT_CODES.index(first_unit)
    fields = (_MAGIC, code, status.st_size, status.st_mtime_ns, digest, count, len(blanks))
    checksum = _seal(_HEADER.pack(*fields, 0), body)
    return [_HEADER.pack(*fields, checksum), offsets, blanks, lengths]


def _lines(file: IO[bytes], size: int, name: str) -> Iterator[tuple[int, bytes]]:
    """Every line with the offset of its first byte (past a byte order mark), under a progress bar if there are many."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=size < _BIG_FILE or not console.is_terminal) as progress:
        task = progress.add_task(f"indexing {name}", total=size)
        file.seek(0)
        offset = shown = len(_MARK) if file.read(len(_MARK)) == _MARK else 0
        file.seek(offset)
        for line in file:
            yield offset, line
            offset += len(line)
            if offset - shown > _BLOCK:
                progress.update(task, completed=offset)
                shown = offset


def _length(line: bytes) -> tuple[float, Unit | None]:
    """A line's length and its unit; not a number and None if it has no sound one."""
    try:
        return measure(orjson.loads(line))
    except (ValueError, AttributeError):  # not JSON; not an object
        return math.nan, None


def _seal(header: bytes, body: int) -> int:
    """The checksum of an index: of its header but for the checksum itself, and of what follows."""
    return zlib.crc32(header[: _HEADER.size - 8], body)
