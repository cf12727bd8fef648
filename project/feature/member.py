"""Members of tar shards: a file inside a `.tar` as the medium of an example, written `shard.tar@start+size/name`.

`start` is the first byte of the member's content in the shard, `size` how many there are: so it is read without looking
for it. The name ends as the file did, which tells its kind. A member may have excerpts: `a.tar@512+9128/spy.npy#0:105`.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_MEMBER = re.compile(r"(?P<shard>.+\.tar)@(?P<start>[0-9]{1,15})\+(?P<size>[0-9]{1,15})/(?P<name>[^/]+)", flags=re.S)


class Member(NamedTuple):
    """A file in a shard."""

    shard: str  # path or URL
    start: int  # bytes
    size: int  # bytes
    name: str


def split_member(media: str) -> Member | None:
    """The shard and place of a medium; None if it is no member of a shard.

    >>> split_member("s3://corpus/train-00000.tar@512+10240/a.flac")
    Member(shard='s3://corpus/train-00000.tar', start=512, size=10240, name='a.flac')
    >>> split_member("a.flac") is None
    True
    """
    found = _MEMBER.fullmatch(media) if ".tar@" in media else None
    return Member(found["shard"], int(found["start"]), int(found["size"]), found["name"]) if found else None


def join_member(member: Member) -> str:
    """The same as a medium.

    >>> join_member(Member("train-00000.tar", 512, 10240, "a.flac"))
    'train-00000.tar@512+10240/a.flac'
    """
    return f"{member.shard}@{member.start}+{member.size}/{member.name}"
