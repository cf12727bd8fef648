"""Randomness of a training step as a function of (seed, epoch, step, place): a resumed run draws the same dropout.

The place is that of a batch among those of its step, whichever process has it and whether at once or one after the
other: the same batches give the same step on any number of processes. So a run may go on with another number of them.
"""

from __future__ import annotations

import hashlib
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer

from project.callbacks.watcher import Watcher
from project.contract import InputError


class Seeding(Watcher):
    """Seeds torch's generators before each batch, so that no random state has to be saved."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._footing: dict[str, int] = {}

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._footing = footing(trainer)

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        accumulate = self._footing["batches"]
        step, turn = divmod(batch_idx, accumulate)
        value = step_seed(self.seed, trainer.current_epoch, step, trainer.global_rank * accumulate + turn)
        torch.default_generator.manual_seed(value)
        if pl_module.device.type == "cuda":
            torch.cuda.manual_seed(value)

    def state_dict(self) -> dict[str, Any]:
        return dict(self._footing)

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Count what a checkpoint counts in batches of a process as batches of one of these processes."""
        then, now = checkpoint["callbacks"].get(self.state_key), footing(trainer)
        if not then or then == now:
            return
        before, after = (one["processes"] * one["batches"] for one in (then, now))
        if before != after:
            raise InputError(
                f"the checkpoint was made with {before} batches in each step, and this would be {after}: resume with "
                f"trainer.devices={then['processes']}, or start a new run with batches_per_step=..., which may go on "
                "with any number of devices"
            )
        recount(checkpoint["loops"]["fit_loop"], then["batches"], now["batches"])


def footing(trainer: Trainer) -> dict[str, int]:
    """How many processes there are, and batches for each in a step; those accumulated for other reasons are steps."""
    batches = int(getattr(trainer.datamodule, "accumulate", 1))  # type: ignore[attr-defined]
    return {"processes": trainer.world_size, "batches": batches}


def recount(loop: dict[str, Any], then: int, now: int) -> None:
    """Change what Lightning's fit loop counts in batches, at the boundary of a step, from so many to so many a step.

    Within the last batch of a step some counts lag behind that of batches begun, by one: they still do.
    """
    progress = loop["epoch_loop.batch_progress"]
    for counts in (progress["total"], progress["current"]):
        begun = counts["ready"]
        for name, count in counts.items():
            counts[name] = begun // then * now - (begun - count)
    for counts in loop["state_dict"]["combined_loader"]:
        counts["batches"] = counts["batches"] // then * now


def step_seed(seed: int, epoch: int, step: int, place: int) -> int:
    """63 bits that differ in each argument.

    >>> step_seed(1, 0, 0, 0) == step_seed(1, 0, 0, 0), step_seed(1, 0, 1, 0) == step_seed(1, 1, 0, 0)
    (True, False)
    """
    digest = hashlib.blake2b(f"{seed}/{epoch}/{step}/{place}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1
