"""Counts training examples that could not be read and were stood in for; stops the run when there are too many.

What stands in for them is `project.data.dataset`'s to say. Each is named once, in train.log and on standard error.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from lightning.pytorch import LightningModule, Trainer

from project import atomic
from project.callbacks.progress import tell
from project.callbacks.watcher import Watcher
from project.contract import Batch, InputError
from project.data.dataset import too_many_bad
from project.data.reading import Reading

Flaw = Mapping[str, str]  # place, id, reason, stand_in

FOLDER = "bad_examples"  # in a run's folder: a file for each, named by its place


class Flaws(Watcher):
    """Knows every bad example of the run, by the line it stands in; more than `data.max_bad` are an error.

    Ranks tell each other through files in the run's folder, written when one is found: no step waits for that. So the
    cap is one for all of them, and an example that two of them meet counts once; what another rank found is named when
    the first one looks, at each checkpoint and validation. What a checkpoint knows counts after resuming; what was
    found after it is found again.
    """

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder).parent / FOLDER
        self.flaws: dict[str, Flaw] = {}

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """The files are made to say what this start knows, before any rank adds to them."""
        if trainer.is_global_zero:
            for file in self._folder.glob("*.json"):
                file.unlink()
            for flaw in self.flaws.values():
                self._write(flaw)
        if trainer.world_size > 1:
            trainer.strategy.barrier("bad examples")
        self._count(trainer)

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Batch, batch_idx: int) -> None:
        if batch.flaws:
            self._add(trainer, batch.flaws)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.state.fn == "fit":
            self._look(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._look(trainer)

    def _add(self, trainer: Trainer, flaws: tuple[Flaw, ...]) -> None:
        """Name what is new, and stop where it is one too many."""
        for flaw in flaws:
            if flaw["place"] not in self.flaws:
                self._write(flaw)
        self._look(trainer)
        for logger in trainer.loggers:
            figures = {"epoch": trainer.current_epoch, "train/bad_examples": float(len(self.flaws))}
            logger.log_metrics(figures, step=trainer.global_step + 1)  # the one that this batch is part of
        most = getattr(getattr(trainer, "datamodule", None), "reading", Reading()).max_bad
        if len(self.flaws) > most:
            raise InputError(too_many_bad(list(self.flaws.values()), most))

    def _look(self, trainer: Trainer) -> None:
        """Take over what ranks have found since, and name it."""
        known = set(self.flaws)
        self._read()
        for place in self.flaws.keys() - known:
            flaw = self.flaws[place]
            tell(trainer, f"{place}: {flaw['id']}: {flaw['reason']}: {flaw['stand_in']} stands in for it")
        self._count(trainer)

    def _count(self, trainer: Trainer) -> None:
        if self.flaws:
            cast(Any, trainer).datamodule.num_bad = len(self.flaws)

    def _write(self, flaw: Flaw) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        name = hashlib.sha256(flaw["place"].encode()).hexdigest()[:16]
        atomic.write(self._folder / f"{name}.json", json.dumps(dict(flaw)) + "\n")

    def _read(self) -> None:
        """What all ranks have found."""
        for file in sorted(self._folder.glob("*.json")):
            flaw = json.loads(file.read_text(encoding="utf-8"))
            self.flaws.setdefault(flaw["place"], flaw)

    def state_dict(self) -> dict[str, Any]:
        self._read()
        return {"flaws": [dict(flaw) for flaw in self.flaws.values()]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.flaws = {flaw["place"]: flaw for flaw in state_dict["flaws"]}
