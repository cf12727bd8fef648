"""Trials of a model whose memory is known: what fits is found, nothing is learned, and no process is ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from torch import Tensor, nn

from project.calibration.largest import largest
from project.calibration.trial import Trials
from project.contract import Batch
from project.system.out_of_memory import is_out_of_memory

pytestmark = pytest.mark.filterwarnings("ignore:.*isinstance.treespec, LeafSpec", "ignore:.*does not have many workers")

EACH = 100  # "bytes" of an example


class Weighed(LightningModule):
    """Counts what it holds, and runs out of memory above a number of examples."""

    def __init__(self, most: int = 1000) -> None:
        super().__init__()
        self.layer = nn.Linear(1, 1)
        self.most = most
        self.sizes: list[int] = []
        self.highest = 0

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        self.sizes.append(len(batch))
        self.highest = max(self.highest, EACH * len(batch))
        if len(batch) > self.most:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")
        return self.layer(batch.signals_BTF).mean()

    def configure_optimizers(self) -> Any:
        return torch.optim.AdamW(self.parameters(), lr=0.0)


@dataclass
class Scales:
    """Memory as the model counts it."""

    system: Weighed
    limit: int
    is_final: bool
    base: int = 0

    def begin(self) -> None:
        self.system.highest = 0

    def peak(self) -> int:
        return self.system.highest


def batch(size: int) -> Batch:
    ones_BTF = torch.ones(size, 2, 1)
    return Batch(("a",) * size, ones_BTF, torch.full((size,), 2), {}, ("",) * size)


def trials(system: Weighed, limit: int, *, is_final: bool, seconds: float = 60.0, accumulate: int = 1) -> Trials:
    def trainer(callbacks: list[Any], steps: int) -> Trainer:
        return Trainer(
            accelerator="cpu", callbacks=callbacks, logger=False, enable_checkpointing=False, max_epochs=1,
            enable_progress_bar=False, enable_model_summary=False, accumulate_grad_batches=accumulate,
        )  # fmt: skip

    return Trials(system, trainer, Scales(system, limit, is_final), seconds, is_out_of_memory)


def test_an_error_of_the_device_ends_the_growth() -> None:
    system = Weighed(most=21)
    asked = trials(system, limit=10**9, is_final=False)
    before = [value.clone() for value in system.parameters()]
    assert largest(lambda size: asked.fits(size, lambda: batch(size)), 4, 100) == 21
    assert max(system.sizes) == 32
    assert all(torch.equal(a, b) for a, b in zip(before, system.parameters(), strict=True))
    assert all(value.grad is None for value in system.parameters())
    assert asked.fastest(21).size <= 21


def test_what_may_end_the_process_is_expected_and_not_tried() -> None:
    system = Weighed()
    asked = trials(system, limit=21 * EACH, is_final=True, accumulate=2)
    assert largest(lambda size: asked.fits(size, lambda: batch(size)), 1, 100) == 21
    assert max(system.sizes) == 21
    assert system.sizes[:4] == [1] * 4  # two steps of two batches


def test_a_slow_batch_is_not_wanted_and_other_errors_are_not_hidden() -> None:
    asked = trials(Weighed(), limit=10**9, is_final=False, seconds=0.0)
    assert not asked.fits(1, lambda: batch(1))

    def broken() -> Batch:
        raise RuntimeError("shapes do not match")

    with pytest.raises(RuntimeError, match="shapes"):
        asked.fits(2, broken)
