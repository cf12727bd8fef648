"""Keeps what a CTC model says of each example while it is scored, so that others can work on it without the model."""

from __future__ import annotations

from typing import Any

import numpy as np
from lightning.pytorch import Callback, LightningModule, Trainer
from numpy.typing import NDArray

from project.contract import Batch, Emissions, InputError

LEAST = float(np.finfo(np.float16).min)  # a log-probability below it would become minus infinity


class EmissionKeeper(Callback):
    """Log-probabilities (T, V) by id, in half precision and without what lies beyond a length.

    It does not write them: who scores in several processes puts their shares together first.
    """

    def __init__(self) -> None:
        self.kept: dict[str, NDArray[np.float16]] = {}

    def on_validation_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Batch, *_: Any
    ) -> None:
        output = outputs["seen"].output
        if not isinstance(output, Emissions):
            raise InputError("emissions=cache: this run recognizes without CTC, it has no emissions: leave it out")
        halves_BTV = output.log_probs_BTV.detach().float().clamp(min=LEAST).half().cpu().numpy()
        for name, length, half_TV in zip(batch.ids, output.lengths_B.tolist(), halves_BTV, strict=True):
            self.kept[name] = half_TV[:length].copy()  # of its own: a view would keep the whole batch
