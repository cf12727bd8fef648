"""Stops a point of a search that is hopeless: after each validation it reports its figure, and asks.

It does not know the rule: that stands in the search's file. Such a run ends as others do, and its state is `pruned`.
"""

from __future__ import annotations

from typing import Any

from lightning.pytorch import LightningModule, Trainer

from project.callbacks.progress import tell
from project.callbacks.watcher import Watcher
from project.contract import InputError
from project.search.study import Candidate


class Pruning(Watcher):
    """Of several ranks the first one asks, and all of them stop. The last validation of a run stops nothing."""

    def __init__(self, study: str | None = None, trial: int | None = None) -> None:
        if (study is None) != (trial is None):
            raise InputError("callbacks.pruning: study and trial belong together: searches set both")
        self.study = study
        self.trial = trial
        self.validations = 0  # so far, in this run and before it was stopped
        self.pruned = False
        self._candidate: Candidate | None = None

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self.study is not None and self.trial is not None and trainer.is_global_zero:
            self._candidate = Candidate(self.study, self.trial)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """A run that was killed after it was found hopeless, and before that was written down, is so still."""
        if self.pruned:
            trainer.should_stop = True

    def on_validation_end(self, trainer: Trainer, pl_module: Any) -> None:
        if self.study is None or trainer.state.fn != "fit" or trainer.sanity_checking or trainer.global_step == 0:
            return
        self.validations += 1
        hopeless = self._asks(trainer, pl_module.figures)
        if trainer.world_size > 1:
            hopeless = trainer.strategy.reduce_boolean_decision(hopeless, all=False)
        if hopeless and not is_at_the_end(trainer):
            self.pruned = trainer.should_stop = True
            tell(trainer, f"stopped after validation {self.validations}: others of this search were better by then")

    def _asks(self, trainer: Trainer, figures: dict[str, float]) -> bool:
        """Whether the search's file says to stop; where it cannot be read, training is worth more than the search."""
        if self._candidate is None or self._candidate.monitor not in figures:
            return False  # another rank; or the checkpoint's callback says that there is no such figure
        try:
            return self._candidate.is_hopeless(self.validations, figures[self._candidate.monitor])
        except (OSError, ValueError) as error:
            tell(trainer, f"{self.study}: {error}: training goes on and nothing is reported to the search")
            return False

    def state_dict(self) -> dict[str, Any]:
        return {"validations": self.validations, "pruned": self.pruned}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """A run that is continued by itself, outside of the search, is not held to what the search found."""
        self.validations = state_dict["validations"]
        self.pruned = state_dict["pruned"] and self.study is not None


def was_pruned(trainer: Trainer) -> bool:
    """Whether a run that has ended was stopped because it was hopeless."""
    return any(isinstance(one, Pruning) and one.pruned for one in trainer.callbacks)  # type: ignore[attr-defined]


def is_at_the_end(trainer: Trainer) -> bool:
    """Whether nothing is left to do after this validation."""
    if 0 < trainer.max_steps <= trainer.global_step:
        return True
    epochs = trainer.max_epochs or -1
    return bool(trainer.is_last_batch) and 0 < epochs <= trainer.current_epoch + 1
