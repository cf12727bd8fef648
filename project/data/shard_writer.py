"""Media packed into tar shards, which any tar reads, and where in them each one lies.

Shards are the same for the same media in the same order: members have no owner and no time, and a shard is called by
what it holds. It does not know manifests, nor in which order media should come.
"""

from __future__ import annotations

import errno
import hashlib
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import IO
from urllib.parse import quote

from project.contract import InputError, WorkError
from project.data.media import MediumError, size_of, suffix_of
from project.feature.member import Member
from project.feature.opening import open_medium

_MODE = 0o644
_PLAIN = "".join(map(chr, range(32, 127))).replace("/", "").replace("\\", "").replace("#", "").replace("%", "")
_DIGITS = 8  # of a shard's content in its name


class ShardWriter:
    """Packs media one after the other into `<stem>-00000-<digest>.tar`, ..., each of about so many bytes at most.

    A medium larger than that has a shard of its own. `finished` is called with each shard's path when it is whole.
    """

    def __init__(self, folder: Path, stem: str, most_bytes: int, finished: Callable[[Path], object]) -> None:
        self.folder = folder
        self.stem = stem
        self.most_bytes = most_bytes
        self.finished = finished
        self._count = 0
        self._waiting: list[tuple[str, Member]] = []  # media of the open shard: its name is not known yet
        self._file: IO[bytes] | None = None
        self._tar: tarfile.TarFile | None = None
        self._names: set[str] = set()
        self.members: dict[str, Member] = {}  # of media in finished shards

    def add(self, media: str, name: str) -> None:
        """Pack a medium as a member of that name, without its suffix."""
        try:
            size = size_of(media)
        except MediumError as error:
            raise InputError(str(error)) from None
        if self._tar is not None and self._tar.offset + size > self.most_bytes:
            self._finish()
        tar = self._tar or self._begin()
        info = tarfile.TarInfo(self._free(safe_name(name) + suffix_of(media)))
        info.size, info.mode = size, _MODE
        start = tar.offset + len(info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape"))
        try:
            with open_medium(media) as content:
                tar.addfile(info, content)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise WorkError(f"{self.folder}: {error.strerror}: make room, or name another out=...") from None
            raise InputError(f"media {media} cannot be read ({error}): replace the file or leave it out") from None
        self._waiting.append((media, Member("", start, size, info.name)))

    def close(self) -> None:
        """Finish the last shard."""
        if self._tar is not None:
            self._finish()

    def abandon(self) -> None:
        """Let go of the shard that is being written."""
        if self._file is not None:
            self._file.close()

    def _begin(self) -> tarfile.TarFile:
        self._file = (self.folder / f".{self.stem}.part").open("wb")
        self._tar = tarfile.open(fileobj=self._file, mode="w", format=tarfile.PAX_FORMAT)  # noqa: SIM115
        self._names = set()
        return self._tar

    def _finish(self) -> None:
        """Close the shard and give it its name."""
        assert self._tar is not None
        assert self._file is not None
        self._tar.close()
        self._file.close()
        part = self.folder / f".{self.stem}.part"
        with part.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()[:_DIGITS]
        path = self.folder / f"{self.stem}-{self._count:05d}-{digest}.tar"
        part.replace(path)
        self.members |= {media: member._replace(shard=path.name) for media, member in self._waiting}
        self._waiting, self._tar, self._file = [], None, None
        self._count += 1
        self.finished(path)

    def _free(self, name: str) -> str:
        """A name that no other member of the shard has."""
        stem, dot, suffix = name.rpartition(".")
        number = 2
        while name in self._names:
            name = f"{stem}-{number}{dot}{suffix}"
            number += 1
        self._names.add(name)
        return name


def safe_name(name: str) -> str:
    """An id as the name of a file: letters of any script and most signs stay as they are.

    >>> safe_name("61-70968-0"), safe_name("a/b #1"), safe_name("Größe")
    ('61-70968-0', 'a%2Fb %231', 'Größe')
    """
    return "".join(sign if sign.isalnum() or sign in _PLAIN else quote(sign, safe="") for sign in name)
