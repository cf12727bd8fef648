"""A cache on disk of what media decode to: waveforms, or frames where nothing changes the signal before them.

An entry is found by all that decides its content: the medium (where it is, its size and when it changed), the feature's
settings, which name its version, and the versions of the libraries that compute. It holds its own name and a checksum:
a file that is torn, or not one of ours, is none. Several processes may share a folder: an entry is written under
another name and moved into place, and whoever comes second writes the same.

A cache that is full stays as it is. To make room for the latest would be of no use: an epoch asks for everything once,
so that each entry would be gone before it is asked for again.
"""

from __future__ import annotations

import hashlib
import os
import platform
import secrets
import struct
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import scipy
import soundfile
import torch
from numpy.typing import NDArray
from torch import Tensor

from project.contract import InputError
from project.data.identity import Identities
from project.data.leftovers import clear
from project.part import Feature

# magic and version, the entry's name, element type, dimensions, checksum of the content
_HEAD = struct.Struct("<8s32s4sIQI4x")
_MAGIC = b"medium\x00\x01"
_MOST_DIMENSIONS = 8
_PARTS = "parts"  # in the cache's folder: entries that are being written, and what killed processes left of theirs
_TALLIES = 64  # times the folder is measured while this process fills it


class Store:
    """What media decode to, kept below a folder; made anew where it is not there."""

    def __init__(self, folder: str, feature: Feature, gigabytes: float | None = None) -> None:
        self.folder = Path(folder)
        self.limit = None if gigabytes is None else round(gigabytes * 1e9)
        kind = type(feature)
        content = {
            "feature": f"{kind.__module__}.{kind.__qualname__}",
            "settings": dict(feature.settings),
            "versions": [np.__version__, scipy.__version__, torch.__version__, soundfile.__libsndfile_version__],
            "machine": platform.machine(),
        }
        self._content = orjson.dumps(content, option=orjson.OPT_SORT_KEYS | orjson.OPT_SERIALIZE_NUMPY)
        self._identities = Identities()
        self._size: int | None = None  # of the folder, when it was last measured
        self._added = 0  # by this process since then
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"data.cache={folder}: {error.strerror}: name a folder that can be written to") from None
        clear(self.folder / _PARTS)

    def signal(self, media: str, read: Callable[[str], Any]) -> Any:
        """The signal of a medium as the feature reads it; signals that are no plain arrays are read each time."""
        name = self._name(media, "signal")
        kept = None if name is None else self._load(name)
        if kept is not None:
            return kept
        signal = read(media)
        if name is not None and isinstance(signal, np.ndarray):
            self._keep(name, signal)
        return signal

    def frames(self, media: str, make: Callable[[], Tensor]) -> Tensor:
        """The frames of a medium."""
        name = self._name(media, "frames")
        kept = None if name is None else self._load(name)
        if kept is not None:
            return torch.from_numpy(kept)
        frames_TF = make()
        if name is not None:
            self._keep(name, frames_TF.numpy())
        return frames_TF

    def _name(self, media: str, kind: str) -> bytes | None:
        """What an entry is called; None for a medium that cannot be told from one that will take its place."""
        identity = self._identities.of(media)
        if identity is None:
            return None
        return hashlib.sha256(b"\n".join([kind.encode(), identity.encode(), self._content])).digest()

    def _place(self, name: bytes) -> Path:
        return self.folder / name.hex()[:2] / name.hex()[2:]

    def _load(self, name: bytes) -> NDArray[Any] | None:
        """An entry's array, if it is there, whole, and what it is called."""
        try:
            with self._place(name).open("rb") as file:
                head = file.read(_HEAD.size)
                if len(head) < _HEAD.size:
                    return None
                magic, own, kind, dimensions, size, checksum = _HEAD.unpack(head)
                if (magic, own) != (_MAGIC, name) or dimensions > _MOST_DIMENSIONS:
                    return None
                shape = np.frombuffer(file.read(8 * dimensions), dtype="<u8")
                content = bytearray(size)
                if file.readinto(content) != size or file.read(1) or zlib.crc32(content) != checksum:
                    return None
        except OSError:
            return None
        return np.frombuffer(content, dtype=kind.rstrip(b"\0").decode()).reshape(shape.astype(np.int64))

    def _keep(self, name: bytes, array: NDArray[Any]) -> None:
        """Write an entry, if there is room; a cache that cannot be written to is no reason to stop."""
        content = np.ascontiguousarray(array)
        size = _HEAD.size + 8 * content.ndim + content.nbytes
        if not self._has_room(size):
            return
        place = self._place(name)
        part = self.folder / _PARTS / f".{place.name}.{secrets.token_hex(8)}.part"
        data = content.data.cast("B") if content.size else b""
        kind = content.dtype.str.encode()
        head = _HEAD.pack(_MAGIC, name, kind, content.ndim, content.nbytes, zlib.crc32(data))
        try:
            for parent in (place.parent, part.parent):
                parent.mkdir(parents=True, exist_ok=True)
            with part.open("xb") as file:
                file.write(head + np.array(content.shape, dtype="<u8").tobytes())
                file.write(data)
            part.replace(place)
            self._added += size
        except OSError:
            with suppress(OSError):
                part.unlink(missing_ok=True)

    def _has_room(self, size: int) -> bool:
        """Whether so many bytes more stay under the limit. Others write too, so the folder is measured now and then."""
        if self.limit is None:
            return True
        if self._size is None or self._added > self.limit // _TALLIES:
            self._size, self._added = _bytes_below(self.folder), 0
        return self._size + self._added + size <= self.limit


def _bytes_below(folder: Path) -> int:
    """How large the files in the folders of a folder are."""
    total = 0
    for below in folder.iterdir():
        with suppress(OSError), os.scandir(below) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):
                    total += entry.stat().st_size
    return total
