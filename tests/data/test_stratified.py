"""A part of dev for validations: like the whole, the same for all, and never what a Report is about."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from project.build.bind import make
from project.build.compose import compose
from project.contract import Example, InputError
from project.data.manifest import Manifest, write_manifest
from project.data.module import Batching, DataModule
from project.data.stratified import stratified
from project.feature.tone_envelope import ToneEnvelope

SIZES = {"anna": 200, "bert": 100, "carl": 60, "dora": 40}


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """Four hundred examples; the groups stand one behind the other, and bert speaks long."""
    folder, rng = tmp_path_factory.mktemp("dev"), np.random.default_rng(4)
    lines = [
        Example(
            f"{name}-{n}", f"{folder}/{name}{n}.wav", float(rng.lognormal(1 + (name == "bert"), 0.5)), "E", group=name
        )
        for name, size in SIZES.items()
        for n in range(size)
    ]
    write_manifest(folder / "dev.jsonl", lines)
    return Manifest.open(str(folder / "dev.jsonl"))


@pytest.mark.parametrize("count", [20, 40, 97, 200])
def test_groups_and_lengths_are_those_of_the_whole(dev: Manifest, count: int) -> None:
    part = stratified(dev, count)
    assert len(part) == count == len({example.id for example in part})
    groups = Counter(example.group for example in part)
    for name, size in SIZES.items():
        assert abs(groups[name] - count * size / len(dev)) <= 2, name
    for low, high in ((0, 0.25), (0.25, 0.5), (0.5, 0.75), (0.75, 1.0)):
        least, most = np.quantile(dev.lengths, [low, high])
        inside = np.mean([least <= example.length <= most for example in part])
        assert abs(inside - 0.25) < 0.08, (low, high)
    assert part.lengths.mean() == pytest.approx(dev.lengths.mean(), rel=0.12)


def test_it_is_a_function_of_the_examples_alone(dev: Manifest) -> None:
    wanted = {example.id for example in stratified(dev, 50)}
    order = np.random.default_rng(0).permutation(len(dev))
    assert {example.id for example in stratified(dev.select(order), 50)} == wanted
    rows = [example.id for example in stratified(dev, 50)]
    whole = [example.id for example in dev]
    assert rows == sorted(rows, key=whole.index), "in the manifest's order"
    assert stratified(dev, 400) is dev
    assert stratified(dev, 999) is dev


def test_it_is_not_the_first_ones_nor_always_the_middle_ones(dev: Manifest) -> None:
    """Two of each speaker's four: were they taken at equal steps, none would be short or long."""
    rows = [row for name in SIZES for row in range(len(dev)) if dev[row].group == name][: 4 * (len(dev) // 4)]
    part = stratified(dev, len(rows) // 2)
    levels = Counter(np.searchsorted(np.quantile(dev.lengths, [0.25, 0.5, 0.75]), part.lengths).tolist())
    assert min(levels.values()) > 0.2 * len(part)


def test_validations_score_the_part_and_evaluations_the_whole(morse: Path) -> None:
    manifest = {part: f"{morse}/{part}.jsonl" for part in ("train", "dev")}
    spelling = make(compose("train")["text"], "text")

    def module(**batching: int) -> DataModule:
        return DataModule(manifest, ToneEnvelope(), spelling, Batching(**batching))  # type: ignore[arg-type]

    data = module(dev_examples=4)
    validated = [name for batch in data.val_dataloader() for name in batch.ids]
    assert len(validated) == len(set(validated)) == 4
    assert len(data.manifest("dev")) == 6, "what Reports are about"
    scored = [name for batch in data.scoring_loader(data.manifest("dev")) for name in batch.ids]
    assert sorted(scored) == [f"dev-{n:06d}" for n in range(6)] or len(set(scored)) == 6
    assert data.counts == {"train": 24, "dev": 4, "dev_coverage": "4 of 6, not for decisions"}
    assert data.told == "24 examples to train, 4 of 6, not for decisions, to validate"
    for whole in (module(), module(dev_examples=6)):
        assert whole.counts == {"train": 24, "dev": 6}
        assert whole.told == "24 examples to train, 6 to validate"
    with pytest.raises(InputError, match=r"data\.batching\.dev_examples is 0: give a number from 1 on"):
        module(dev_examples=0)
