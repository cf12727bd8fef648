"""Excerpts: a stretch of a longer recording as the medium of an example, written `file#start:end`.

Rows are counted from 0, the end is not part of it. It does not know what a row is, nor whether the file is there.
"""

from __future__ import annotations

import re

_EXCERPT = re.compile(r"(?P<file>.+)#(?P<start>[0-9]{1,12}):(?P<end>[0-9]{1,12})", flags=re.S)


def split_excerpt(media: str) -> tuple[str, tuple[int, int] | None]:
    """The file of a medium, and the rows of it if it is an excerpt.

    >>> split_excerpt("series/spy.npy#400:505"), split_excerpt("a.wav")
    (('series/spy.npy', (400, 505)), ('a.wav', None))
    """
    found = _EXCERPT.fullmatch(media)
    return (found["file"], (int(found["start"]), int(found["end"]))) if found else (media, None)


def join_excerpt(file: str, start: int, end: int) -> str:
    """The rows [start, end) of a file, as a medium.

    >>> join_excerpt("series/spy.npy", 400, 505)
    'series/spy.npy#400:505'
    """
    return f"{file}#{start}:{end}"
