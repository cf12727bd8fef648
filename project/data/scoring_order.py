"""Which examples share a batch when they are scored: always the same ones, longest first.

Nothing here reads data: a manifest's lengths are all it takes, in whatever unit the manifest has (seconds or frames).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from torch.utils.data import Sampler

from project.contract import InputError
from project.data.sampling import (
    Cap,
    Draw,
    batch_capacity,
    cut_batches,
    require_cap,
    require_measured,
    require_positive,
    sort_in_chunks,
)
from project.data.shuffling import Lengths


class SortedBatchSampler(Sampler[list[Draw]]):
    """Batches for evaluation: every example once over all ranks, always in the same batches, longest first.

    With `equal_lengths` only examples of one length share a batch, so that nothing is padded. An example above the cap
    has a batch of its own. Ranks may differ by one in their number of batches. Where there
    would be fewer batches than ranks, all are smaller, so that each rank has one.
    """

    def __init__(
        self,
        lengths: Lengths,
        batch_length: Cap,
        *,
        max_batch_size: int = 256,
        rank: int = 0,
        num_ranks: int = 1,
        equal_lengths: bool = False,
    ) -> None:
        require_measured(lengths)
        require_positive(max_batch_size=max_batch_size)
        require_cap(batch_length)
        self._order = sort_in_chunks(np.arange(len(lengths)), lengths, 1)
        self._equal_lengths = equal_lengths
        if len(lengths) < num_ranks:
            raise InputError(f"{len(lengths)} examples for {num_ranks} processes: take as many devices at most")
        batches = self._cut(lengths, batch_length, max_batch_size)
        if len(batches) < num_ranks:
            batches = self._cut(lengths, batch_length, len(lengths) // num_ranks)
        self._batches = batches[rank::num_ranks]

    def _cut(self, lengths: Lengths, batch_length: Cap, max_batch_size: int) -> list[tuple[int, int]]:
        capacity = batch_capacity(lengths, batch_length, max_batch_size)[self._order]
        edges = [0, len(lengths)]
        if self._equal_lengths:
            edges = [0, *(1 + np.flatnonzero(np.diff(lengths[self._order]))).tolist(), len(lengths)]
        parts = ((start, cut_batches(capacity[start:end], 1)) for start, end in pairwise(edges))
        starts = [start + place for start, places in parts for place in places.tolist()]
        return list(pairwise([*starts, len(lengths)]))

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[list[Draw]]:
        for start, end in self._batches:
            yield [Draw(index, 0) for index in self._order[start:end].tolist()]
