"""Says when a student has outgrown its teacher: from then on it is held back rather than helped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lightning.pytorch import LightningModule, Trainer

from project.callbacks.progress import tell
from project.callbacks.watcher import Watcher
from project.metric.direction import shortfall

TEACHER = "teacher.json"  # in a run's folder, where it has one: {"metric", "better", "teacher": its figure on dev, ...}


class Outgrown(Watcher):
    """Compares each validation with what the teacher had on the same manifest before training; tells once.

    It does not know what another validation, or another manifest, would say: a student may fall behind again.
    """

    def __init__(self, folder: str) -> None:
        self._file = Path(folder).parent / TEACHER
        self._is_told = False

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self._is_told or not trainer.is_global_zero or not self._file.is_file():
            return
        standing = json.loads(self._file.read_text(encoding="utf-8"))
        name, theirs = standing["metric"], standing["teacher"]
        mine = getattr(pl_module, "figures", {}).get(f"dev/{name}")
        if mine is not None and shortfall(mine, standing["better"]) < shortfall(theirs, standing["better"]):
            self._is_told = True
            tell(
                trainer,
                f"the student has outgrown its teacher on dev: {name} {mine:.4f}, and {theirs:.4f} of the teacher; "
                "lower weighting.distill, or find a better teacher",
            )

    def state_dict(self) -> dict[str, Any]:
        return {"is_told": self._is_told}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._is_told = state_dict["is_told"]
