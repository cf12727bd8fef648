"""Manifests at a URL: copied into the cache once, and again when they have changed there.

    <cache>/manifests/<key>/train.jsonl      the copy, with its line index beside it
    <cache>/manifests/<key>/origin.json      where it came from

The key is made of the URL and what its file system says of the file's version (etag, or when it changed, and size); of
one that says nothing, of its content. A folder appears when all is in it, so that no process sees half a copy; of
several that fetch at once the first one's stays. What a killed process left half-fetched is removed by a later fetch.
"""

from __future__ import annotations

import glob
import hashlib
import json
import secrets
import shutil
from functools import lru_cache
from pathlib import Path

from project.contract import InputError
from project.data.cache_folder import cache_folder
from project.data.identity import version_of
from project.data.leftovers import clear, held
from project.feature.remote_file import download, info_of, shown, system_of, told

_ORIGIN = "origin.json"
_FETCHES_TO_TRY = 3


def copies_of(pattern: str) -> list[Path]:
    """Copies of the files that a URL or a glob of URLs names, those of a glob in sorted order."""
    if "::" in pattern:
        raise InputError(f"{shown(pattern)}: media cannot be relative to a file inside another: copy it out of that")
    if not glob.has_magic(shown(pattern)):
        return [_copy(pattern)]
    with told(pattern):
        system, path = system_of(pattern)
        system.invalidate_cache()
        roots = ":///" if ":///" in pattern else "://"  # as the user writes it
        found = sorted(str(system.unstrip_protocol(name)).replace(":///", roots, 1) for name in system.glob(path))
        if not found:
            raise FileNotFoundError(pattern)
    return [_copy(url) for url in found]


def origin_of(file: Path) -> str | None:
    """The URL that a file is the copy of; None for any other file."""
    folder = file.parent
    return _origin(folder) if folder.parent == cache_folder() / "manifests" else None


def named(file: Path) -> str:
    """What a file is called: of a copy, the URL that it was copied from."""
    origin = origin_of(file)
    return str(file) if origin is None else shown(origin)


def home_of(file: Path) -> str:
    """What media in a manifest are relative to: its folder, of a copy the URL's."""
    origin = origin_of(file)
    return str(file.absolute().parent) if origin is None else shown(origin).rpartition("/")[0]


@lru_cache(maxsize=1024)
def _origin(folder: Path) -> str | None:
    origin = folder / _ORIGIN
    return str(json.loads(origin.read_text(encoding="utf-8"))["url"]) if origin.is_file() else None


def _copy(url: str) -> Path:
    """The copy of a remote file as it is now: the one in the cache, or a new one."""
    name = shown(url).rpartition("/")[2]
    if not name:
        raise InputError(f"{shown(url)}: a folder, not a manifest: name a file, or a glob ({url}*.jsonl)")
    for _ in range(_FETCHES_TO_TRY):
        info = info_of(url)
        version = version_of(info)
        if version is not None and (copy := _place(url, version) / name).is_file():
            return copy
        part = cache_folder() / "manifests" / f".{secrets.token_hex(8)}.part"
        try:
            clear(part.parent)
            part.mkdir(parents=True)
            with held(part):
                download(url, part / name)
            if info.get("size") not in (None, (part / name).stat().st_size) or version_of(info_of(url)) != version:
                continue  # it changed meanwhile
            (part / _ORIGIN).write_text(json.dumps({"url": url, "version": version}) + "\n", encoding="utf-8")
            place = _place(url, version or hashlib.sha256((part / name).read_bytes()).hexdigest())
            _settle(part, place)
        except OSError as error:
            raise InputError(
                f"{cache_folder()}: {error.strerror}: set SCANSION_CACHE to a folder that can be written to"
            ) from None
        finally:
            shutil.rmtree(part, ignore_errors=True)
        return place / name
    raise InputError(f"{shown(url)}: it changes while it is being read: wait until it is written")


def _place(url: str, version: str) -> Path:
    return cache_folder() / "manifests" / hashlib.sha256(f"{url}\n{version}".encode()).hexdigest()[:32]


def _settle(part: Path, place: Path) -> None:
    """Move a whole folder into place, unless somebody else's is there already, which holds the same."""
    try:
        part.rename(place)
    except OSError:
        if not (place / _ORIGIN).is_file():
            raise
