"""What kept the first sign recognizer from learning: its time axis was averaged away before the head."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from project.model.mobilenet_lstm import MobileNetLSTM, SequencePart


def sign_encoder() -> MobileNetLSTM:
    """The source's own size, for a signal of eight columns and five symbols."""
    torch.manual_seed(0)
    columns, branches = {"pose": (0, 4), "hands": (4, 8)}, {"pose": 16, "hands": 16}
    return MobileNetLSTM(6, columns, branches, size="source", sequence=SequencePart("transpose"), dropout=0.0)


def pooled(model: MobileNetLSTM) -> MobileNetLSTM:
    """The same, with each example's mean frame in the place of every frame."""

    def average(_: nn.Module, given: tuple[Tensor, ...]) -> Tensor:
        return given[0].mean(dim=1, keepdim=True).expand_as(given[0])

    model.head.register_forward_pre_hook(average)
    return model


@pytest.mark.long
@pytest.mark.parametrize("is_pooled", [False, True])
def test_a_pooled_time_axis_is_found(watch: Callable[..., Any], is_pooled: bool) -> None:
    model = pooled(sign_encoder()) if is_pooled else sign_encoder()
    run = watch(model, lr=0.003, steps=80)
    assert ("temporal_collapse" in run.findings) == is_pooled
    assert ("temporal_collapse" in run.told) == is_pooled
    spread = run.curves["probability/over_time"][-1][1]
    assert spread < 1e-3 if is_pooled else spread > 0.1
    assert is_pooled or run.curves["dev/cer"][-1][1] < 0.5
