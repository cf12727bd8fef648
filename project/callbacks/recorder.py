"""Writes a run's scalars: kept on the device, fetched together now and then, so that logging costs next to nothing."""

from __future__ import annotations

import time
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from torch import Tensor

from project.callbacks.watcher import Watcher
from project.contract import Batch


class Recorder(Watcher):
    """Means over the last `every_steps` batches of loss and terms, raw and weighted, shares, and speed.

    Its sums are part of a checkpoint: a resumed run writes the lines an undisturbed one would have written.
    """

    def __init__(self, every_steps: int = 50) -> None:
        self.every_steps = every_steps
        self.latest: dict[str, float] = {}  # of the last flush, for who displays them
        self._names: list[str] = []
        self._values: list[Tensor] = []  # scalars on the device, name by name, batch by batch
        self._sums: list[float] = []  # of batches before a resumed run's first
        self._batches = 0
        self._examples = 0
        self._since = time.perf_counter()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        for logger in trainer.loggers:
            if hasattr(logger, "rewind"):
                logger.rewind(trainer.global_step)
        self._since = time.perf_counter()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Batch, batch_idx: int
    ) -> None:
        if not outputs:  # a skipped step
            return
        terms, weighted = outputs["terms"], outputs["weighted"]
        if not self._names:
            self._names = ["loss", *terms, *(f"{name}/weighted" for name in weighted)]
        self._values += [value.detach() for value in (outputs["total"], *terms.values(), *weighted.values())]
        self._batches += 1
        self._examples += len(batch)
        if self._batches >= self.every_steps:
            self._flush(trainer, pl_module)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Before the checkpoint of this moment is written: what it holds has been flushed."""
        self._flush(trainer, pl_module)
        self._write(trainer, getattr(pl_module, "figures", {}))

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._flush(trainer, pl_module)

    def _flush(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not self._batches:
            return
        totals = self._over_ranks(trainer)
        means = {name: value / self._batches for name, value in zip(self._names, totals, strict=True)}
        weighted = {name: value for name, value in means.items() if name.endswith("/weighted")}
        size = sum(abs(value) for value in weighted.values()) or 1.0
        figures = {f"train/{name}": value for name, value in means.items()}
        if len(weighted) > 1:
            figures |= {f"train/{n.removesuffix('weighted')}share": abs(v) / size for n, v in weighted.items()}
        figures["train/lr"] = trainer.optimizers[0].param_groups[0]["lr"]
        skipped = getattr(pl_module, "skipped_steps", 0)
        if skipped:
            figures["train/skipped_steps"] = float(skipped)
        if halved := getattr(getattr(pl_module, "halving", None), "steps", 0):
            figures["train/halved_steps"] = float(halved)
        if trainer.accumulate_grad_batches > 1:  # steps are updates of the weights, of so many batches each
            figures["train/batches"] = float(trainer.fit_loop.epoch_loop.total_batch_idx + 1)
        self.latest = figures | {"items_per_second": self._examples / max(1e-9, time.perf_counter() - self._since)}
        self._write(trainer, figures)
        self._values, self._sums = [], []
        self._batches, self._examples, self._since = 0, 0, time.perf_counter()

    def _over_ranks(self, trainer: Trainer) -> list[float]:
        """The totals, of several processes their mean: each has the same number of batches."""
        if trainer.world_size == 1:
            return self._totals()
        mine = torch.tensor(self._totals(), dtype=torch.float64, device=trainer.strategy.root_device)
        return [float(value) for value in trainer.strategy.reduce(mine, reduce_op="mean")]

    def _totals(self) -> list[float]:
        """The sum of each scalar since the last flush; here alone the device is waited for."""
        earlier = self._sums or [0.0] * len(self._names)
        if not self._values:
            return earlier
        table = torch.stack(self._values).double().cpu().view(-1, len(self._names))
        return [before + value for before, value in zip(earlier, table.sum(dim=0).tolist(), strict=True)]

    def _write(self, trainer: Trainer, figures: dict[str, float]) -> None:
        for logger in trainer.loggers:
            logger.log_metrics({"epoch": trainer.current_epoch, **figures}, step=trainer.global_step)

    def state_dict(self) -> dict[str, Any]:
        return {"names": self._names, "sums": self._totals() if self._batches else [], "batches": self._batches}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._names, self._sums = list(state_dict["names"]), list(state_dict["sums"])
        self._batches = state_dict["batches"]
