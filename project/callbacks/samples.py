"""What a run says of a few examples, the same ones at each validation: for people to read, and to hear, how it learns.

Which ones is a function of their ids alone, so that runs on the same manifest show the same. It judges nothing.
"""

from __future__ import annotations

import hashlib
import heapq
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from lightning.pytorch import Trainer

from project import atomic
from project.callbacks.watcher import Watcher
from project.contract import InputError
from project.part import Metric

FILE = "samples.jsonl"  # in a run's folder: a line for each example of each validation


class Samples(Watcher):
    """Writes id, reference, hypothesis and the first metric's figure of so many dev examples; loggers show them.

    A logger that can has `log_examples(rows, step)`. It stands before the checkpoint, so that what a checkpoint
    follows is written.
    """

    def __init__(self, folder: str, count: int = 8) -> None:
        if count < 0:
            raise InputError(f"callbacks.samples.count: {count} is negative: give 0 for none")
        self.count = count
        self._file = Path(folder).parent / FILE
        self._media: dict[str, str | None] = {}  # of the examples shown

    def on_train_start(self, trainer: Trainer, pl_module: Any) -> None:
        """A resumed run writes again what came after its checkpoint."""
        if trainer.is_global_zero and self._file.exists():
            self._write(trainer.global_step + 1, [])

    def on_validation_end(self, trainer: Trainer, pl_module: Any) -> None:
        if trainer.sanity_checking or not trainer.is_global_zero or not self.count or not pl_module.scored:
            return
        chosen = sorted(heapq.nsmallest(self.count, pl_module.scored, key=lambda row: place(row.id)), key=_id)
        self._look_up(trainer, [row.id for row in chosen])
        metric: Metric = next(iter(pl_module.metrics.values()))
        rows = [
            {
                "step": trainer.global_step,
                "epoch": trainer.current_epoch,
                "id": row.id,
                "reference": row.reference,
                "hypothesis": row.hypothesis.text,
                metric.name: figure(metric, row.columns),
                "media": self._media[row.id],
            }
            for row in chosen
        ]
        self._write(trainer.global_step, rows)
        for logger in trainer.loggers:
            if hasattr(logger, "log_examples"):
                logger.log_examples(rows, trainer.global_step)

    def _look_up(self, trainer: Trainer, ids: Sequence[str]) -> None:
        """Where their media are, from the manifest that is validated."""
        if self._media.keys() >= set(ids):
            return
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        known = {example.id: example.media for example in data.validated if example.id in set(ids)} if data else {}
        self._media = {name: known.get(name) for name in ids}

    def _write(self, step: int, rows: Sequence[Mapping[str, Any]]) -> None:
        """These rows after those of earlier steps."""
        lines = [line for line in self._lines() if json.loads(line)["step"] < step]
        lines += [json.dumps(row, ensure_ascii=False) for row in rows]
        atomic.write(self._file, "".join(f"{line}\n" for line in lines))

    def _lines(self) -> list[str]:
        return self._file.read_text(encoding="utf-8").split("\n")[:-1] if self._file.exists() else []


def place(name: str) -> bytes:
    """An example's place in an order that has nothing to do with how ids are given.

    >>> sorted(["a", "b", "c", "d"], key=place)
    ['c', 'a', 'b', 'd']
    """
    return hashlib.blake2b(name.encode(), digest_size=8).digest()


def figure(metric: Metric, columns: Mapping[str, float]) -> float | None:
    """A metric's own figure of one example alone; None where one example has none."""
    with suppress(InputError):
        return metric.summarize({name: [value] for name, value in columns.items()})[metric.name]
    return None


def _id(row: Any) -> str:
    return str(row.id)
