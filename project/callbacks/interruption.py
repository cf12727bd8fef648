"""Safe interruption: a signal only sets a flag; the run stops at the next step boundary with its checkpoint written."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Any

from lightning.pytorch import LightningModule, Trainer

from project.callbacks.checkpoint import Checkpoint, at_boundary, validation_is_next
from project.callbacks.watcher import Watcher
from project.contract import Interrupted

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2)


class Interruption(Watcher):
    """Answers SIGTERM, Ctrl-C and a scheduler's USR signals; a second Ctrl-C stops at once, without a checkpoint."""

    def __init__(self) -> None:
        self._asked: int | None = None
        self._before: dict[int, Any] = {}

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Taken here, after Lightning took its own."""
        self._before = {number: signal.signal(number, self._ask) for number in SIGNALS}

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if self._is_asked(trainer) and at_boundary(trainer) and not validation_is_next(trainer):
            self._stop(trainer)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.state.fn == "fit" and not trainer.sanity_checking and self._is_asked(trainer):
            self._stop(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._restore()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        self._restore()

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self._asked is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        self._asked = number

    def _is_asked(self, trainer: Trainer) -> bool:
        asked = self._asked is not None
        return trainer.strategy.reduce_boolean_decision(asked, all=False) if trainer.world_size > 1 else asked

    def _stop(self, trainer: Trainer) -> None:
        for callback in trainer.callbacks:  # type: ignore[attr-defined]
            if isinstance(callback, Checkpoint) and callback.saved_step != trainer.global_step:
                callback.save_last(trainer)
        number = self._asked or signal.SIGTERM
        raise Interrupted(f"stopped by {signal.Signals(number).name} after step {trainer.global_step}", number)

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}
