"""When a loader's worker dies: the step under way is finished and `last` written, before the run stops.

Out of memory, the system kills a process, often a worker. torch tells at once, by an error in whatever is done at that
moment, so in the middle of a step as a rule, and then the weights are neither those before it nor those after it. It
does not know why a worker died.
"""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from torch._C import _error_if_any_worker_fails

from project.callbacks.checkpoint import Checkpoint, at_boundary, validation_is_next
from project.callbacks.watcher import Watcher


class WorkerDeath(Watcher):
    """Keeps back, until a step is over, that a process started by this one has ended; stands last among callbacks.

    Of several ranks only one would know: there it does nothing, and the last checkpoint remains.
    """

    def __init__(self) -> None:
        self._before: Any = None  # whoever was told of ended processes
        self._is_told = False
        self._in_step = False
        self._is_kept_back = False
        self._can_be_saved = False  # between two steps of an epoch, where no validation is due

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        if not self._is_told:
            self._listen()  # here, not earlier: torch listens from when it makes the first workers
        self._in_step, self._can_be_saved = True, False

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self._in_step = False
        alone = trainer.world_size == 1
        self._can_be_saved = alone and at_boundary(trainer) and not validation_is_next(trainer)
        if self._is_kept_back:
            self._is_kept_back = False
            self._tell(signal.SIGCHLD, None)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._can_be_saved = False

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._restore()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        self._restore()
        if not self._can_be_saved or "DataLoader worker (pid" not in str(exception):
            return
        for callback in trainer.callbacks:  # type: ignore[attr-defined]
            if isinstance(callback, Checkpoint) and callback.saved_step != trainer.global_step:
                callback.save_last(trainer)

    def _listen(self) -> None:
        self._is_told = True
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGCHLD, self._hear)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        if self._in_step:
            self._is_kept_back = True
        else:
            self._tell(number, frame)

    def _tell(self, number: int, frame: FrameType | None) -> None:
        """Raises if it was a worker that did not end by itself; what others want to know of it is theirs."""
        _error_if_any_worker_fails()
        if callable(self._before):
            self._before(number, frame)

    def _restore(self) -> None:
        if self._before is not None:
            signal.signal(signal.SIGCHLD, self._before)
        self._before, self._is_told, self._in_step, self._is_kept_back = None, False, False, False
