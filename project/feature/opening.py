"""Opening media: files, URLs of any file system that fsspec knows, and members of tar shards, all as streams of bytes.

It does not know what the bytes mean, nor excerpts: a stretch of rows is for whoever knows rows.
"""

from __future__ import annotations

import io
import os
import weakref
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path
from typing import IO

from project.contract import InputError
from project.feature.member import split_member
from project.feature.remote_file import fetch, fetch_head, info_of, is_remote, shown

_SMALL = 8 << 20  # bytes, up to which a medium is read at once
_PIECE = 4 << 20  # bytes that are read at a time of a larger one
_SHARDS = 64  # that a process keeps open


def open_medium(media: str) -> IO[bytes]:
    """The bytes of a medium, which is no excerpt. What a remote one lacks is an InputError, a local file an OSError."""
    member = split_member(media)
    place = media if member is None else member.shard
    if is_remote(place):
        if member is not None:
            return _stream(partial(fetch, place), member.start, member.size)
        head = fetch_head(place, _SMALL)
        return io.BytesIO(head) if len(head) < _SMALL else _stream(partial(fetch, place), 0, size_of(place))
    path = place.removeprefix("file://")
    if member is None:
        return Path(path).open("rb")
    shard = _open_shard(path)
    if shard.status.st_size < member.start + member.size:
        raise InputError(f"{media}: its shard ends before it does: copy {path} again")
    return _stream(shard.read, member.start, member.size)


def size_of(url: str) -> int:
    """Bytes of a remote file."""
    size = info_of(url).get("size")
    if size is None:
        raise InputError(f"{shown(url)}: its server does not say how large it is: copy it to a disk")
    return int(size)


def _stream(read: Callable[[int, int], bytes], start: int, size: int) -> IO[bytes]:
    """Bytes of something that is read by ranges, at once if they are few."""
    if size <= _SMALL:
        return io.BytesIO(read(start, start + size))
    return io.BufferedReader(_Range(read, start, size), _PIECE)


class _Range(io.RawIOBase):
    """A stretch of something that is read by ranges, as a file."""

    def __init__(self, read: Callable[[int, int], bytes], start: int, size: int) -> None:
        self._read, self._start, self._size, self._at = read, start, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = max(0, offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence])
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        count = max(0, min(len(buffer), self._size - self._at))
        if count:
            buffer[:count] = self._read(self._start + self._at, self._start + self._at + count)
            self._at += count
        return count

    def readall(self) -> bytes:
        """The rest, in large pieces: each may be a request."""
        pieces = []
        while piece := self.read(_PIECE):
            pieces.append(piece)
        return b"".join(pieces)


class _Shard:
    """An open file that is read without a place in it: threads and forked processes may share it."""

    def __init__(self, path: str) -> None:
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        weakref.finalize(self, os.close, self._descriptor)
        self.status = os.fstat(self._descriptor)

    def read(self, start: int, end: int) -> bytes:
        return os.pread(self._descriptor, end - start, start)


_keep_open = lru_cache(maxsize=_SHARDS)(_Shard)


def _open_shard(path: str) -> _Shard:
    """The shard at a path, kept open; opened anew if another file has taken its place."""
    shard, status = _keep_open(path), Path(path).stat()
    if (shard.status.st_ino, shard.status.st_mtime_ns) != (status.st_ino, status.st_mtime_ns):
        _keep_open.cache_clear()
        shard = _keep_open(path)
    return shard
