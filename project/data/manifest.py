"""A manifest: JSON Lines files of which each line describes one example, opened without loading them.

    {"id": "61-70968-0", "media": "61/70968/61-70968-0.flac", "duration": 4.905, "text": "HE BEGAN", "group": "61"}

`media` is a path relative to the manifest's folder and never above it, or a URL for fsspec; `duration` is in seconds,
or `length` in frames; the target is any of `text`, `symbols` (a list) and `labels` (an object); other keys are kept as
meta.

A manifest at a URL is copied into the cache first (`project.data.remote_manifest`) and read there; its media are
relative to the URL's folder, and places are told by the URL.

It does not know whether media exist or ids are unique: `scansion prepare validate` looks.
"""

from __future__ import annotations

import difflib
import glob
import hashlib
import math
import os
import weakref
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from numpy.typing import ArrayLike, NDArray

from project import atomic
from project.contract import Example, InputError, NoManifest
from project.data.line import FRAMES, SECONDS, Unit, example_record, parse_example, parse_line
from project.data.line_index import open_index, require_objects
from project.data.remote_manifest import copies_of, home_of, named
from project.feature.remote_file import is_remote

__all__ = ["Manifest", "example_record", "parse_example", "write_manifest"]

_NAMES_SHOWN = 5


class Manifest:
    """Examples in order, and what identifies them: read line by line from files that are never loaded whole.

    Immutable: `select` and `between` give views. Cheap to hand to another process, which opens the files anew.
    """

    def __init__(self, files: Sequence[Path], rows: NDArray[np.int64] | None = None) -> None:
        self.files = tuple(files)
        self._rows = rows  # those selected of all files' rows, in order; None for all
        self._parts = [_Part(file) for file in self.files]
        self._starts = [0, *accumulate(len(part.index) for part in self._parts)]
        self.unit = self._one_unit()

    @classmethod
    def open(cls, patterns: str | Sequence[str]) -> Manifest:
        """The files that paths, URLs and globs name, one after the other; those of one glob in sorted order."""
        files = [file for pattern in ([patterns] if isinstance(patterns, str) else patterns) for file in _find(pattern)]
        for i, file in enumerate(files):
            if file in files[:i]:
                raise InputError(f"{named(file)}: named twice, so that its examples would come twice: name it once")
        return cls(files)

    def __len__(self) -> int:
        return self._starts[-1] if self._rows is None else len(self._rows)

    def __getitem__(self, i: int) -> Example:
        part, row = self._locate(i)
        try:
            example = parse_line(part.read(row), part.folder)
            if math.isnan(part.index.lengths[row]):
                raise ValueError(f"{example.id}: its length is not in {part.index.unit}: use one unit in all lines")
        except ValueError as flaw:
            part.require_unchanged()
            raise InputError(f"{part.location(row)}: {flaw}") from None
        return example

    def __iter__(self) -> Iterator[Example]:
        return (self[i] for i in range(len(self)))

    def raw(self, i: int) -> bytes:
        """An example's line as it stands in the file, without white space around it."""
        part, row = self._locate(i)
        return part.read(row).strip()

    def location(self, i: int) -> str:
        """Where an example stands: `file:line`."""
        part, row = self._locate(i)
        return part.location(row)

    @property
    def lengths(self) -> NDArray[np.float32]:
        """The length of every example, in the manifest's unit; NaN for a line without a sound one."""
        whole = [part.index.lengths for part in self._parts]
        lengths = whole[0] if len(whole) == 1 else np.concatenate(whole)
        return lengths if self._rows is None else lengths[self._rows]

    @property
    def hash(self) -> str:
        """What identifies the examples and their order: 64 hex digits, whatever the files are called."""
        digests = [part.index.digest for part in self._parts]
        if len(digests) == 1 and self._rows is None:
            return digests[0]
        rows = b"" if self._rows is None else self._rows.tobytes()
        return hashlib.sha256("".join(digests).encode() + rows).hexdigest()

    def select(self, indices: ArrayLike) -> Manifest:
        """The examples at these indices, in that order."""
        chosen = np.asarray(indices)
        assert chosen.dtype.kind in "iu" or not chosen.size, "indices, not a mask: np.flatnonzero makes them of one"
        chosen = chosen.astype(np.int64)
        if chosen.size and (chosen.min() < 0 or chosen.max() >= len(self)):
            raise IndexError(f"indices of this manifest go from 0 to {len(self) - 1}")
        rows = chosen if self._rows is None else self._rows[chosen]
        whole = np.array_equal(rows, np.arange(self._starts[-1]))
        return Manifest(self.files, None if whole else rows)

    def between(self, min_length: float = 0.0, max_length: float = math.inf) -> Manifest:
        """The examples that are neither shorter nor longer than that; a line without a length is an error."""
        lengths = self.lengths
        for i in np.flatnonzero(np.isnan(lengths)):
            self[int(i)]  # raises what is wrong with it
        return self.select(np.flatnonzero((lengths >= min_length) & (lengths <= max_length)))

    def joined(self, other: Manifest) -> Manifest:
        """These examples, and behind them those of another manifest."""
        if common := [file for file in other.files if file in self.files]:
            raise InputError(f"{named(common[0])}: named twice, so that its examples would come twice: name it once")
        parts = [np.arange(len(one)) if one._rows is None else one._rows for one in (self, other)]
        return Manifest([*self.files, *other.files], np.concatenate([parts[0], parts[1] + self._starts[-1]]))

    def __getstate__(self) -> dict[str, Any]:
        return {"files": self.files, "rows": self._rows, "digests": [part.index.digest for part in self._parts]}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["files"], state["rows"])  # type: ignore[misc]
        for part, digest in zip(self._parts, state["digests"], strict=True):
            if part.index.digest != digest:
                raise _changed(part.name)

    def _locate(self, i: int) -> tuple[_Part, int]:
        length = len(self)
        if not -length <= i < length:
            raise IndexError(f"example {i} of {length}")
        row = i % length if self._rows is None else int(self._rows[i])
        number = bisect_right(self._starts, row) - 1
        return self._parts[number], row - self._starts[number]

    @property
    def names(self) -> tuple[str, ...]:
        """What each file is called: its path, or its URL where `files` has the copy of a remote one."""
        return tuple(part.name for part in self._parts)

    @property
    def folders(self) -> tuple[str, ...]:
        """The absolute path or the URL that each file's media are relative to."""
        return tuple(part.folder for part in self._parts)

    def require_here(self) -> tuple[Path, ...]:
        """The files, none of which may be a copy: for who writes beside them."""
        for name in self.names:
            if is_remote(name):
                raise InputError(
                    f"{name}: it is at a URL, and nothing is written beside it: say out=..., or copy it to a disk"
                )
        return self.files

    def folder(self, i: int) -> str:
        """The absolute path or the URL that an example's medium is relative to."""
        return self._locate(i)[0].folder

    def _one_unit(self) -> Unit:
        files: dict[Unit, str] = {part.index.unit: part.name for part in self._parts if part.index.unit}
        if len(files) > 1:
            raise InputError(f"{files[FRAMES]} has `length`, {files[SECONDS]} `duration`: use one in all files")
        return next(iter(files), SECONDS)


class _Part:
    """One file of a manifest, open for reading.

    Its lines are read, not mapped into memory: a mapped file that somebody truncates would kill the process, and all
    that was ever read of it would count as the process's own.
    """

    def __init__(self, file: Path) -> None:
        self.name, self.folder = named(file), home_of(file)
        self._descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
        weakref.finalize(self, os.close, self._descriptor)
        self.index = open_index(file)
        self.require_unchanged()

    def read(self, row: int) -> bytes:
        """The row's line, with blank lines that follow it."""
        offsets = self.index.offsets
        start = offsets[row]
        return os.pread(self._descriptor, offsets[row + 1] - start, start)

    def location(self, row: int) -> str:
        """The row's `file:line`."""
        return f"{self.name}:{self.index.line(row)}"

    def require_unchanged(self) -> None:
        """The file must still be as it was indexed."""
        status = os.fstat(self._descriptor)
        if (status.st_size, status.st_mtime_ns) != self.index.state:
            raise _changed(self.name)


def write_manifest(path: Path, lines: Iterable[Example | Mapping[str, Any]], unit: Unit = SECONDS) -> None:
    """Write examples, or lines as they are, to a manifest that appears when it is complete."""
    folder = str(path.absolute().parent)
    with atomic.writing(path) as file:
        for line in lines:
            record = example_record(line, folder, unit) if isinstance(line, Example) else dict(line)
            file.write(orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_SERIALIZE_NUMPY))


def require_found(patterns: str | Sequence[str] | None) -> None:
    """Refuse paths and globs that name nothing here, and open nothing: URLs are not asked for."""
    for pattern in [patterns] if isinstance(patterns, str) else patterns or ():
        if not is_remote(pattern):
            _find(pattern)


def _find(pattern: str) -> list[Path]:
    """The files that a path, a URL or a glob names; of remote ones copies on this machine."""
    if is_remote(pattern):
        return copies_of(pattern)
    pattern = pattern.removeprefix("file://")
    path = Path(pattern).expanduser()
    if path.is_file():
        require_objects(path)
        return [path]
    if path.is_dir():
        raise InputError(f"{pattern}: a folder, not a manifest: {_offer(path, '')}")
    found = [Path(name) for name in sorted(glob.glob(str(path), recursive=True))]  # noqa: PTH207 - absolute patterns, too
    found = [file for file in found if file.is_file()]
    if not found:
        folder = next(parent for parent in path.parents if not glob.has_magic(str(parent)))
        if not folder.is_dir():
            raise NoManifest(f"{pattern}: no such manifest: there is no folder {folder} either", str(folder))
        raise InputError(f"{pattern}: no such manifest: {_offer(folder, path.name)}")
    return found


def _offer(folder: Path, name: str) -> str:
    """What the user may have meant by a name that is not in that folder."""
    names = sorted(file.name for file in folder.glob("*.jsonl"))
    if not names:
        return f"no .jsonl file is in {folder}: check the path, or make one with `scansion prepare`"
    if not glob.has_magic(name) and (close := difflib.get_close_matches(name, names, n=1)):
        return f"did you mean {folder / close[0]}?"
    return f"{folder} has {', '.join(names[:_NAMES_SHOWN])}{' ...' if len(names) > _NAMES_SHOWN else ''}"


def _changed(name: str) -> InputError:
    return InputError(f"{name}: changed while in use: start again")
