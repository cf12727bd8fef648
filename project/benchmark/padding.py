"""How much of a batch is padding, and what it takes to make batches: random ones, scansion's, and lhotse's buckets."""

from __future__ import annotations

import statistics
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from project.benchmark.table import Table
from project.data.sampling import BucketBatchSampler, padding

Batches = Sequence[Sequence[int]]
Batcher = Callable[[int], Batches]  # from an epoch to its batches of rows


@dataclass(frozen=True, slots=True)
class Durations:
    """How long a corpus's recordings are: log-normally distributed seconds, cut off at both ends."""

    name: str
    mean: float  # before the cut
    sigma: float  # of the logarithm
    shortest: float
    longest: float
    batch_length: float  # cap on a padded batch: about 32 recordings

    def sample(self, count: int, seed: int) -> NDArray[np.float32]:
        """So many durations."""
        log_mean = np.log(self.mean) - self.sigma**2 / 2
        drawn = np.random.default_rng(seed).lognormal(log_mean, self.sigma, count)
        return drawn.clip(self.shortest, self.longest).astype(np.float32)


DURATIONS = (
    Durations("LibriSpeech", mean=12.5, sigma=0.45, shortest=1, longest=35, batch_length=400),
    Durations("Common Voice", mean=5.1, sigma=0.5, shortest=0.5, longest=60, batch_length=160),
    Durations("heavy tail", mean=8.1, sigma=0.8, shortest=0.3, longest=200, batch_length=260),
)


class Padding:
    """Batches of the same durations made in several ways, in turns, a new epoch each time."""

    def __init__(self, num_examples: int = 20_000, repeats: int = 5, seed: int = 0) -> None:
        self.num_examples = num_examples
        self.repeats = repeats
        self.seed = seed

    def run(self) -> Table:
        """A row for each distribution and way."""
        rows = [row for durations in DURATIONS for row in self._rows(durations)]
        if find_spec("lhotse") is None:
            rows.append(("all", "lhotse not installed", *[""] * 5))
        return Table(
            title=f"Batches of {self.num_examples:,} durations: one epoch",
            columns=("durations", "batches", "padding %", "a batch", "ms min", "median", "max"),
            rows=tuple(rows),
            notes=(
                f"medians of {self.repeats} epochs, all ways in turns; the time includes making the sampler",
                "batches are capped at a padded length of 400, 160 and 260 s; random ones hold 32",
                "durations are log-normal, in mean and range like the corpora they are called after",
                "lhotse: DynamicBucketingSampler with 10 and 30 buckets, over cuts in memory",
            ),
        )

    def _rows(self, durations: Durations) -> list[tuple[Any, ...]]:
        lengths = durations.sample(self.num_examples, self.seed)
        batchers: dict[str, Batcher] = {
            "random": lambda epoch: _random_batches(self.num_examples, epoch),
            "scansion": lambda epoch: _bucket_batches(lengths, durations.batch_length, epoch),
        }
        if find_spec("lhotse") is not None:
            for num_buckets in (10, 30):
                batchers[f"lhotse {num_buckets}"] = _lhotse_batcher(lengths, durations.batch_length, num_buckets)
        found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in batchers}
        for epoch in range(self.repeats):
            for name, batcher in batchers.items():
                start = time.perf_counter()
                batches = batcher(epoch)
                seconds = time.perf_counter() - start
                found[name].append((100 * padding(lengths, batches), self.num_examples / len(batches), 1e3 * seconds))
        return [(durations.name, name, *_summary(figures)) for name, figures in found.items()]


def _summary(figures: list[tuple[float, float, float]]) -> tuple[float, ...]:
    """Median padding and size; the least, median and most milliseconds."""
    shares, sizes, times = zip(*figures, strict=True)
    middle = statistics.median
    return (
        round(middle(shares), 2),
        round(middle(sizes), 1),
        *(round(value, 1) for value in (min(times), middle(times), max(times))),
    )


def _random_batches(count: int, epoch: int) -> Batches:
    order = np.random.default_rng(epoch).permutation(count)
    return [order[start : start + 32].tolist() for start in range(0, count, 32)]


def _bucket_batches(lengths: NDArray[np.float32], batch_length: float, epoch: int) -> Batches:
    sampler = BucketBatchSampler(lengths, batch_length)
    sampler.set_epoch(epoch)
    return [[draw.index for draw in batch] for batch in sampler]


def _lhotse_batcher(lengths: NDArray[np.float32], batch_length: float, num_buckets: int) -> Batcher:
    from lhotse import CutSet, MonoCut  # takes seconds, and may be missing
    from lhotse.dataset import DynamicBucketingSampler

    cuts = CutSet.from_cuts(
        MonoCut(id=str(row), start=0, duration=float(length), channel=0) for row, length in enumerate(lengths)
    )

    def batches(epoch: int) -> Batches:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that cuts in memory are against its purpose
            sampler = DynamicBucketingSampler(
                cuts, max_duration=batch_length, num_buckets=num_buckets, shuffle=True, seed=epoch
            )
            return [[int(cut.id) for cut in batch] for batch in sampler]

    return batches
