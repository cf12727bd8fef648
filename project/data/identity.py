"""What tells a medium from another that may take its place: where it is, how large, and when it changed.

Remote ones are asked about once: a process that reads them again takes them to be unchanged.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from project.feature.excerpt import split_excerpt
from project.feature.member import split_member
from project.feature.remote_file import info_of, is_remote

# What file systems call that which changes with a file's content.
_VERSIONS = ("etag", "generation", "md5hash", "contenthash", "contentmd5", "digest", "versionid")
_TIMES = ("lastmodified", "mtime", "updated", "created", "modified")
_TICK_NANOSECONDS = 20_000_000  # a file changed twice within a tick of its file system may keep its time


def version_of(info: Mapping[str, Any]) -> str | None:
    """A remote file's version, by what its file system says of it; None if that does not change with the content.

    >>> version_of({"size": 3, "ETag": '"abc"', "LastModified": "today"}), version_of({"size": 3})
    ('3 "abc"', None)
    """
    known = {re.sub("[-_]", "", name.lower()): value for name, value in info.items() if value is not None}
    for names in (_VERSIONS, _TIMES):
        found = [str(known[name]) for name in names if name in known]
        if found:
            return " ".join([str(known.get("size")), *found])
    return None


class Identities:
    """The identities of media, those of remote files remembered."""

    def __init__(self) -> None:
        self._remote: dict[str, str | None] = {}

    def of(self, media: str) -> str | None:
        """A medium's identity; None if it has none that can be relied on."""
        file, _ = split_excerpt(media)
        member = split_member(file)
        place = file if member is None else member.shard
        if is_remote(place):
            if place not in self._remote:
                self._remote[place] = version_of(info_of(place))
            version = self._remote[place]
        else:
            version = _local_version(place.removeprefix("file://"))
        return None if version is None else f"{media}\n{version}"


def _local_version(path: str) -> str | None:
    try:
        status = Path(path).stat()
    except OSError:
        return None
    if 0 <= time.time_ns() - status.st_mtime_ns < _TICK_NANOSECONDS:
        return None
    return f"{status.st_size} {status.st_mtime_ns}"
