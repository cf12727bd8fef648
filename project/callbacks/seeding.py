"""Randomness of a training step as a function of (seed, epoch, batch, rank): a resumed run draws the same dropout."""

from __future__ import annotations

import hashlib
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer

from project.callbacks.watcher import Watcher


class Seeding(Watcher):
    """Seeds torch's generators before each step, so that no random state has to be saved."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        value = step_seed(self.seed, trainer.current_epoch, batch_idx, trainer.global_rank)
        torch.default_generator.manual_seed(value)
        if pl_module.device.type == "cuda":
            torch.cuda.manual_seed(value)


def step_seed(seed: int, epoch: int, batch: int, rank: int) -> int:
    """63 bits that differ in each argument.

    >>> step_seed(1, 0, 0, 0) == step_seed(1, 0, 0, 0), step_seed(1, 0, 1, 0) == step_seed(1, 1, 0, 0)
    (True, False)
    """
    digest = hashlib.blake2b(f"{seed}/{epoch}/{batch}/{rank}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1
