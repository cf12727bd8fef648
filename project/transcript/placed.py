"""A system on a device, in a precision, that only recognizes. It knows no files."""

from __future__ import annotations

from typing import Any

import torch
from lightning.fabric import Fabric

from project.contract import Batch, Emissions, Hypothesis, InputError


class Placed:
    """What a system says of batches, wherever they are."""

    def __init__(self, system: Any, device: str, precision: Any) -> None:
        try:
            self._fabric = Fabric(accelerator=device, devices=1, precision=precision)
        except (ValueError, RuntimeError) as error:  # no such device, or none here
            raise InputError(f"device={device}: {str(error).rstrip('.!')}: set device=cpu") from error
        self._system = system.to(self._fabric.device)
        self.decoder: Any = system.decoder

    def emissions(self, batch: Batch) -> Emissions:
        """What the model says."""
        with torch.inference_mode(), self._fabric.autocast():
            return self._system(batch.to(self._fabric.device))  # type: ignore[no-any-return]

    def predict(self, batch: Batch) -> tuple[Any, list[Hypothesis]]:
        """What the model says, and what is recognized in that."""
        with torch.inference_mode(), self._fabric.autocast():
            return self._system.predict(batch.to(self._fabric.device))  # type: ignore[no-any-return]
