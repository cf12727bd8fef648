"""Random orders that are the same on every machine: of examples, of shards, and of the batches of a training's steps.

All are made from a generator's raw bits, which numpy promises never to change. Nothing here knows manifests or files:
a shard is a number.

With shards, examples are visited shard by shard, and *windows* of so many examples are cut from that order: within a
window they are shuffled, across windows never. So whoever reads them needs a window's shards at hand and no others.
Steps are made of the batches of one window; batches that are too few for a step go into the next window's.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Lengths = NDArray[np.float32]
Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Windows:
    """How shards are visited: which shard each example is in, and how many examples a window has at most.

    In a window, as in a whole epoch without shards, about `chunk` batches are sorted by length together.
    """

    shards_N: Rows
    size: int
    chunk: int = 100

    @property
    def count(self) -> int:
        """How many windows there are, of equal size."""
        return -(-len(self.shards_N) // self.size)

    @property
    def most_shards(self) -> int:
        """An upper bound of how many shards a window needs."""
        sizes = np.sort(np.bincount(np.unique(self.shards_N, return_inverse=True)[1]))
        return min(len(sizes), 2 + int(np.searchsorted(np.cumsum(sizes), self.size)))


def philox(seed: int, epoch: int) -> np.random.Philox:
    """The generator of one epoch: it counts, so that no two of them share a stretch."""
    return np.random.Philox(key=np.array([seed % 2**64, epoch], dtype=np.uint64))


def permute(random: np.random.Philox, count: int) -> Rows:
    """The numbers below `count` in random order.

    From the generator's raw bits, which numpy promises never to change, as it does not for its `permutation`.
    """
    return np.argsort(random.random_raw(count))


def shard_by_shard(random: np.random.Philox, shards_N: Rows) -> Rows:
    """All rows, those of a shard together, the shards in random order and the rows of each as well.

    >>> shard_by_shard(philox(1, 0), np.array([5, 5, 7, 7, 7, 9])).tolist()
    [5, 0, 1, 2, 4, 3]
    """
    _, numbers_N = np.unique(shards_N, return_inverse=True)
    places = np.argsort(random.random_raw(int(numbers_N.max()) + 1))
    ranks = np.empty_like(places)
    ranks[places] = np.arange(len(places))
    return np.lexsort((random.random_raw(len(shards_N)), ranks[numbers_N]))


def windows_at(count: int, num_windows: int, num_chunks: int) -> Rows:
    """Which window each place of an order is in that is divided into equal chunks, as many to each window.

    >>> windows_at(9, 2, 4).tolist()
    [0, 0, 0, 0, 0, 1, 1, 1, 1]
    """
    sizes = [len(part) for part in np.array_split(np.arange(count), num_chunks)]
    return np.repeat(np.arange(num_chunks) // (num_chunks // num_windows), sizes)


def shuffle_in_windows(random: np.random.Philox, shards_N: Rows, windows_N: Rows) -> Rows:
    """All rows, shard by shard in random order, then shuffled among those of the same window."""
    return shard_by_shard(random, shards_N)[np.lexsort((random.random_raw(len(shards_N)), windows_N))]


def group_batches(random: np.random.Philox, longest: Lengths, size: int) -> Rows:
    """The batches of each (step, place), steps and places in random order; a step's batches are near-equal in length.

    So that ranks, which wait for each other at every step, wait little.
    """
    by_length = np.argsort(-longest, kind="stable").reshape(-1, size)
    steps = by_length[permute(random, len(by_length))]
    places = np.argsort(random.random_raw(steps.size).reshape(steps.shape), axis=1)
    return np.take_along_axis(steps, places, axis=1)


def group_in_windows(random: np.random.Philox, longest: Lengths, windows: Rows, size: int) -> Rows:
    """The same, window after window: `windows` is the window of each batch, rising.

    A window's last batches that fill no step come first in the next window's. Batches fill whole steps in all.
    """
    assert len(longest) % size == 0, "steps are of equally many batches"
    steps, waiting = [], np.empty(0, dtype=np.int64)
    for begin, end in pairwise([*np.flatnonzero(np.diff(windows, prepend=-1)).tolist(), len(windows)]):
        own = begin + np.argsort(-longest[begin:end], kind="stable")
        ready = np.concatenate([waiting, own])
        full = len(ready) // size * size
        if full:
            chosen = ready[:full]
            steps.append(chosen[group_batches(random, longest[chosen], size)])
        waiting = ready[full:]
    return np.concatenate(steps)
