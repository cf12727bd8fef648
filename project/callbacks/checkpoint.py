"""Checkpoints: `last` to continue from, `best` to evaluate, each written whole or not at all."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any, Literal

import torch
from lightning.pytorch import LightningModule, Trainer

from project.callbacks.checkpoint_io import WholeFiles
from project.callbacks.watcher import Watcher
from project.contract import InputError, WorkError

STEPS_BETWEEN_QUESTIONS = 50  # among ranks: each question is a message


class Checkpoint(Watcher):
    """Writes at step boundaries alone: after an optimizer step, and where a validation is due, after that.

    Never over a good checkpoint with weights that are not finite. By time rather than by steps, because writing costs
    the same whether a step takes milliseconds or minutes.
    """

    def __init__(
        self,
        folder: str,
        every_seconds: float = 60.0,
        every_steps: int | None = None,
        monitor: str = "dev/cer",
        mode: Literal["min", "max"] = "min",
        every_epochs: int | None = None,
    ) -> None:
        self.folder = Path(folder)
        self.every_seconds = every_seconds
        self.every_steps = every_steps
        self.monitor = monitor
        self.mode = mode
        self.every_epochs = every_epochs
        self.best_value: float | None = None
        self.best_step = 0
        self.saved_step = -1
        self._saved_at = time.monotonic()

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        trainer.strategy.checkpoint_io = WholeFiles()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._saved_at = time.monotonic()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if self._is_due(trainer) and at_boundary(trainer) and not validation_is_next(trainer):
            self.save_last(trainer)

    def _is_due(self, trainer: Trainer) -> bool:
        """After so many steps, or so many seconds; of several ranks' clocks the first decides, asked now and then."""
        if self.every_steps is not None and trainer.global_step % self.every_steps == 0:
            return True
        late = time.monotonic() - self._saved_at >= self.every_seconds
        if trainer.world_size == 1:
            return late
        if trainer.global_step % STEPS_BETWEEN_QUESTIONS:
            return False
        return trainer.strategy.reduce_boolean_decision(late and trainer.is_global_zero, all=False)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.sanity_checking or (trainer.state.fn == "fit" and trainer.global_step == 0):
            return  # nothing is learned yet: that is no best, and nothing to continue from
        if self._is_best(trainer):
            self._save(trainer, "best.ckpt", weights_only=True)
        epoch = trainer.current_epoch + bool(trainer.is_last_batch)
        if self.every_epochs and trainer.state.fn == "fit" and trainer.is_last_batch and epoch % self.every_epochs == 0:
            self._save(trainer, f"epoch-{epoch:04d}.ckpt", weights_only=True)
        self.save_last(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.global_step != self.saved_step:  # no validation ran at the end
            self.save_last(trainer)

    def save_last(self, trainer: Trainer) -> None:
        """Write `last` at this boundary."""
        self.saved_step, self._saved_at = trainer.global_step, time.monotonic()
        self._save(trainer, "last.ckpt", weights_only=False)

    def _is_best(self, trainer: Trainer) -> bool:
        figures = trainer.callback_metrics
        if self.monitor not in figures:
            known = ", ".join(sorted(figures))
            raise InputError(f"callbacks.checkpoint.monitor: no figure {self.monitor}: choose from {known}")
        value = float(figures[self.monitor])
        sign = 1 if self.mode == "min" else -1
        better = self.best_value is None or sign * value < sign * self.best_value
        if better and math.isfinite(value):
            self.best_value, self.best_step = value, trainer.global_step
        return better and math.isfinite(value)

    def _save(self, trainer: Trainer, name: str, *, weights_only: bool) -> None:
        for parameter_name, parameter in trainer.lightning_module.named_parameters():
            if not torch.isfinite(parameter).all():
                raise WorkError(
                    f"step {trainer.global_step}: {parameter_name} is not finite: the last good checkpoint is kept; "
                    f"lower optimizer.lr or trainer.gradient_clip_val and resume"
                )
        trainer.save_checkpoint(self.folder / name, weights_only=weights_only)

    def state_dict(self) -> dict[str, Any]:
        return {"best_value": self.best_value, "best_step": self.best_step}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.best_value, self.best_step = state_dict["best_value"], state_dict["best_step"]


def at_boundary(trainer: Trainer) -> bool:
    """Whether the batch that ended also ended an optimizer step: gradients in the making are not saved."""
    return not trainer.fit_loop._should_accumulate()


def validation_is_next(trainer: Trainer) -> bool:
    """Whether Lightning validates before the next batch; a checkpoint before that would skip it on resume."""
    fit_loop = trainer.fit_loop
    assert fit_loop._data_fetcher is not None
    return bool(fit_loop.epoch_loop._should_check_val_fx(fit_loop._data_fetcher))
