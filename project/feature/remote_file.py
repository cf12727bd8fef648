"""Files that are reached through fsspec: what they hold, and in one line why they cannot be reached.

Nothing is kept: file systems are asked for by URL each time, as those of a process are of no use in its children.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import fsspec

from project.contract import InputError, WorkError

_PACKAGES = {"s3": "s3fs", "s3a": "s3fs"}  # that `pip install 'scansion[remote]'` brings
_STORES = ("s3", "s3a", "gs", "gcs")  # whose first folder is a bucket
_UNKNOWN = ("NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "TokenRetrievalError")
_MISSING = "there is no such file: correct the address, or leave it out"
_OF_DISKS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)  # no matter of the server's
_SHOWN = 200  # characters of what a library says


class Missing(InputError):
    """There is no such file, though all else is well."""


def is_remote(media: str) -> bool:
    """Whether a medium is reached through fsspec rather than as a file of this machine.

    >>> is_remote("s3://corpus/a.flac"), is_remote("file:///corpus/a.flac"), is_remote("audio/a.flac")
    (True, False, False)
    """
    return "://" in media.removeprefix("file://")


def system_of(url: str) -> tuple[Any, str]:
    """The file system of a URL, and what the file is called there."""
    system, path = fsspec.core.url_to_fs(url)
    return system, str(path)


def info_of(url: str) -> Mapping[str, Any]:
    """What a file system says of a file, asked anew."""
    with told(url):
        system, path = system_of(url)
        system.invalidate_cache(path.rpartition("/")[0])
        info: Mapping[str, Any] = system.info(path)
    if info.get("type") == "directory":
        raise InputError(f"{shown(url)}: it is a folder, not a file: name a file")
    return info


def fetch(url: str, start: int, end: int) -> bytes:
    """A file's bytes from `start` to `end`, which must be there."""
    found = _range(url, start, end)
    if len(found) < end - start:
        raise InputError(f"{shown(url)}: it ends before byte {end}: replace the file or leave it out")
    return found


def fetch_head(url: str, most: int) -> bytes:
    """A file's first bytes, at most so many, in one request."""
    try:
        return _range(url, 0, most)
    except Missing:
        raise
    except InputError:
        if info_of(url).get("size") == 0:  # of which no range can be asked
            return b""
        raise


def download(url: str, path: Path) -> None:
    """Copy a file to a disk."""
    try:
        with told(url):
            system, place = system_of(url)
            system.get_file(place, str(path))
    except OSError as error:
        raise WorkError(f"{path}: {error.strerror}: make room, or set SCANSION_CACHE to a folder that has it") from None


def upload(path: Path, url: str) -> None:
    """Copy a file of this machine to a URL."""
    with told(url):
        system, place = system_of(url)
        system.put_file(str(path), place)


def _range(url: str, start: int, end: int) -> bytes:
    with told(url):
        system, path = system_of(url)
        found = bytes(system.cat_file(path, start=start, end=end))
    return found if len(found) <= end - start else found[start:end]  # a server that knows no ranges sends all


@contextmanager
def told(url: str) -> Iterator[None]:
    """What goes wrong with a file system while this holds is told in one line: each has errors of its own."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _OF_DISKS:
            raise
        explained = _explained(url, error)
        kind = Missing if explained == _MISSING else InputError
        raise kind(f"{shown(url)}: {explained}") from None


def _explained(url: str, error: Exception) -> str:
    """What went wrong, and the remedy."""
    scheme = url.partition("://")[0].rpartition("::")[2]
    name = type(error).__name__
    text = " ".join(str(error).split())[:_SHOWN]
    if isinstance(error, ImportError):
        package = _PACKAGES.get(scheme)
        remedy = "pip install 'scansion[remote]'" if package else text
        return f"{scheme}:// needs the package {package or 'that fsspec names'}: {remedy}"
    if isinstance(error, ValueError) and "not known" in text:
        return f"it cannot be read (fsspec knows no {scheme}://): correct the address"
    if name in _UNKNOWN:
        return f"there are no credentials for {scheme}:// ({text}): set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    if isinstance(error, PermissionError):
        return f"access is refused ({text}): give credentials that may read it"
    cause = error.__cause__  # of HTTP all that goes wrong is called a missing file
    if isinstance(error, FileNotFoundError) and getattr(cause, "status", 404) in (404, 410) and not _is_network(cause):
        bucket = url.partition("://")[2].partition("/")[0]
        if scheme in _STORES and not _is_there(f"{scheme}://{bucket}"):
            return f"there is no bucket {bucket}: correct the address, or the endpoint"
        return _MISSING
    reason = f"{name}: {text}" if cause is None else f"{type(cause).__name__}: {cause}"
    return f"it cannot be reached ({reason[:_SHOWN]}): check the address and the network"


def _is_network(cause: BaseException | None) -> bool:
    """Whether no answer came at all."""
    return isinstance(cause, OSError) and not isinstance(cause, FileNotFoundError)


def _is_there(url: str) -> bool:
    """Whether there is such a bucket; where that cannot be told it is taken to be there."""
    try:
        system, path = system_of(url)
        return bool(system.exists(path))
    except Exception:
        return True


def shown(url: str) -> str:
    """A URL as it may be printed: without a query, in which there may be keys.

    >>> shown("https://host/a.flac?token=secret"), shown("s3://corpus/a?.flac")
    ('https://host/a.flac', 's3://corpus/a?.flac')
    """
    return url.partition("?")[0] if url.startswith(("http://", "https://")) else url
