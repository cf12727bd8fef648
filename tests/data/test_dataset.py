"""Samples and batches: targets of one value a frame, from what the feature tells, whoever else changes the signal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from project.contract import InputError
from project.data.augment import Gain, SpanMask, TimeMask
from project.data.collate import Collate
from project.data.dataset import Examples, generator_of, target_makers
from project.data.manifest import Manifest
from project.data.sampling import Draw
from project.feature.envelope import Envelope
from project.text.spelling import Spelling


class Keyed(Envelope):
    """A feature that says where its state is."""

    state_column: int | None = 1


@pytest.fixture
def examples(morse: Path) -> Any:
    manifest = Manifest.open(str(morse / "dev.jsonl"))
    spelling = Spelling(" ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")

    def make(augment: list[Any], feature: Envelope | None = None, seed: int = 0) -> Examples:
        return Examples(manifest, feature or Keyed(), spelling, augment, seed)

    return make


def test_states_come_from_the_feature_before_anything_is_masked(examples: Any) -> None:
    sample = examples([TimeMask(masks=5, longest_frames=30), SpanMask()])[Draw(0, 3)]
    clear = examples([])[Draw(0, 3)]
    assert "hidden" not in clear.frame_targets
    assert not torch.equal(sample.frames_TF, clear.frames_TF)
    assert torch.equal(sample.frame_targets["states"], clear.frames_TF[:, 1])


def test_hidden_spans_are_a_function_of_seed_epoch_and_id_alone(examples: Any) -> None:
    def hidden(augment: list[Any], row: int, epoch: int, seed: int) -> Tensor:
        found: Tensor = examples(augment, seed=seed)[Draw(row, epoch)].frame_targets["hidden"]
        return found

    once = hidden([SpanMask()], 0, 0, 0)
    assert torch.equal(once, hidden([SpanMask()], 0, 0, 0))
    assert torch.equal(once, hidden([Gain(), TimeMask(), SpanMask()], 0, 0, 0)), "others don't move them"
    assert not torch.equal(once, hidden([SpanMask()], 0, 1, 0))
    assert not torch.equal(once, hidden([SpanMask()], 0, 0, 1))


def test_validation_keeps_what_makes_targets() -> None:
    mask = SpanMask()
    assert target_makers([Gain(), mask, TimeMask()]) == [mask]


def test_a_feature_without_states_is_refused_by_name(examples: Any) -> None:
    class Stateless(Keyed):
        state_column = None

    with pytest.raises(InputError, match=r"dev\.jsonl:1: dev-\d+: this feature has no column"):
        examples([SpanMask()], Stateless())[Draw(0, 0)]


def test_frame_targets_are_padded_as_the_frames_are(examples: Any) -> None:
    samples = [examples([SpanMask()])[Draw(row, 0)] for row in range(4)]
    batch = Collate(round_frames=64)(samples)
    for name in ("hidden", "states", "trust"):
        target_BT = batch.targets[name]
        assert target_BT.shape == batch.signals_BTF.shape[:2]
        assert f"{name}_lengths" not in batch.targets
        for row, sample in enumerate(samples):
            length = int(batch.lengths_B[row])
            assert torch.equal(target_BT[row, :length], sample.frame_targets[name])
            assert not target_BT[row, length:].any()
    assert "hidden" not in Collate()([examples([])[Draw(0, 0)]]).targets


def test_random_numbers_belong_to_an_example() -> None:
    draws = {
        tuple(generator_of(*key).integers(0, 2**32, 4)) for key in [(0, 0, "a"), (1, 0, "a"), (0, 1, "a"), (0, 0, "b")]
    }
    assert len(draws) == 4
    assert np.array_equal(generator_of(5, 6, "x").random(3), generator_of(5, 6, "x").random(3))
