"""Where a run begins: validates before the first step, and stops a run that has become worse than it was there.

For fine-tuning: an adapter that was just put in changes nothing, so this validation is that of the model without it.
"""

from __future__ import annotations

from typing import Any

from lightning.pytorch import LightningModule, Trainer

from project.callbacks.progress import tell
from project.callbacks.watcher import Watcher
from project.contract import InputError


class Outset(Watcher):
    """`stop_above`: how many times the figure at the outset an error may become; 1.1 stops at a tenth more errors.

    The figure is that of dev, never of what a Report is made on.
    """

    def __init__(self, validate: bool = False, stop_above: float | None = None, monitor: str = "dev/wer") -> None:
        if stop_above is not None and not validate:
            raise InputError("callbacks.outset.stop_above needs a figure to begin with: set outset.validate=true")
        if stop_above is not None and stop_above < 1:
            raise InputError(f"callbacks.outset.stop_above={stop_above}: a run begins at 1: give 1 or more")
        self.validate = validate
        self.stop_above = stop_above
        self.monitor = monitor
        self.begun: float | None = None  # the figure before the first step
        self.stopped_at: int | None = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not self.validate or trainer.global_step > 0:
            return
        loop = trainer.fit_loop.epoch_loop.val_loop
        trainer.validating = True
        loop.setup_data()
        loop.run()
        trainer.training = True

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not self.validate or trainer.state.fn != "fit":
            return
        figures: dict[str, float] = getattr(pl_module, "figures", {})
        if self.monitor not in figures:
            known = ", ".join(sorted(figures))
            raise InputError(f"callbacks.outset.monitor: no figure {self.monitor}: choose from {known}")
        measured = {f"dev/{one.name}": one.better for one in getattr(pl_module, "metrics", {}).values()}
        if self.stop_above is not None and measured.get(self.monitor, "lower") != "lower":
            raise InputError(f"callbacks.outset.stop_above: {self.monitor} is no error: set callbacks.outset.monitor")
        value = figures[self.monitor]
        if trainer.global_step == 0:
            self.begun = value
        elif self.begun is not None and self.stop_above is not None and value > self.stop_above * self.begun:
            self._stop(trainer, value)

    def _stop(self, trainer: Trainer, value: float) -> None:
        trainer.should_stop = True
        self.stopped_at = trainer.global_step
        tell(
            trainer,
            f"stopped after step {trainer.global_step}: {self.monitor} is {value:.4f}, more than {self.stop_above:g} "
            f"times the {self.begun:.4f} that it was before the first; lower optimizer.lr, or look at what is learned",
        )

    def state_dict(self) -> dict[str, Any]:
        return {"begun": self.begun, "stopped_at": self.stopped_at}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.begun, self.stopped_at = state_dict["begun"], state_dict["stopped_at"]
