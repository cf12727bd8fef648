"""Which shard each example of a manifest lies in, told from its lines alone."""

from __future__ import annotations

import numpy as np

from project.contract import InputError
from project.data.manifest import Manifest
from project.data.shuffling import Windows
from project.feature.excerpt import split_excerpt
from project.feature.member import split_member


def windows_of(manifest: Manifest, size: int, chunk: int) -> Windows:
    """How a manifest's shards are visited, so many examples at a time. Media that are in none count as one."""
    numbers: dict[str | None, int] = {}
    shards = (shard_of(example.media) for example in manifest)
    shards_N = np.array([numbers.setdefault(shard, len(numbers)) for shard in shards], dtype=np.int64)
    if set(numbers) == {None}:
        raise InputError(
            f"data.batching.buffer is {size}, but no example of {manifest.location(0).rpartition(':')[0]} lies in a "
            "shard: make shards (scansion prepare shard), or set it to null"
        )
    return Windows(shards_N, size, chunk)


def shard_of(media: str) -> str | None:
    """The shard that a medium lies in.

    >>> shard_of("s/train-0.tar@512+99/a.flac"), shard_of("a.flac")
    ('s/train-0.tar', None)
    """
    member = split_member(split_excerpt(media)[0])
    return None if member is None else member.shard
