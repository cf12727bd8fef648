"""What our callbacks have in common: they answer a step's hooks only where they have something to do."""

from __future__ import annotations

from typing import Any

from lightning.pytorch.callbacks import Callback


class Watcher(Callback):
    """A callback without the hooks that Lightning calls at every step; a subclass defines those it wants.

    Lightning passes over a hook that cannot be called. Inherited empty ones are called, thirty at each step.
    """

    on_train_batch_start: Any = None
    on_train_batch_end: Any = None
    on_before_zero_grad: Any = None
    on_before_backward: Any = None
    on_after_backward: Any = None
    on_before_optimizer_step: Any = None
