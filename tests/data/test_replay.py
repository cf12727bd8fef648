"""Replay of general data: as much as was asked for, others each epoch, whatever the ranks and workers."""

from __future__ import annotations

import math
from collections import Counter
from itertools import chain, pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from project.build.bind import make
from project.build.compose import compose
from project.contract import Example, InputError
from project.data.manifest import Manifest, write_manifest
from project.data.module import Batching, DataModule
from project.data.replay import Replay, last_ranks, ranks
from project.data.sampling import BucketBatchSampler
from project.feature.tone_envelope import ToneEnvelope

GENERAL = 100


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Manifest, Manifest]:
    """Thirty examples to train on, a hundred general ones of other lengths."""
    folder, rng = tmp_path_factory.mktemp("replay"), np.random.default_rng(2)
    for name, count, mean in (("t", 30, 1.0), ("g", GENERAL, 1.5)):
        lengths = rng.lognormal(mean, 0.4, count).clip(0.5, 20).round(3).tolist()
        lines = [Example(f"{name}{n}", f"{folder}/{n}.wav", length, text="E") for n, length in enumerate(lengths)]
        write_manifest(folder / f"{name}.jsonl", lines)
    return Manifest.open(str(folder / "t.jsonl")), Manifest.open(str(folder / "g.jsonl"))


def ids_of(replay: Replay, epoch: int) -> list[str]:
    return [replay.draw(index, epoch)[0].id for index in range(len(replay.lengths))]


@pytest.mark.parametrize(("part", "wanted"), [(0.5, 30), (0.25, 10), (0.75, 90), (0.8, 120), (0.9, 270)])
def test_each_epoch_has_the_training_manifest_once_and_its_part_of_general_data(
    both: tuple[Manifest, Manifest], part: float, wanted: int
) -> None:
    replay = Replay(*both, part, seed=1)
    assert len(replay.lengths) == 30 + wanted
    for epoch in range(5):
        ids = ids_of(replay, epoch)
        assert ids[:30] == [example.id for example in both[0]]
        times = Counter(ids[30:])
        assert set(times.values()) <= {wanted // GENERAL, -(-wanted // GENERAL)}, "none more than once oftener"
        assert all(name.startswith("g") for name in times)
        real = np.array([replay.draw(index, epoch)[0].length for index in range(len(ids))], np.float32)
        assert (real <= replay.lengths).all(), "a batch is never longer than it was cut for"
        assert replay.manifest.location(replay.row(35, epoch)) == replay.location(35, epoch)


def test_other_general_examples_come_each_epoch_and_all_of_them_in_the_end(both: tuple[Manifest, Manifest]) -> None:
    replay = Replay(*both, 0.5, seed=1)
    times = Counter(chain.from_iterable(ids_of(replay, epoch)[30:] for epoch in range(200)))
    assert len(times) == GENERAL
    epochs = [ids_of(replay, epoch)[30:] for epoch in range(4)]
    assert all(one != other for one, other in pairwise(epochs))
    assert ids_of(Replay(*both, 0.5, seed=1), 3)[30:] == epochs[3], "a function of seed and epoch alone"
    assert ids_of(Replay(*both, 0.5, seed=2), 3)[30:] != epochs[3]


@pytest.mark.parametrize(("examples", "wanted"), [(7, 3), (3, 7), (5, 5), (5, 10), (1, 4), (9, 1), (10, 9), (1000, 7)])
def test_each_general_example_comes_as_often_as_any_other(examples: int, wanted: int) -> None:
    """Also where drawers cannot be of one size; and never one that is longer than was said before."""
    last = last_ranks(examples, wanted)
    found = np.stack([ranks(examples, wanted, seed=3, epoch=epoch) for epoch in range(4000)])
    assert found.shape[1] == len(last) == wanted
    assert (found <= last).all()
    assert found.min() >= 0
    for row in found[:50]:
        times = np.bincount(row, minlength=examples)
        assert times.max() - times.min() <= 1
    times = np.bincount(found.flatten(), minlength=examples)
    expected = 4000 * wanted / examples
    assert ((times - expected) ** 2 / expected).sum() < examples + 5 * math.sqrt(
        2 * examples
    )  # less than chance has it


@pytest.mark.parametrize("num_ranks", [1, 3])
def test_ranks_share_an_epoch_and_a_resumed_one_goes_on(both: tuple[Manifest, Manifest], num_ranks: int) -> None:
    replay = Replay(*both, 0.5, seed=1)
    samplers = [
        BucketBatchSampler(replay.lengths, 40.0, seed=1, chunk=2, rank=n, num_ranks=num_ranks) for n in range(num_ranks)
    ]
    for epoch in range(3):
        shown = []
        for sampler in samplers:
            sampler.set_epoch(epoch)
            shown.append([[replay.draw(*draw)[0] for draw in batch] for batch in sampler])
        assert len({len(one) for one in shown}) == 1
        batches = list(chain(*shown))
        assert sorted(example.id for batch in batches for example in batch) == sorted(ids_of(replay, epoch))
        assert all(max(one.length for one in batch) * len(batch) <= 40 * (1 + 1e-6) for batch in batches)
        samplers[0].resume(epoch, 2)
        again = [[Replay(*both, 0.5, seed=1).draw(*draw)[0] for draw in batch] for batch in samplers[0]]
        assert again == shown[0][2:]


def module(morse: Path, workers: int = 0, **batching: object) -> DataModule:
    manifest = {part: f"{morse}/{part}.jsonl" for part in ("train", "dev", "test")}
    spelling = make(compose("train")["text"], "text")
    options = Batching(batch_length=12, max_batch_size=4, **batching)  # type: ignore[arg-type]
    return DataModule(manifest | {"replay": manifest["test"]}, ToneEnvelope(), spelling, options, workers=workers)


def test_the_loader_gives_both_with_any_number_of_workers(morse: Path) -> None:
    shown = []
    for workers in (0, 2):
        loader = module(morse, workers, replay=0.2).train_dataloader()
        epochs = []
        for epoch in (0, 1):
            loader.batch_sampler.set_epoch(epoch)
            epochs.append([batch.ids for batch in loader])
        shown.append(epochs)
    assert shown[0] == shown[1]
    for ids in (list(chain(*epoch)) for epoch in shown[0]):
        kinds = Counter(name.partition("-")[0] for name in ids)
        assert kinds == {"train": 24, "test": 6}
        assert len(set(ids)) == 30
    data = module(morse, replay=0.2)
    assert data.train_batches(1) == len(shown[0][0])
    assert data.counts == {"train": 24, "replay": 6, "dev": 6}
    assert data.told == "24 examples to train and 6 of 7 general ones each epoch, 6 to validate"
    assert data.learned_from is not None
    assert len(data.learned_from) == len(data.training.manifest) == 24 + 7  # type: ignore[union-attr]
    alone = module(morse)
    assert alone.learned_from is alone.known("train")
    assert data.training.hash != module(morse, replay=0.3).training.hash != module(morse).training.hash


def test_a_resumed_epoch_is_the_same_to_the_last_bit(morse: Path) -> None:
    loader = module(morse, replay=0.2).train_dataloader()
    loader.batch_sampler.set_epoch(1)
    wanted, states = [], []
    for batch in loader:
        wanted.append(batch)
        states.append(loader.state_dict())
    again = module(morse, workers=1, replay=0.2).train_dataloader()
    again.load_state_dict(states[2])
    found = list(again)
    assert [batch.ids for batch in found] == [batch.ids for batch in wanted[3:]]
    assert all(torch.equal(a.signals_BTF, b.signals_BTF) for a, b in zip(found, wanted[3:], strict=True))


def test_an_example_that_cannot_be_read_is_named_with_its_place(morse: Path, tmp_path: Path) -> None:
    write_manifest(tmp_path / "g.jsonl", [Example("lost", str(tmp_path / "nowhere.wav"), 3.0, text="E")])
    data = module(morse, replay=0.01)
    data._patterns["replay"] = str(tmp_path / "g.jsonl")
    with pytest.raises(InputError, match=rf"{tmp_path}/g\.jsonl:1: lost"):
        list(data.train_dataloader())


def test_what_cannot_be_replayed(morse: Path) -> None:
    for part in (1.0, -0.1):
        with pytest.raises(InputError, match=rf"data\.batching\.replay is {part:g}: give the part of an epoch"):
            module(morse, replay=part)
    data = module(morse, replay=0.5)
    data._patterns["replay"] = None
    with pytest.raises(InputError, match=r"data\.manifest\.replay is missing: set data\.manifest\.replay="):
        _ = data.training
    data = module(morse, replay=0.5, max_length=0.1)
    data._manifests["train"] = Manifest.open(f"{morse}/train.jsonl")
    with pytest.raises(InputError, match=r"data\.manifest\.replay: .* holds no example"):
        _ = data.training
    data = module(morse, replay=0.5)
    data._patterns["replay"] = f"{morse}/train.jsonl"
    with pytest.raises(InputError, match=r"train\.jsonl: named twice"):
        _ = data.training
