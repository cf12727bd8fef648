"""Remote shards at hand: each is fetched whole when the first of its members is wanted, and removed when it is done.

For an order that visits shards one after the other (`project.data.shuffling.Windows`). Processes of one machine share
the shards of a folder: whoever wants one first fetches it, others wait for that, and whoever drops it last removes it.
A shard in use is held by a lock on its file, which the system frees if a process dies; what such a one left behind is
removed by whoever drops a shard next.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from project.contract import InputError
from project.data.cache_folder import cache_folder
from project.data.identity import Identities
from project.feature.excerpt import join_excerpt, split_excerpt
from project.feature.member import join_member, split_member
from project.feature.remote_file import download, is_remote


class Spool:
    """The remote shards that a process reads, the latest `keep` of them: cheap to hand to another process."""

    def __init__(self, keep: int, folder: Path | None = None) -> None:
        self.folder = folder or cache_folder() / "spool"
        self.keep = keep
        self._held: OrderedDict[Path, int] = OrderedDict()  # open files, which hold the locks; the latest last
        self._owner = os.getpid()
        self._identities = Identities()

    def at_hand(self, media: str) -> str:
        """The same medium on this machine, if it is a member of a remote shard; itself if not."""
        file, rows = split_excerpt(media)
        member = split_member(file)
        if member is None or not is_remote(member.shard):
            return media
        path = self._held_path(member.shard)
        local = join_member(member._replace(shard=str(path)))
        return local if rows is None else join_excerpt(local, *rows)

    def __getstate__(self) -> dict[str, Any]:
        return {"keep": self.keep, "folder": self.folder}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    def _held_path(self, shard: str) -> Path:
        """Where a shard is on this machine, and stays until others have been wanted since."""
        self._disown()
        identity = self._identities.of(shard)
        if identity is None:
            raise InputError(f"{shard}: its server does not say when it changed: copy the shards to a disk")
        path = self.folder / f"{hashlib.sha256(identity.encode()).hexdigest()[:32]}.tar"
        if path not in self._held:
            self._held[path] = self._acquired(shard, path)
        self._held.move_to_end(path)
        while len(self._held) > self.keep:
            os.close(self._held.popitem(last=False)[1])
            self.sweep()
        return path

    def _disown(self) -> None:
        """In a child process: leave the locks to the parent."""
        if self._owner != os.getpid():
            for descriptor in self._held.values():
                os.close(descriptor)
            self._held.clear()
            self._owner = os.getpid()

    def _acquired(self, shard: str, path: Path) -> int:
        """An open file of the shard, fetched if it is not there, with a lock that keeps it from being removed."""
        while True:
            if (descriptor := _locked(path, fcntl.LOCK_SH)) is not None:
                return descriptor
            with self._fetching(path):
                if path.exists():  # somebody else fetched it while this process waited
                    continue
                for left in self.folder.glob(f".{path.name[0]}*.part"):  # by killed processes: this one has the lock
                    left.unlink(missing_ok=True)
                part = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
                try:
                    download(shard, part)
                    descriptor = os.open(part, os.O_RDONLY | os.O_CLOEXEC)
                    fcntl.flock(descriptor, fcntl.LOCK_SH)  # held before others can see it
                    part.replace(path)
                finally:
                    part.unlink(missing_ok=True)
                return descriptor

    @contextmanager
    def _fetching(self, path: Path) -> Iterator[None]:
        """One process at a time fetches a shard; a few locks serve for all of them."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / f".lock-{path.name[0]}").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def sweep(self) -> None:
        """Remove the shards that nobody holds."""
        for path in self.folder.glob("*.tar"):
            if path in self._held:
                continue
            if (descriptor := _locked(path, fcntl.LOCK_EX | fcntl.LOCK_NB)) is not None:
                path.unlink(missing_ok=True)
                os.close(descriptor)


def _locked(path: Path, kind: int) -> int | None:
    """The file at a path, open and locked; None if there is none, or others hold it, or it was removed meanwhile."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    with suppress(OSError):  # locked by others, or no longer there
        fcntl.flock(descriptor, kind)
        if os.fstat(descriptor).st_ino == path.stat().st_ino:
            return descriptor
    os.close(descriptor)
    return None
