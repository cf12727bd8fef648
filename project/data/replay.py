"""General data replayed beside a training manifest, so that what was known is not unlearned: other examples each epoch.

Batches are cut by lengths that are the same in every epoch. So general examples are sorted by length and divided into
as many drawers as are wanted of them in an epoch; an epoch has one of every drawer, which counts as long as the longest
that ever lies in it: where drawers begin is another matter of chance, so that each example comes as often as any other.
Where more are wanted than there are, all come as often as they fit in, and then one of each drawer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from project.contract import Example
from project.data.manifest import Manifest

Rows = NDArray[np.int64]


class Replay:
    """A source of examples (project.part): those of the training manifest, each once an epoch, and general ones.

    `part` of an epoch's examples is general. Which ones is a function of (seed, epoch) alone.
    """

    def __init__(self, training: Manifest, general: Manifest, part: float, seed: int) -> None:
        self.manifest = training.joined(general)  # all that is ever shown
        self.num_training = len(training)
        self.num_general = count_general(len(training), part)  # in an epoch
        self._by_length: Rows = np.argsort(general.lengths, kind="stable")
        self.lengths: NDArray[np.float32] = np.concatenate(
            [training.lengths, general.lengths[self._by_length[last_ranks(len(general), self.num_general)]]]
        )
        self.settings: Mapping[str, Any] = {"replay": part, "train": training.hash, "general": general.hash}
        self.hash = hashlib.sha256(repr(sorted(self.settings.items())).encode()).hexdigest()
        self._seed = seed
        self._drawn: tuple[int, Rows] = (-1, self._by_length)  # the latest epoch, and its general rows

    def draw(self, index: int, epoch: int) -> tuple[Example, None]:
        """An example at its place in that epoch; its signal is to be read."""
        return self.manifest[self.row(index, epoch)], None

    def location(self, index: int, epoch: int) -> str:
        """Where that example stands: `file:line`."""
        return self.manifest.location(self.row(index, epoch))

    def row(self, index: int, epoch: int) -> int:
        """Which example that is, of all."""
        if index < self.num_training:
            return index
        if self._drawn[0] != epoch:
            self._drawn = epoch, self._by_length[ranks(len(self._by_length), self.num_general, self._seed, epoch)]
        return self.num_training + int(self._drawn[1][index - self.num_training])


def count_general(num_training: int, part: float) -> int:
    """How many general examples are that part of an epoch, one at least.

    >>> count_general(100, 0.5), count_general(90, 0.1), count_general(1, 0.01)
    (100, 10, 1)
    """
    return max(1, round(num_training * part / (1 - part)))


def ranks(num_examples: int, wanted: int, seed: int, epoch: int) -> Rows:
    """Which examples of a sorted order an epoch has: each as often as any other, or once more.

    From raw bits, which numpy promises never to change.

    >>> ranks(9, 4, seed=1, epoch=0).tolist(), ranks(9, 4, seed=1, epoch=1).tolist()
    ([1, 2, 6, 7], [1, 4, 5, 8])
    """
    passes, drawers = divmod(wanted, num_examples)
    digest = hashlib.blake2b(f"replay {seed}/{epoch}".encode(), digest_size=16).digest()
    bits = np.random.Philox(key=int.from_bytes(digest, "little")).random_raw(drawers + 1)
    begin = (
        float(bits[0] >> np.uint64(11)) * 2.0**-53
    )  # where the first begins, as a part of a drawer; the last is round
    edges = np.floor((np.arange(drawers + 1) + begin) * (num_examples / max(1, drawers))).astype(np.int64)
    sizes = np.diff(edges).astype(np.uint64)
    drawn = (edges[:-1] + (bits[1:] % sizes).astype(np.int64)) % num_examples
    return np.concatenate([np.tile(np.arange(num_examples, dtype=np.int64), passes), drawn])


def last_ranks(num_examples: int, wanted: int) -> Rows:
    """Which example of a sorted order each of those can be at most, wherever drawers begin.

    >>> last_ranks(9, 4).tolist(), last_ranks(2, 5).tolist()
    ([4, 6, 8, 8], [0, 1, 0, 1, 1])
    """
    passes, drawers = divmod(wanted, num_examples)
    ends = -(-(np.arange(drawers, dtype=np.int64) + 2) * num_examples // max(1, drawers)) - 1
    if drawers:
        ends[-1] = num_examples - 1  # it goes round, from the longest to the shortest
    ends = np.minimum(ends, num_examples - 1)
    return np.concatenate([np.tile(np.arange(num_examples, dtype=np.int64), passes), ends])
