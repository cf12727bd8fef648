"""From files to batches: examples a second through the data module, against the usual loader of random batches."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from project.benchmark import noise_corpus
from project.benchmark.table import Table
from project.build.bind import make
from project.build.compose import compose
from project.data.manifest import Manifest

AT_ONCE = 32  # examples of a random batch
SHORTEST, LONGEST = 1.0, 20.0  # seconds

Batches = Iterable[tuple[int, int, int]]  # of each batch: examples, real samples, padded samples


class Pipeline:
    """An epoch of recordings read, decoded and padded, by each way in turn; nothing is computed on them.

    The usual way: one example after the other in random order, 32 to a batch, padded to the longest.
    """

    def __init__(self, clips: int = 400, rounds: int = 3, workers: int = 1) -> None:
        self.clips = clips
        self.rounds = rounds
        self.workers = workers

    def run(self) -> Table:
        """One row a way of loading and number of workers."""
        with tempfile.TemporaryDirectory() as folder:
            manifest = noise_corpus.make(Path(folder), self.clips, (SHORTEST, LONGEST))
            ways: dict[tuple[str, int], Callable[[], Batches]] = {}
            for workers in dict.fromkeys([0, self.workers]):
                ways["usual", workers] = usual(manifest, workers)
                ways["scansion", workers] = ours(manifest, workers)
                ways["scansion, data.cache", workers] = ours(manifest, workers, cache=Path(folder) / "cache")
            timed(ways["scansion, data.cache", 0]())  # fills the cache
            seconds: dict[tuple[str, int], list[float]] = {way: [] for way in ways}
            padding: dict[tuple[str, int], float] = {}
            for _ in range(self.rounds):
                for way, epoch in ways.items():
                    taken, padding[way] = timed(epoch())
                    seconds[way].append(taken)
        rows = [self._row(way, workers, seconds, padding) for way, workers in ways]
        return Table(
            f"Data: {self.clips} FLAC recordings of {SHORTEST:g} to {LONGEST:g} s at 16 kHz, as waveforms",
            ("way", "workers", "examples/s", "padding %", "speed ratio"),
            tuple(rows),
            (
                f"medians of {self.rounds} epochs by turns on {os.cpu_count()} cores; 1.0 is as fast as the usual way",
                "examples/s counts what arrives; what a model would compute on padding comes on top",
            ),
        )

    def _row(
        self, way: str, workers: int, seconds: dict[tuple[str, int], list[float]], padding: dict[tuple[str, int], float]
    ) -> tuple[Any, ...]:
        pairs = zip(seconds["usual", workers], seconds[way, workers], strict=True)
        ratio = statistics.median(usual / mine for usual, mine in pairs)
        speed = self.clips / statistics.median(seconds[way, workers])
        return way, workers, round(speed, 1), round(100 * padding[way, workers], 1), round(ratio, 3)


def timed(epoch: Batches) -> tuple[float, float]:
    """Seconds of an epoch, and the share of its batches that is padding."""
    started = time.perf_counter()
    sizes = list(epoch)
    taken = time.perf_counter() - started
    return taken, 1 - sum(real for _, real, _ in sizes) / sum(padded for *_, padded in sizes)


def ours(manifest: Path, workers: int, cache: Path | None = None) -> Callable[[], Batches]:
    """The data module, with batches of as much padded sound as the usual ones hold."""
    words = ["feature=samples", "text=phones", f"data.manifest.train={manifest}", f"data.manifest.dev={manifest}"]
    words += [f"data.batching.batch_length={AT_ONCE * LONGEST}", f"data.workers={workers}"]
    config = compose("train", [*words, *([f"data.cache={cache}"] if cache else [])])
    feature, spelling = make(config["feature"], "feature"), make(config["text"], "text")
    data = make(config["data"], "data", feature=feature, spelling=spelling)

    def epoch() -> Batches:
        for batch in data.train_dataloader():
            yield len(batch), int(batch.lengths_B.sum()), batch.signals_BTF.shape[0] * batch.signals_BTF.shape[1]

    return epoch


class Files(Dataset[Tensor]):
    """Waveforms by row, as one writes it in ten lines."""

    def __init__(self, manifest: Manifest) -> None:
        self.manifest = manifest

    def __len__(self) -> int:
        return len(self.manifest)

    def __getitem__(self, row: int) -> Tensor:
        wave_N, _ = soundfile.read(self.manifest[row].media, dtype=np.float32)
        return torch.from_numpy(wave_N)


def padded(waves: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Waveforms side by side, and their lengths."""
    return torch.nn.utils.rnn.pad_sequence(waves, batch_first=True), torch.tensor([len(wave) for wave in waves])


def usual(manifest: Path, workers: int) -> Callable[[], Batches]:
    """PyTorch's loader over the same files."""
    loader = DataLoader(
        Files(Manifest.open(str(manifest))), AT_ONCE, shuffle=True, num_workers=workers, collate_fn=padded
    )

    def epoch() -> Batches:
        for waves_BN, lengths_B in loader:
            yield len(waves_BN), int(lengths_B.sum()), waves_BN.numel()

    return epoch
