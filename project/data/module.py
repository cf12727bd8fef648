"""The one LightningDataModule: manifests, a feature and a spelling in, batches out, for every family."""

from __future__ import annotations

import multiprocessing
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from lightning.pytorch import LightningDataModule
from torch.utils.data import DataLoader

from project.contract import Batch, InputError
from project.data.batching import Batching, check_fresh, require_sound, share
from project.data.collate import Collate
from project.data.dataset import Augment, Examples, Sample, sample_of, target_makers
from project.data.loader import ResumableLoader
from project.data.manifest import Manifest
from project.data.reading import Reading
from project.data.replay import Replay
from project.data.sampling import BucketBatchSampler
from project.data.scoring_order import SortedBatchSampler
from project.data.shards import windows_of
from project.data.shuffling import Windows
from project.data.spool import Spool
from project.data.store import Store
from project.data.stratified import stratified
from project.part import Feature, Notation, Source

PARTS = ("train", "dev", "test", "replay")


class DataModule(LightningDataModule):
    """Loaders of the manifests' parts; randomness is a function of (seed, epoch, id)."""

    def __init__(
        self,
        manifest: Mapping[str, str | list[str] | None],
        feature: Feature,
        spelling: Notation,
        batching: Batching | None = None,
        augment: Sequence[Augment] = (),
        workers: int = 0,
        seed: int = 0,
        fresh: Source | None = None,
    ) -> None:
        super().__init__()
        if unknown := set(manifest) - set(PARTS):
            raise InputError(f"data.manifest.{min(unknown)}: no such part: choose from {', '.join(PARTS)}")
        if workers < 0:
            raise InputError(f"data.workers: {workers} is negative: 0 loads in the training process")
        self._patterns = dict(manifest)
        self._manifests: dict[str, Manifest] = {}
        self.feature = feature
        self.spelling = spelling
        self.batching = batching or Batching()
        self.augment = augment
        self.workers = workers
        self.seed = seed
        self.fresh = fresh
        self.reading = Reading()  # what is kept of media, and how many may be bad
        self.accumulate = 1  # batches that each rank takes to an update of the weights
        self.num_bad = 0  # training examples that others stood in for, once somebody has counted them
        self.equal_lengths = False  # of batches that are scored: for models that padding changes
        self._mixed: Replay | None = None
        self._windows: Windows | None = None
        require_sound(self.batching)
        if fresh is not None:
            check_fresh(fresh, feature, self.batching)

    @property
    def training(self) -> Manifest | Source:
        """What is trained on: the training manifest, perhaps with general data, or examples made anew."""
        if self.fresh is not None or not self.batching.replay:
            return self.fresh or self.manifest("train")
        if self._mixed is None:
            self._mixed = Replay(self.manifest("train"), self.manifest("replay"), self.batching.replay, self.seed)
        return self._mixed

    @property
    def validated(self) -> Manifest:
        """What validations in training score: dev, or a part of it, by which nothing is to be decided afterwards."""
        dev, most = self.manifest("dev"), self.batching.dev_examples
        return dev if most is None else self._manifests.setdefault("validated", stratified(dev, most))

    @property
    def counts(self) -> dict[str, int | str]:
        """How many examples an epoch and a validation have, of each kind."""
        counts: dict[str, int | str] = {"train": len(self.training.lengths), "dev": len(self.validated)}
        if self._mixed is not None:
            counts |= {"train": self._mixed.num_training, "replay": self._mixed.num_general}
        if len(self.validated) < len(self.manifest("dev")):
            counts["dev_coverage"] = f"{len(self.validated)} of {len(self.manifest('dev'))}, not for decisions"
        return counts | ({"bad": self.num_bad} if self.num_bad else {})

    @property
    def told(self) -> str:
        """The same in words."""
        counts = self.counts
        trained = f"{counts['train']:,} examples to train" + (" made anew each epoch" if self.fresh else "")
        if self._mixed is not None:
            trained += f" and {counts['replay']:,} of {len(self.manifest('replay')):,} general ones each epoch"
        validated = f"{counts['dev']:,}" if "dev_coverage" not in counts else f"{counts['dev_coverage']},"
        return f"{trained}, {validated} to validate"

    def manifest(self, part: str) -> Manifest:
        """The manifest of a part, opened once."""
        if part not in self._manifests:
            pattern = self._patterns.get(part)
            if pattern in (None, "???"):
                raise InputError(f"data.manifest.{part} is missing: set data.manifest.{part}=<manifest.jsonl>")
            manifest = Manifest.open(pattern)
            if part in {"train", "replay"}:
                manifest = manifest.between(self.batching.min_length, self.batching.max_length)
            if part == "train":
                manifest = share(manifest, self.batching.fraction)
            if len(manifest) == 0:
                raise InputError(f"data.manifest.{part}: {pattern} holds no example: check the manifest and its limits")
            self._manifests[part] = manifest
        return self._manifests[part]

    def known(self, part: str) -> Manifest | None:
        """The manifest of a part if it is named and still there."""
        pattern = self._patterns.get(part)
        if pattern in (None, "???") or (part == "train" and self.fresh is not None):
            return None
        try:
            return self.manifest(part)
        except InputError:
            return None

    @property
    def learned_from(self) -> Manifest | None:
        """All that training draws from, as far as it is named and still there: for who asks what was heard before."""
        training, general = self.known("train"), self.known("replay") if self.batching.replay else None
        return training.joined(general) if training and general else training or general

    def require_spelled(self, part: str) -> None:
        """Refuse references that cannot be spelled before anything is learned, rather than when they are drawn."""
        manifest, spelling = self.manifest(part), self.spelling.for_validation()
        for row in range(len(manifest)):
            example = manifest[row]
            try:
                spelling.targets(spelling.reference(example), example, self.feature.num_frames(example.length))
            except InputError as error:
                raise InputError(f"{manifest.location(row)}: {example.id}: {error}") from error

    def training_targets(self, most: int) -> Batch | None:
        """The targets of (at most so many) training examples, without their signals; None if they are not at hand."""
        training = self.fresh or self.known("train")
        if training is None:
            return None
        samples = []
        for row in range(min(most, len(training.lengths))):
            example = training[row] if isinstance(training, Manifest) else training.draw(row, 0)[0]
            frames = self.feature.num_frames(example.length)
            try:
                reference = self.spelling.reference(example)
                whole, placed = self.spelling.targets(reference, example, frames)
            except InputError as error:
                place = training.location(row) if isinstance(training, Manifest) else example.media
                raise InputError(f"{place}: {example.id}: {error}") from error
            silence_TF = torch.zeros(frames, self.feature.num_features)
            samples.append(sample_of(example.id, silence_TF, reference, whole, placed))
        return Collate()(samples)

    def train_batches(self, num_ranks: int) -> int:
        """Batches of an epoch on each rank."""
        return len(self._sampler(self.training, 0, num_ranks))

    def train_dataloader(self) -> ResumableLoader:
        training, augment = self.training, self.augment
        if self._learns_by_heart:
            training, augment = self._overfit_manifest(), target_makers(self.augment)
        rank, ranks = (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)
        sampler = self._sampler(training, rank, ranks)
        windows = self._shard_windows()
        spool = None if windows is None else Spool(keep=2 * windows.most_shards)
        bad, store = self.reading.max_bad, self._store()
        examples = Examples(training, self.feature, self.spelling, augment, self.seed, bad, store, spool)
        return ResumableLoader(examples, batch_sampler=sampler, **self._options())

    def _sampler(self, training: Manifest | Source, rank: int, num_ranks: int) -> BucketBatchSampler:
        windows = self._shard_windows() if training is self.training else None
        return BucketBatchSampler(
            lengths=training.lengths,
            batch_length=self.batching.cap,
            max_batch_size=self.batching.max_batch_size,
            seed=self.seed,
            chunk=windows or self.batching.chunk,
            rank=rank,
            num_ranks=num_ranks,
            accumulate=self.accumulate,
        )

    def _shard_windows(self) -> Windows | None:
        """How the shards of the training manifest are visited, if one after the other."""
        if self._windows is None and self.batching.buffer is not None:
            self._windows = windows_of(self.manifest("train"), self.batching.buffer, self.batching.chunk)
        return self._windows

    def _store(self) -> Store | None:
        """What is kept of media on disk, if that was asked for."""
        reading = self.reading
        return None if reading.cache is None else Store(reading.cache, self.feature, reading.cache_gb)

    @property
    def _learns_by_heart(self) -> int:
        """How many batches `trainer=overfit` learns by heart; 0 in any other run."""
        return int(getattr(self.trainer, "overfit_batches", 0))

    def _overfit_manifest(self) -> Manifest:
        """The examples of those batches: what is learned, and then asked. Examples made anew cannot be asked again."""
        whole = self.manifest("dev" if self.fresh else "train")
        batches = list(self._sampler(whole, 0, 1))[: self._learns_by_heart]
        return whole.select([draw.index for batch in batches for draw in batch])

    def val_dataloader(self) -> DataLoader[Sample]:
        if self._learns_by_heart:
            return self.scoring_loader(self._overfit_manifest())
        return self.scoring_loader(self.validated)

    def scoring_loader(self, manifest: Manifest) -> DataLoader[Sample]:
        """Every example of a manifest once, over all ranks; no augmentation, no filter."""
        rank, ranks = (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)
        sampler = self.scoring_batches(manifest, rank, ranks)
        spelling, makers, store = self.spelling.for_validation(), target_makers(self.augment), self._store()
        examples = Examples(manifest, self.feature, spelling, makers, store=store)
        options = self._options() | ({"collate_fn": Collate()} if self.equal_lengths else {})  # no frame is added
        return DataLoader(examples, batch_sampler=sampler, **options)

    def scoring_batches(self, manifest: Manifest, rank: int = 0, num_ranks: int = 1) -> SortedBatchSampler:
        """Which examples share a batch when they are scored."""
        return SortedBatchSampler(
            lengths=manifest.lengths,
            batch_length=self.batching.cap,
            max_batch_size=self.batching.max_batch_size,
            rank=rank,
            num_ranks=num_ranks,
            equal_lengths=self.equal_lengths,
        )

    def _options(self) -> dict[str, Any]:
        """Loader options: spawned workers share nothing by accident, and a dead one is noticed."""
        options: dict[str, Any] = {
            "collate_fn": Collate(self.batching.round_frames),
            "num_workers": self.workers,
            "pin_memory": torch.cuda.is_available(),
        }
        if self.workers:
            start = "forkserver" if torch.cuda.is_available() else "fork"
            options |= {"persistent_workers": True, "multiprocessing_context": multiprocessing.get_context(start)}
            options["worker_init_fn"] = _one_thread
        return options


def _one_thread(_worker: int) -> None:
    """Workers compute on one thread each: they share the cores with training."""
    torch.set_num_threads(1)


def data_module(
    manifest: Mapping[str, str | list[str] | None],
    feature: Feature,
    spelling: Notation,
    batching: Batching | None = None,
    augment: Sequence[Augment] = (),
    workers: int = 0,
    seed: int = 0,
    fresh: Source | None = None,
    cache: str | None = None,
    cache_gb: float | None = None,
    max_bad: int = 0,
) -> DataModule:
    """A DataModule from keys that stand side by side in conf/data: its parts take them in groups."""
    module = DataModule(manifest, feature, spelling, batching, augment, workers, seed, fresh)
    module.reading = Reading(cache, cache_gb, max_bad)
    return module
