"""Validates, and keeps as best, the average of the weights that training passed through, instead of the last ones.

Weights that are averaged over many steps lie where the loss is flat: what they make of people and places that training
did not see is steadier. It does not change training, which goes on from the weights as they are.
"""

from __future__ import annotations

from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from torch import Tensor

from project.callbacks.checkpoint import at_boundary
from project.callbacks.watcher import Watcher
from project.contract import InputError

_EAGER = 10  # after so many steps half of the average is new; later `decay` decides


class Averaging(Watcher):
    """An exponential average of weights and running statistics, which takes their place while a validation lasts.

    It stands before the checkpoint among callbacks, and gives the weights back when training goes on: `best` holds the
    average, `last` both. `decay` is the part of the average that a step keeps, 0.99 averages about a hundred steps;
    None does nothing.
    """

    def __init__(self, decay: float | None = None) -> None:
        if decay is not None and not 0 < decay < 1:
            raise InputError(f"callbacks.averaging.decay is {decay}: give a number between 0 and 1, or null for none")
        self.decay = decay
        self._steps = 0
        self._step = 0  # of the trainer, when last averaged
        self._others: dict[str, Tensor] = {}  # the average; the weights themselves while it is in their place
        self._is_in_place = False

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._step = trainer.global_step
        if self.decay is not None and not self._others:
            self._others = {name: value.clone() for name, value in _state(pl_module).items()}
        elif self._others:  # from a checkpoint
            self._others = {name: self._others[name].to(value.device) for name, value in _state(pl_module).items()}

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        if self._is_in_place:
            self._exchange(pl_module)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if self.decay is None or trainer.global_step == self._step or not at_boundary(trainer):
            return
        self._step = trainer.global_step
        self._steps += 1
        new = 1 - min(self.decay, (1 + self._steps) / (_EAGER + self._steps))
        mine = _state(pl_module)
        smooth = [name for name, value in mine.items() if value.is_floating_point()]
        torch._foreach_lerp_([self._others[name] for name in smooth], [mine[name] for name in smooth], new)
        for name in mine.keys() - set(smooth):
            self._others[name].copy_(mine[name])

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self._others and not self._is_in_place:
            self._exchange(pl_module)

    def _exchange(self, pl_module: LightningModule) -> None:
        for name, value in _state(pl_module).items():
            kept = value.clone()
            value.copy_(self._others[name])
            self._others[name].copy_(kept)
        self._is_in_place = not self._is_in_place

    def state_dict(self) -> dict[str, Any]:
        return {"steps": self._steps, "others": self._others, "is_in_place": self._is_in_place}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._steps, self._is_in_place = state_dict["steps"], state_dict["is_in_place"]
        self._others = state_dict["others"]


def _state(pl_module: LightningModule) -> dict[str, Tensor]:
    """Weights and running statistics, by name, as they stand."""
    return {name: value.detach() for name, value in pl_module.state_dict().items()}
