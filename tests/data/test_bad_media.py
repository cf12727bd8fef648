"""Examples that cannot be read: who stands in for them in training, and that what is scored is never replaced."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from project.build.bind import make
from project.build.compose import compose
from project.contract import Batch, InputError
from project.data.batching import Batching
from project.data.dataset import instead
from project.data.manifest import Manifest
from project.data.module import DataModule, data_module
from project.feature.tone_envelope import ToneEnvelope


@pytest.fixture
def torn(morse: Path, tmp_path: Path) -> Path:
    """A copy of the corpus in which the recordings of three training lines are damaged: 2, 7 and 11, from 1."""
    folder = tmp_path / "torn"
    shutil.copytree(morse, folder)
    for line in (2, 7, 11):
        medium = folder / json.loads((folder / "train.jsonl").read_text().splitlines()[line - 1])["media"]
        medium.write_bytes(b"" if line == 7 else medium.read_bytes()[:100])
    return folder


def module(folder: Path, max_bad: int = 0, workers: int = 0, dev: str = "dev") -> DataModule:
    manifest = {"train": f"{folder}/train.jsonl", "dev": f"{folder}/{dev}.jsonl"}
    spelling = make(compose("train")["text"], "text")
    batching = Batching(batch_length=12, max_batch_size=4)
    return data_module(manifest, ToneEnvelope(), spelling, batching, workers=workers, max_bad=max_bad)


def epoch_of(data: DataModule, epoch: int = 0) -> list[Batch]:
    loader = data.train_dataloader()
    loader.batch_sampler.set_epoch(epoch)
    return list(loader)


def test_the_next_shorter_good_one_stands_in(torn: Path, morse: Path) -> None:
    batches, sound = epoch_of(module(torn, max_bad=3)), epoch_of(module(morse))
    manifest = Manifest.open(f"{torn}/train.jsonl")
    lengths = {example.id: example.length for example in manifest}
    bad = {manifest[line - 1].id: f"{torn}/train.jsonl:{line}" for line in (2, 7, 11)}
    flaws = [flaw for batch in batches for flaw in batch.flaws]
    assert {flaw["id"]: flaw["place"] for flaw in flaws} == bad
    assert {flaw["reason"].partition(": ")[2].partition(":")[0] for flaw in flaws} == {"no readable audio"}
    good = sorted((length, name) for name, length in lengths.items() if name not in bad)
    for flaw in flaws:
        shorter = [name for length, name in good if length <= lengths[flaw["id"]]]
        assert flaw["stand_in"] == (shorter[-1] if shorter else good[0][1])
    stands = {flaw["id"]: flaw["stand_in"] for flaw in flaws}
    for batch, whole in zip(batches, sound, strict=True):
        assert batch.ids == tuple(stands.get(name, name) for name in whole.ids), "the others are where they were"
        assert max(lengths[name] for name in batch.ids) * len(batch) <= 12
    assert not any(batch.flaws for batch in sound)


def test_workers_change_nothing(torn: Path) -> None:
    for one, other in zip(epoch_of(module(torn, 3), 1), epoch_of(module(torn, 3, workers=2), 1), strict=True):
        assert (one.ids, one.flaws) == (other.ids, other.flaws)
        assert torch.equal(one.signals_BTF, other.signals_BTF)
    assert one.to("meta").flaws == one.flaws


def test_the_first_stops_where_none_may_be_bad(torn: Path) -> None:
    with pytest.raises(InputError, match=r"train\.jsonl:\d+: train-\d+: .*no readable audio") as error:
        epoch_of(module(torn))
    assert "max_bad" not in str(error.value)


def test_where_nothing_can_be_read_there_is_no_search_for_a_stand_in(torn: Path) -> None:
    for medium in torn.glob("audio/train/*"):
        medium.write_bytes(b"")
    with pytest.raises(InputError, match=r"data\.max_bad=2: 3 examples of training cannot be used: .*: mend them"):
        epoch_of(module(torn, max_bad=2))


def test_what_is_scored_is_never_replaced(torn: Path) -> None:
    with pytest.raises(InputError, match=r"train\.jsonl:\d+: train-\d+: .*no readable audio"):
        list(module(torn, max_bad=9, dev="train").val_dataloader())


def test_candidates_are_shorter_first() -> None:
    class Lengths:
        lengths = np.array([3.0, 1.0, 2.0, 3.0, 5.0])

    origin: object = Lengths()
    assert list(instead(3, origin)) == [3, 2, 1, 0, 4]  # type: ignore[arg-type]
    assert list(instead(1, origin)) == [1, 2, 3, 0, 4]  # type: ignore[arg-type]


@pytest.mark.parametrize(("key", "value"), [("max_bad", -1), ("cache_gb", 0.0)])
def test_what_makes_no_sense(morse: Path, key: str, value: float) -> None:
    with pytest.raises(InputError, match=f"data.{key} is"):
        data_module({"dev": str(morse / "dev.jsonl")}, ToneEnvelope(), None, **{key: value})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "budgets", [[], [[1]], [[1, 0]], [[0, 4]], [[1, 2.5]], [[2, 4], [1, 3]], [[1, 4], [2, 5]], [[1, 4], [1, 4]]]
)
def test_budgets_that_are_none(morse: Path, budgets: list[list[float]]) -> None:
    with pytest.raises(InputError, match=r"data\.batching\.budgets.*as train action=calibrate does"):
        data_module({}, ToneEnvelope(), None, Batching(budgets=budgets))  # type: ignore[arg-type]


def test_budgets_cut_batches(morse: Path) -> None:
    manifest = {"train": f"{morse}/train.jsonl", "dev": f"{morse}/dev.jsonl"}
    spelling = make(compose("train")["text"], "text")
    data = data_module(manifest, ToneEnvelope(), spelling, Batching(budgets=[[3, 5], [9, 2]]))
    lengths = {example.id: example.length for example in data.manifest("train")}
    sizes = [(max(lengths[name] for name in batch.ids), len(batch)) for batch in epoch_of(data)]
    assert all(size <= (5 if longest <= 3 else 2) for longest, size in sizes)
    assert sum(size for _, size in sizes) == 24
    assert all(len(batch) <= 5 for batch in data.val_dataloader())
