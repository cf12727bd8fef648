"""Which examples share a batch, and in which order batches come: near-equal lengths together, so that little is padded.

Nothing here reads data: a manifest's lengths are all it takes, in whatever unit the manifest has (seconds or frames).

Training, one epoch, as a function of (seed, epoch) alone:

1. put the examples in random order and divide that into chunks of about `chunk` batches;
2. sort each chunk by length and cut it into batches of as many examples as `batch_length` and `max_batch_size` allow;
3. let batches of near-equal length, `accumulate` for each rank, be a step, and put the steps in random order.

Small chunks keep batches random, large chunks keep padding low: two examples that shared a batch share one again in the
next epoch about once in as many epochs as there are chunks, and with a hundred batches a chunk 1 to 2 % is padding.

The number of batches is the same in every epoch, because trainer and schedules ask for it once. It is fixed at the
start, a little above what epoch 0 needs. An epoch that needs fewer has its largest batches split until the number is
met. An epoch that needs more is put in another random order; after three of those, in one of half as many chunks, and
so on. That must end: sorting everything as one chunk needs the fewest batches there can be. So every example comes
exactly once an epoch, on one rank.

An update of the weights takes a step's batches, those that a rank has one after the other: so two ranks and one rank
that accumulates two have the same batches in every update.

Where a manifest's examples lie in shards (`project.data.shuffling.Windows`), chunks are parts of the windows.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator, Sequence
from itertools import count, pairwise
from typing import NamedTuple

import numpy as np
from torch.utils.data import Sampler

from project.contract import InputError
from project.data.shuffling import (
    Lengths,
    Rows,
    Windows,
    group_batches,
    group_in_windows,
    permute,
    philox,
    shuffle_in_windows,
    windows_at,
)

Cap = float | Sequence[Sequence[float]]  # on a batch: padded length, or budgets, [length, examples] by rising length

# A length of 0.1 is stored as 0.10000000149: ten of them still fit under a cap of 1.
_ROUNDING = 1.2e-7
_MIN_BATCHES_TO_DIVIDE = 8
_ORDERS_TO_TRY = 3


class Draw(NamedTuple):
    """One example of one epoch: all that its randomness may depend on, besides seed and id."""

    index: int  # type: ignore[assignment]  # row of the manifest; hides tuple.index, which nobody needs
    epoch: int


class BucketBatchSampler(Sampler[list[Draw]]):
    """Batches of near-equal length for training: each example once an epoch, equally many batches on every rank.

    It does not know how far training has come, as workers make it run ahead: whoever knows tells it with `resume`.
    """

    def __init__(
        self,
        lengths: Lengths,
        batch_length: Cap,
        *,
        max_batch_size: int = 256,
        seed: int = 0,
        chunk: int | Windows = 100,
        rank: int = 0,
        num_ranks: int = 1,
        accumulate: int = 1,
    ) -> None:
        self.lengths = lengths
        self.seed = seed
        self.rank = rank
        self.accumulate = accumulate
        self.epoch = 0
        self.batches_done = 0  # of the epoch, before the next iteration, which starts after them
        self._step = num_ranks * accumulate  # batches of an update
        self._windows = chunk if isinstance(chunk, Windows) else None
        size = chunk.chunk if isinstance(chunk, Windows) else chunk
        require_measured(lengths)
        require_positive(max_batch_size=max_batch_size, chunk=size, accumulate=accumulate)
        require_cap(batch_length)
        _require_fitting(lengths, batch_length)
        self._capacity = batch_capacity(lengths, batch_length, max_batch_size)
        fewest = len(cut_batches(self._capacity[sort_in_chunks(np.arange(len(lengths)), lengths, 1)], 1))
        self._num_windows = self._windows.count if self._windows else 1
        each = max(1, round(fewest / self._num_windows / size))  # chunks of a window
        self._num_chunks = self._num_windows * each if self._windows else count_chunks(fewest, size)
        self._num_batches = self._fix_num_batches(fewest)

    @property
    def sampler(self) -> BucketBatchSampler:
        """Itself: Lightning calls `set_epoch` on a batch sampler's `sampler` only."""
        return self

    def __len__(self) -> int:
        return self._num_batches // self._step * self.accumulate

    def set_epoch(self, epoch: int) -> None:
        """Make the next iteration that of an epoch; from its start, unless that epoch is being resumed."""
        if epoch != self.epoch:
            self.epoch, self.batches_done = epoch, 0

    def resume(self, epoch: int, batches: int) -> None:
        """Make the next iteration go on after that many batches of an epoch (all of them: with the epoch after it)."""
        if not 0 <= batches <= len(self):
            raise InputError(
                f"the checkpoint was made after {batches} batches of an epoch that has {len(self)} batches here: "
                "resume with the manifest, batch_length and number of devices it was made with"
            )
        finished = batches == len(self)
        self.epoch, self.batches_done = (epoch + 1, 0) if finished else (epoch, batches)

    def __iter__(self) -> Iterator[list[Draw]]:
        epoch, done, self.batches_done = self.epoch, self.batches_done, 0
        order, starts, steps = self._plan(epoch)
        ends = np.append(starts[1:], len(order))
        own = steps[:, self.rank * self.accumulate : (self.rank + 1) * self.accumulate].ravel()
        for batch in own[done:].tolist():
            yield [Draw(index, epoch) for index in order[starts[batch] : ends[batch]].tolist()]

    def _plan(self, epoch: int) -> tuple[Rows, Rows, Rows]:
        """Rows in order, where in it each batch starts, and the batches of each (step, place in it)."""
        random = philox(self.seed, epoch)
        for attempt in count():
            order, starts, windows_N = self._cut(random, attempt // _ORDERS_TO_TRY)
            if len(starts) <= self._num_batches:
                break
        starts = split_largest(starts, len(order), self._num_batches)
        longest = self.lengths[order[starts]]
        if windows_N is None:
            return order, starts, group_batches(random, longest, self._step)
        return order, starts, group_in_windows(random, longest, windows_N[starts], self._step)

    def _cut(self, random: np.random.Philox, halved: int = 0) -> tuple[Rows, Rows, Rows | None]:
        """Rows in a new random order, sorted in chunks; where in it each batch starts; the window of each place.

        `halved`: how often the number of chunks is.
        """
        windows_N, num_chunks = None, max(1, self._num_chunks >> halved)
        if self._windows is None:
            rows = permute(random, len(self.lengths))
        else:
            num_windows = max(1, self._num_windows >> halved)
            num_chunks = num_windows * (self._num_chunks // self._num_windows if num_windows > 1 else num_chunks)
            windows_N = windows_at(len(self.lengths), num_windows, num_chunks)
            rows = shuffle_in_windows(random, self._windows.shards_N, windows_N)
        order = sort_in_chunks(rows, self.lengths, num_chunks)
        return order, cut_batches(self._capacity[order], num_chunks), windows_N

    def _fix_num_batches(self, fewest: int) -> int:
        """A number of batches that every epoch can meet and every rank has an equal share of."""
        order, starts, _ = self._cut(philox(self.seed, epoch=0))
        needed = len(starts) + (math.isqrt(self._num_chunks) if self._num_chunks > 1 else 0)
        most = len(order) // self._step * self._step
        number = min(math.ceil(needed / self._step) * self._step, most)
        if number < fewest:
            each = "" if self.accumulate == 1 else f" with {self.accumulate} batches a step each"
            raise InputError(
                f"{len(order)} examples in {fewest} batches cannot be shared out equally to "
                f"{self._step // self.accumulate} ranks{each}: train on fewer devices or with more examples"
            )
        return number


def batch_capacity(lengths: Lengths, batch_length: Cap, max_batch_size: int) -> Rows:
    """How many examples a batch may hold whose longest is each of these; at least one, as beyond the last budget.

    >>> batch_capacity(np.array([1.0, 4.0, 5.0, 20.0], dtype=np.float32), batch_length=10, max_batch_size=8).tolist()
    [8, 2, 2, 1]
    >>> batch_capacity(np.array([1.0, 4.0, 5.0, 20.0], dtype=np.float32), [[4, 6], [10, 2]], max_batch_size=8).tolist()
    [6, 6, 2, 1]
    """
    if isinstance(batch_length, int | float):
        fitting = batch_length * (1 + _ROUNDING) / lengths.astype(np.float64)
        return np.clip(fitting, 1, max_batch_size).astype(np.int64)
    covered, examples = np.array(batch_length, dtype=np.float64).T
    first = np.searchsorted(covered * (1 + _ROUNDING), lengths.astype(np.float64))
    return np.asarray(np.clip(np.append(examples, 1)[first], 1, max_batch_size), dtype=np.int64)


def count_chunks(fewest_batches: int, chunk: int) -> int:
    """How many chunks of about `chunk` batches; two at least, or a small set would have the same batches every epoch.

    >>> count_chunks(640, 100), count_chunks(16, 100), count_chunks(1, 100)
    (6, 2, 1)
    """
    return max(round(fewest_batches / chunk), 2 if fewest_batches >= _MIN_BATCHES_TO_DIVIDE else 1)


def sort_in_chunks(order: Rows, lengths: Lengths, num_chunks: int) -> Rows:
    """The same rows, by falling length within each of so many equal chunks.

    >>> lengths = np.array([1, 2, 3, 4], dtype=np.float32)
    >>> sort_in_chunks(np.array([0, 3, 1, 2]), lengths, 2).tolist()
    [3, 0, 2, 1]
    """
    parts = (part[np.argsort(-lengths[part], kind="stable")] for part in np.array_split(order, num_chunks))
    return np.concatenate(list(parts))


def cut_batches(capacity: Rows, num_chunks: int) -> Rows:
    """Where batches start in a sorted order: each holds what its first, longest example allows, within its chunk.

    >>> cut_batches(np.array([2, 2, 3, 3, 2, 4]), 1).tolist()
    [0, 2, 5]
    """
    fits = capacity.data  # hands out plain integers, twice as fast as an array
    starts = []
    begin = 0
    for part in np.array_split(capacity, num_chunks):
        start, begin = begin, begin + len(part)
        while start < begin:
            starts.append(start)
            start += fits[start]
    return np.array(starts, dtype=np.int64)


def split_largest(starts: Rows, num_examples: int, num_batches: int) -> Rows:
    """Where batches start once the largest have been halved until there are so many.

    >>> split_largest(np.array([0, 2]), num_examples=8, num_batches=4).tolist()
    [0, 2, 3, 5]
    """
    if len(starts) == num_batches:
        return starts
    heap = [(start - end, start) for start, end in pairwise([*starts.tolist(), num_examples])]
    heapq.heapify(heap)
    while len(heap) < num_batches:
        negative_size, start = heapq.heappop(heap)
        half = -negative_size // 2
        heapq.heappush(heap, (-half, start))
        heapq.heappush(heap, (negative_size + half, start + half))
    return np.array(sorted(start for _, start in heap), dtype=np.int64)


def padding(lengths: Lengths, batches: Sequence[Sequence[int]]) -> float:
    """The share of padded batches that is padding.

    >>> padding(np.array([1, 3, 4], dtype=np.float32), [[0, 1], [2]])  # 1 and 3 are padded to 6
    0.2
    """
    padded = math.fsum(float(lengths[list(batch)].max()) * len(batch) for batch in batches)
    real = math.fsum(float(lengths[list(batch)].sum(dtype=np.float64)) for batch in batches)
    return (padded - real) / padded


def require_positive(**settings: float) -> None:
    for name, value in settings.items():
        if not value > 0:
            raise InputError(f"{name}={value:g}: batches need it above zero")


def require_measured(lengths: Lengths) -> None:
    if not len(lengths):
        raise InputError("no examples to make batches of: the manifest is empty, or nothing in it passed the filters")
    unmeasured = np.flatnonzero(np.isnan(lengths))
    if len(unmeasured):
        raise InputError(
            f"{len(unmeasured)} of {len(lengths)} examples have no length, example {unmeasured[0]} the first: "
            "`scansion prepare validate` names their lines"
        )


def require_cap(cap: Cap) -> None:
    if isinstance(cap, int | float):
        require_positive(batch_length=cap)


def _require_fitting(lengths: Lengths, cap: Cap) -> None:
    is_length = isinstance(cap, int | float)
    most = cap if isinstance(cap, int | float) else cap[-1][0]
    longer = np.flatnonzero(lengths > most * (1 + _ROUNDING))
    if not len(longer):
        return
    worst = longer[np.argmax(lengths[longer])]
    limit = f"a whole batch may be (batch_length={most:g})" if is_length else f"budgets cover ({most:g})"
    remedy = "raise batch_length above that" if is_length else "calibrate anew for them (train action=calibrate)"
    raise InputError(
        f"{len(longer)} of {len(lengths)} examples are longer than {limit}, the longest, example {worst}, is "
        f"{lengths[worst]:g}: {remedy}, or leave long examples out (max_length)"
    )
