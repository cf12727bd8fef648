"""What can be said of a medium without decoding it: that it is there, how long it is, whether it is another's copy.

A medium is a file, a member of a tar shard (`train.tar@512+10240/a.flac`), or an excerpt of either: rows of an `.npy`
file, `series/spy.npy#4000:4105`. It does not know manifests, nor what a medium should hold.
"""

from __future__ import annotations

import hashlib
import io
import stat
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import IO, Any, TypeVar

import soundfile

from project.contract import InputError
from project.feature.array_rows import read_array_head, require_rows, require_whole
from project.feature.excerpt import split_excerpt
from project.feature.landmark_head import Head, read_head
from project.feature.member import split_member
from project.feature.opening import open_medium
from project.feature.opening import size_of as remote_size
from project.feature.remote_file import Missing

__all__ = ["MediumError", "check_medium", "open_medium", "read_header", "same_content"]

ARRAYS = frozenset({".npz", ".npy", ".parquet"})  # no sound: only landmarks in .npz say how long they are
THREADS = 8  # reading headers waits for disks more than it computes
_CHUNK = 512  # items handed to the threads at once: order is kept and memory stays flat
_HEAD_BYTES = 1 << 16

Item = TypeVar("Item")
Result = TypeVar("Result")


class MediumError(ValueError):
    """A medium cannot be used: what is wrong with it, and the remedy."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(f"{what}: {remedy}")
        self.what = what
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Header:
    """What the head of a sound file says of it."""

    frames: int  # samples of one channel
    sample_rate: int
    channels: int
    subtype: str  # how a sample is stored, in libsndfile's words: PCM_16, FLOAT, VORBIS

    @property
    def seconds(self) -> float:
        return self.frames / self.sample_rate


def is_url(media: str) -> bool:
    """Whether a medium is reached through fsspec rather than as a file.

    >>> is_url("s3://corpus/a.flac"), is_url("audio/a.flac")
    (True, False)
    """
    return "://" in media


def local_path(media: str) -> str | None:
    """The path of a medium on this machine's file systems; None if it is elsewhere.

    >>> local_path("file:///corpus/a.flac"), local_path("/corpus/a.flac"), local_path("s3://corpus/a.flac")
    ('/corpus/a.flac', '/corpus/a.flac', None)
    """
    path = media.removeprefix("file://")
    return None if is_url(path) else path


def suffix_of(media: str) -> str:
    """The lower-case suffix of a path or URL; of an excerpt, that of its file.

    >>> suffix_of("s3://corpus/A.FLAC"), suffix_of("a.b/c"), suffix_of("spy.npy#4000:4105")
    ('.flac', '', '.npy')
    """
    return PurePosixPath(split_excerpt(media)[0].replace("\\", "/")).suffix.lower()


def size_of(media: str) -> int:
    """Bytes, without reading them, of an excerpt those of its rows; a MediumError if there is nothing to read."""
    return int(_reached(media, _size if split_excerpt(media)[1] is None else _excerpt_size))


def read_header(media: str) -> Header:
    """What a sound file says of itself, after a look at its last sample: a file cut short does not pass for whole."""
    if size_of(media) == 0:
        raise MediumError(f"media {media} is empty (0 bytes)", "replace the file or leave the line out")
    header: Header = _reached(media, _header)
    if header.frames == 0:
        raise MediumError(f"media {media} holds no samples", "replace the file or leave the line out")
    return header


def check_medium(media: str) -> float | None:
    """How long a sound or a file of landmarks is, in seconds; None for excerpts, and arrays that do not say so."""
    suffix = suffix_of(media)
    if split_excerpt(media)[1] is not None:
        if suffix != ".npy":
            what = f"media {media} is an excerpt of a file that is no .npy"
            raise MediumError(what, "write the part to a file of its own and name that")
        size_of(media)
        return None
    if suffix not in ARRAYS:
        return read_header(media).seconds
    if size_of(media) == 0:
        raise MediumError(f"media {media} is empty (0 bytes)", "replace the file or leave the line out")
    head: Head | None = _reached(media, _landmark_head) if suffix == ".npz" else None
    return None if head is None else head.seconds


def _landmark_head(media: str) -> Head | None:
    with open_medium(media) as stream, _as_medium_error():
        return read_head(stream, media)


def _excerpt_size(media: str) -> int:
    """Bytes of the rows, which must be in the file, and the file whole."""
    return _locate(media)[2]


def _locate(media: str) -> tuple[str, int, int]:
    """Where an excerpt's rows are: the file, the first byte and how many."""
    file, rows = split_excerpt(media)
    assert rows is not None, f"{media} is no excerpt"
    with open_medium(file) as stream, _as_medium_error():
        head = read_array_head(stream, file)
        require_rows(head, rows, file)
        require_whole(stream, head, file)
    return file, head.offset + rows[0] * head.row_bytes, (rows[1] - rows[0]) * head.row_bytes


@contextmanager
def _as_medium_error() -> Iterator[None]:
    try:
        yield
    except InputError as error:
        what, _, remedy = str(error).rpartition(": ")
        raise MediumError(what, remedy) from None


def _reached(media: str, look: Callable[[str], Any]) -> Any:
    try:
        return look(media)
    except MediumError:
        raise
    except (FileNotFoundError, Missing):
        raise MediumError(f"media {media} is missing", "correct the path or leave the line out") from None
    except InputError as error:
        what, _, remedy = str(error).rpartition(": ")
        raise MediumError(f"media {media} cannot be read: {what}", remedy) from None
    except OSError as error:
        what = f"media {media} cannot be read: {type(error).__name__}: {error}"
        raise MediumError(what, "make it readable or leave the line out") from error


def _size(media: str) -> int:
    member = split_member(media)
    path = local_path(media if member is None else member.shard)
    if member is not None:
        _require_inside(media, member.start + member.size, _size(member.shard))
        return member.size
    if path is None:
        return remote_size(media)
    status = Path(path).stat()
    if not stat.S_ISREG(status.st_mode):
        raise MediumError(f"media {media} is not a file", "correct the path")
    return status.st_size


def _require_inside(media: str, end: int, size: int) -> None:
    """A member must lie in its shard."""
    if size < end:
        raise MediumError(f"media {media} is cut short: its shard has {size} bytes", "copy the shard again")


def _header(media: str) -> Header:
    path = None if split_member(media) else local_path(media)
    with open_medium(media) if path is None else nullcontext(path) as file:
        try:
            with soundfile.SoundFile(file) as sound:
                header = Header(sound.frames, sound.samplerate, sound.channels, sound.subtype)
                whole = header.frames == 0 or _reaches_its_end(sound)
        except soundfile.LibsndfileError as error:
            what = f"media {media} is corrupt, or no sound that libsndfile reads: {error.error_string}"
            raise MediumError(what, "replace the file or leave the line out") from None
    if not whole:
        raise MediumError(f"media {media} is cut short", "replace the file or leave the line out")
    return header


def _reaches_its_end(sound: soundfile.SoundFile) -> bool:
    """Whether the last sample that the head promises is there."""
    try:
        sound.seek(sound.frames - 1)
        return len(sound.read(1)) == 1
    except soundfile.LibsndfileError:
        return False


def in_threads(work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """The results of work that waits for disks or networks, in the order of the items, a chunk in hand at a time."""
    source = iter(items)
    with ThreadPoolExecutor(THREADS) as pool:
        while chunk := list(islice(source, _CHUNK)):
            yield from pool.map(work, chunk)


def same_content(media: Sequence[str], advance: Callable[[], object] = lambda: None) -> list[list[str]]:
    """The media that hold the same bytes (excerpts: rows) as another, in groups; what cannot be read is in none.

    Only media of equal size are opened, and only those whose first 64 KiB are equal too are read (SHA-256) to the end.
    `advance` is called once for each medium.
    """
    suspects = dict.fromkeys(media, b"")  # medium -> all that is known of it
    for look in (_size_or_none, _head, _content):
        seen: defaultdict[tuple[bytes, Any], list[str]] = defaultdict(list)
        for one, value in zip(suspects, in_threads(look, list(suspects)), strict=True):
            seen[suspects[one], value].append(one)
            if look is _size_or_none:
                advance()
        alike = [group for (_, value), group in seen.items() if value is not None and len(group) > 1]
        suspects = {one: number.to_bytes(8) for number, group in enumerate(alike) for one in group}
    return alike


def _size_or_none(media: str) -> int | None:
    try:
        return size_of(media) or None
    except MediumError:
        return None


def _head(media: str) -> bytes:
    with _open_all(media) as file:
        return hashlib.sha256(file.read(_HEAD_BYTES)).digest()


def _content(media: str) -> bytes:
    with _open_all(media) as file:
        return hashlib.file_digest(file, "sha256").digest()  # type: ignore[arg-type]  # it can do what is needed


def _open_all(media: str) -> IO[bytes]:
    """The bytes of a medium, of an excerpt those of its rows alone."""
    if split_excerpt(media)[1] is None:
        return open_medium(media)
    file, first, count = _locate(media)
    with open_medium(file) as stream:
        stream.seek(first)
        return io.BytesIO(stream.read(count))
