"""Says when a run is behind: which figures it should have by which epoch stands in its experiment file.

It does not know whether those expectations are sound, and stops nothing.
"""

from __future__ import annotations

import difflib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightning.pytorch import Trainer

from project.callbacks.progress import tell
from project.callbacks.watcher import Watcher
from project.contract import InputError
from project.metric.direction import shortfall
from project.metrics_file import METRICS, MetricsFile, Point

log = logging.getLogger("scansion")


@dataclass(frozen=True, slots=True)
class Milestone:
    """What a figure should be when so many epochs are done."""

    epoch: int
    figure: str
    expected: float

    @property
    def name(self) -> str:
        return f"{self.figure} after epoch {self.epoch}"

    def is_behind(self, actual: float, better: str, tolerance: float) -> bool:
        """Whether it misses what was expected by more than that part of it; a figure that is no number does.

        >>> [Milestone(5, "dev/wer", 0.5).is_behind(actual, "lower", 0.1) for actual in (0.4, 0.54, 0.56)]
        [False, False, True]
        """
        gap = shortfall(actual, better) - shortfall(self.expected, better)
        return not gap <= tolerance * abs(self.expected)


class Milestones(Watcher):
    """Compares figures with what was expected, at the first validation when a milestone's epoch is done; each once.

    `dev/...` are those of that validation. `train/...` are means over the epoch so far, as metrics.csv has them.
    What is missed is told, what is met stands in train.log.
    """

    def __init__(
        self, folder: str, expected: Mapping[int, Mapping[str, float]] | None = None, tolerance: float = 0.1
    ) -> None:
        if tolerance < 0:
            raise InputError(f"callbacks.milestones.tolerance: {tolerance:g}: give 0 or more")
        self.tolerance = tolerance
        self.milestones = _listed(expected or {})
        self._metrics = MetricsFile(Path(folder).parent / METRICS)
        self._epoch_began = 0  # after this step
        self._met: dict[str, bool] = {}  # of the milestones that have come

    def on_train_start(self, trainer: Trainer, pl_module: Any) -> None:
        """On every rank, so that all of them stop."""
        known = directions(pl_module) if self.milestones else {}
        for one in self.milestones:
            if one.figure not in known:
                raise InputError(_unknown(one, list(known)))

    def on_train_epoch_start(self, trainer: Trainer, pl_module: Any) -> None:
        self._epoch_began = trainer.global_step

    def on_validation_end(self, trainer: Trainer, pl_module: Any) -> None:
        """After the figures are written, before the checkpoint of this moment."""
        if not self.milestones or trainer.state.fn != "fit" or trainer.sanity_checking:
            return
        figures: Mapping[str, float] = pl_module.figures
        for one in self.milestones:
            if one.figure.startswith("dev/") and one.figure not in figures:
                raise InputError(_unknown(one, list(figures)))
        epochs = trainer.current_epoch + bool(trainer.is_last_batch)
        due = [one for one in self.milestones if one.epoch <= epochs and one.name not in self._met]
        if not due or not trainer.is_global_zero:
            return
        curves, better = self._metrics.read(), directions(pl_module)
        for one in due:
            mean = mean_after(self._epoch_began, curves.get(one.figure, ()))
            actual = figures.get(one.figure, mean)
            is_behind = one.is_behind(actual, better[one.figure], self.tolerance)
            self._met[one.name] = not is_behind
            self._tell(trainer, one, actual, epochs, is_behind)

    def _tell(self, trainer: Trainer, one: Milestone, actual: float, epochs: int, is_behind: bool) -> None:
        seen = f"{one.figure} is {actual:.4g} after epoch {epochs}"
        wanted = f"{one.expected:.4g} was expected" + (f" after epoch {one.epoch}" if epochs > one.epoch else "")
        if not is_behind:
            log.info("milestone: %s, %s", seen, wanted)
            return
        tell(trainer, f"behind its milestone: {seen}, {wanted}")

    def on_train_end(self, trainer: Trainer, pl_module: Any) -> None:
        if self.milestones and trainer.is_global_zero:
            log.info(self.summary())

    def summary(self) -> str:
        """How many were met, and which were not."""
        missed = [one.name for one in self.milestones if self._met.get(one.name) is False]
        ahead = [one.name for one in self.milestones if one.name not in self._met]
        parts = [f"milestones: {sum(self._met.values())} of {len(self.milestones)} met"]
        parts += [f"behind: {', '.join(missed)}"] if missed else []
        parts += [f"not reached: {', '.join(ahead)}"] if ahead else []
        return "; ".join(parts)

    def state_dict(self) -> dict[str, Any]:
        return {"epoch_began": self._epoch_began, "met": self._met}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        names = {one.name for one in self.milestones}  # a resumed run may have others
        self._epoch_began = state_dict["epoch_began"]
        self._met = {name: met for name, met in state_dict["met"].items() if name in names}


def directions(system: Any) -> dict[str, str]:
    """Figures that have a better side, and which: losses the lower one, those of a metric as it says."""
    terms = ("loss", *system.weighting.weights())
    losses = {f"{part}/{term}": "lower" for part in ("train", "dev") for term in terms}
    return losses | {
        f"dev/{name}": metric.better for metric in system.metrics.values() for name in (metric.name, *metric.ratios)
    }


def mean_after(step: int, curve: Sequence[Point]) -> float:
    """The mean of what was recorded after a step, each record weighing as many steps as it stands for; NaN of none.

    >>> mean_after(100, [(50, 9.0), (100, 8.0), (150, 4.0), (160, 1.0)])
    3.5
    """
    total, steps, before = 0.0, 0, step
    for at, value in curve:
        if at > before:
            total, steps, before = total + value * (at - before), steps + at - before, at
    return total / steps if steps else float("nan")


def _listed(expected: Mapping[Any, Mapping[str, float]]) -> list[Milestone]:
    """All of them, by epoch; on the command line epochs may come as text."""
    for epoch in expected:
        if not str(epoch).isdecimal() or int(epoch) < 1:
            raise InputError(
                f"callbacks.milestones.expected: {epoch!r} is no epoch: write it as {{5: {{dev/wer: 0.9}}}}"
            )
    found = {
        (int(epoch), figure): Milestone(int(epoch), figure, float(value))
        for epoch, figures in expected.items()
        for figure, value in figures.items()
    }
    return [found[key] for key in sorted(found)]


def _unknown(one: Milestone, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(one.figure, known, n=2)
    hint = f"did you mean {' or '.join(near)}?" if near else f"choose from {', '.join(known)}"
    return f"callbacks.milestones.expected.{one.epoch}.{one.figure}: this run has no such loss or metric: {hint}"
