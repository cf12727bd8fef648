"""The data module: parts of the labels, and examples made anew, whatever the number of workers and ranks."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from project.build.bind import make
from project.build.compose import compose
from project.contract import Batch, InputError
from project.corpus.gloss_fresh import GlossFresh
from project.corpus.gloss_fresh import Portions as GlossPortions
from project.corpus.keyer.texts import Texts
from project.corpus.morse_fresh import MorseFresh, Portions
from project.data.batching import share
from project.data.manifest import Manifest
from project.data.module import Batching, DataModule
from project.feature.landmarks import Landmarks
from project.feature.tone_envelope import ToneEnvelope
from project.text.spelling import Spelling


def fresh(**changes: int) -> MorseFresh:
    portions = Portions(num_examples=12, seconds=(2.5, 4), easy_epochs=1)
    return MorseFresh(portions=portions, texts=Texts(symbols="plain"), **changes)


def module(morse: Path, workers: int = 0, **changes: object) -> DataModule:
    spelling: Spelling = make(compose("train")["text"], "text")
    manifest = {"train": None, "dev": str(morse / "dev.jsonl"), "test": None}
    feature = changes.pop("feature", None) or ToneEnvelope()
    given = {"batching": Batching(batch_length=12, max_batch_size=4), "workers": workers, "fresh": fresh(), **changes}
    return DataModule(manifest, feature, spelling, **given)  # type: ignore[arg-type]


def epochs(data: DataModule, count: int) -> list[list[Batch]]:
    loader = data.train_dataloader()
    given = []
    for epoch in range(count):
        loader.batch_sampler.set_epoch(epoch)
        given.append(list(loader))
    return given


def test_examples_made_anew_come_once_an_epoch_and_never_again(morse: Path) -> None:
    first, second = epochs(module(morse), 2)
    ids = [[name for batch in epoch for name in batch.ids] for epoch in (first, second)]
    assert sorted(ids[0]) == [f"0-{number:06d}" for number in range(12)]
    assert sorted(ids[1]) == [f"1-{number:06d}" for number in range(12)]
    texts = [{text for batch in epoch for text in batch.references} for epoch in (first, second)]
    assert all(len(text) <= 2 for text in texts[0] & texts[1])  # a slow hand's few letters may come again


def test_a_part_may_be_several_manifests(morse: Path) -> None:
    spelling: Spelling = make(compose("train")["text"], "text")
    files = [str(morse / "train.jsonl"), str(morse / "test.jsonl")]
    data = DataModule({"train": files, "dev": str(morse / "dev.jsonl")}, ToneEnvelope(), spelling)
    assert len(data.manifest("train")) == sum(len(Manifest.open(file)) for file in files)
    assert data.known("train") is data.manifest("train")


def test_workers_do_not_change_what_is_made(morse: Path) -> None:
    for one, other in zip(epochs(module(morse), 1)[0], epochs(module(morse, workers=2), 1)[0], strict=True):
        assert one.ids == other.ids
        assert torch.equal(one.signals_BTF, other.signals_BTF)


def test_its_sample_rate_is_that_of_the_feature(morse: Path) -> None:
    with pytest.raises(InputError, match=r"give them the same rate, data\.fresh\.sample_rate=4000"):
        module(morse, fresh=fresh(sample_rate=8000))


def test_its_frame_rate_is_that_of_the_feature(morse: Path) -> None:
    signs = GlossFresh(frame_rate=30, portions=GlossPortions(num_examples=4))
    module(morse, fresh=signs, feature=Landmarks(frame_rate=30))
    with pytest.raises(InputError, match=r"data\.fresh\.frame_rate is 30, .* give them the same rate, .*frame_rate=25"):
        module(morse, fresh=signs, feature=Landmarks(frame_rate=25))


def test_sounds_are_not_for_eyes_nor_signs_for_ears(morse: Path) -> None:
    signs = GlossFresh(portions=GlossPortions(num_examples=4))
    for source, feature, words in (
        (fresh(), Landmarks(), r"data\.fresh\.sample_rate is 4000, feature\.sample_rate is None"),
        (signs, ToneEnvelope(), r"data\.fresh\.sample_rate is None, feature\.sample_rate is 4000"),
    ):
        with pytest.raises(InputError, match=rf"{words}: one of them is for recordings of another kind"):
            module(morse, fresh=source, feature=feature)


def test_a_fraction_is_of_the_ids_and_lies_within_a_larger_one(morse: Path) -> None:
    manifest = Manifest.open(str(morse / "train.jsonl"))
    ids = {
        part: {example.id for example in map(share(manifest, part).__getitem__, range(len(share(manifest, part))))}
        for part in (0.01, 0.25, 0.5, 1.0)
    }
    assert [len(ids[part]) for part in ids] == [1, 6, 12, 24]
    assert ids[0.01] < ids[0.25] < ids[0.5] < ids[1.0]
    for part in (0.0, 1.5):
        with pytest.raises(InputError, match=r"data\.batching\.fraction"):
            share(manifest, part)


@pytest.mark.parametrize("setting", [{"fraction": 0.1}, {"min_length": 1.0}, {"max_length": 9.0}])
def test_what_only_a_manifest_can_do_is_refused_for_fresh_examples(morse: Path, setting: dict[str, float]) -> None:
    with pytest.raises(InputError, match=rf"data\.batching\.{next(iter(setting))} is of no use .*: take it out"):
        module(morse, batching=Batching(**setting))  # type: ignore[arg-type]
