"""Writes a run's scalars: summed on the device, flushed now and then, so that logging costs next to nothing."""

from __future__ import annotations

import time
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from torch import Tensor

from project.contract import Batch


class Recorder(Callback):
    """Means over the last `every_steps` batches of loss and terms, raw and weighted, shares, and speed.

    Its sums are part of a checkpoint: a resumed run writes the lines an undisturbed one would have written.
    """

    def __init__(self, every_steps: int = 50) -> None:
        self.every_steps = every_steps
        self.latest: dict[str, float] = {}  # of the last flush, for who displays them
        self._names: list[str] = []
        self._sums: Tensor | None = None
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
        values = torch.stack([value.detach() for value in (*terms.values(), *weighted.values())])
        if self._sums is None:
            self._names = [*terms, *(f"{name}/weighted" for name in weighted)]
            self._sums = torch.zeros_like(values)
        self._sums += values
        self._batches += 1
        self._examples += len(batch)
        if self._batches >= self.every_steps:
            self._flush(trainer, pl_module)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Before the checkpoint of this moment is written: what it holds has been flushed."""
        if trainer.state.fn == "fit":
            self._flush(trainer, pl_module)
            self._write(trainer, getattr(pl_module, "figures", {}))

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._flush(trainer, pl_module)

    def _flush(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self._sums is None or not self._batches:
            return
        means = dict(zip(self._names, (self._sums / self._batches).tolist(), strict=True))
        weighted = {name: value for name, value in means.items() if name.endswith("/weighted")}
        total = sum(weighted.values())
        size = sum(abs(value) for value in weighted.values()) or 1.0
        figures = {"train/loss": total} | {f"train/{name}": value for name, value in means.items()}
        if len(weighted) > 1:
            figures |= {f"train/{n.removesuffix('weighted')}share": abs(v) / size for n, v in weighted.items()}
        figures["train/lr"] = trainer.optimizers[0].param_groups[0]["lr"]
        skipped = getattr(pl_module, "skipped_steps", 0)
        if skipped:
            figures["train/skipped_steps"] = float(skipped)
        self.latest = figures | {"items_per_second": self._examples / max(1e-9, time.perf_counter() - self._since)}
        self._write(trainer, figures)
        self._sums.zero_()
        self._batches, self._examples, self._since = 0, 0, time.perf_counter()

    def _write(self, trainer: Trainer, figures: dict[str, float]) -> None:
        for logger in trainer.loggers:
            logger.log_metrics({"epoch": trainer.current_epoch, **figures}, step=trainer.global_step)

    def state_dict(self) -> dict[str, Any]:
        sums = [] if self._sums is None else self._sums.tolist()
        return {"names": self._names, "sums": sums, "batches": self._batches}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._names, self._batches = list(state_dict["names"]), state_dict["batches"]
        self._sums = torch.tensor(state_dict["sums"]) if state_dict["sums"] else None
