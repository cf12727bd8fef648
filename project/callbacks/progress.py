"""What a person sees of a run: bars in a terminal, a line now and then in a log, a closing table."""

from __future__ import annotations

import logging
import time
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars
from rich.table import Table

from project.callbacks.recorder import Recorder
from project.callbacks.watcher import Watcher

log = logging.getLogger("scansion")

COLUMNS = 6  # of figures in the closing table


class Progress(Watcher):
    """Loss, dev figures, examples a second and time left. Draws at most every `every_seconds`: drawing costs time.

    Where standard error is no terminal, one line for each validation instead.
    """

    def __init__(self, every_seconds: float = 0.5) -> None:
        self.every_seconds = every_seconds
        self.console = Console(stderr=True)
        self._bars: Bars | None = None
        self._epoch_bar = TaskID(0)
        self._run_bar = TaskID(0)
        self._drawn = 0.0
        self._started = time.perf_counter()
        self._first_step = 0
        self._history: list[tuple[int, int, dict[str, float]]] = []

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._started = time.perf_counter()
        self._first_step = trainer.global_step
        if not trainer.is_global_zero or not self.console.is_terminal:
            return
        self._bars = Bars(
            TextColumn("[bold]{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
            TextColumn("{task.fields[figures]}"), console=self.console, auto_refresh=False,
        )  # fmt: skip
        total = trainer.estimated_stepping_batches
        steps = int(total) if total != float("inf") else None
        self._run_bar = self._bars.add_task("run", total=steps, completed=trainer.global_step, figures="")
        self._epoch_bar = self._bars.add_task("epoch", total=trainer.num_training_batches, figures="")
        self._bars.start()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        now = time.perf_counter()
        if self._bars is None or now - self._drawn < self.every_seconds:
            return
        self._drawn = now
        self._draw(trainer, batch_idx + 1)

    def _draw(self, trainer: Trainer, batches: int) -> None:
        assert self._bars is not None
        latest: dict[str, float] = {}
        for callback in trainer.callbacks:  # type: ignore[attr-defined]
            if isinstance(callback, Recorder):
                latest = callback.latest
        words = [f"loss {latest['train/loss']:.4g}"] if "train/loss" in latest else []
        if "items_per_second" in latest:
            words.append(f"{latest['items_per_second']:.0f} examples/s")
        if self._history:
            words += [f"{name} {value:.4g}" for name, value in self._history[-1][2].items()][:2]
        epoch = min(trainer.current_epoch + 1, trainer.max_epochs or trainer.current_epoch + 1)
        self._bars.update(self._run_bar, completed=trainer.global_step, figures="  ".join(words))
        self._bars.update(self._epoch_bar, completed=batches, description=f"epoch {epoch}")
        self._bars.refresh()

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        figures: dict[str, float] = getattr(pl_module, "figures", {})
        if trainer.sanity_checking or not trainer.is_global_zero or not figures:
            return
        main = main_figures(figures, shown_names(pl_module))
        words = "  ".join(f"{name} {value:.4g}" for name, value in main.items())
        epoch = trainer.current_epoch + 1 if trainer.global_step or trainer.state.fn != "fit" else 0
        self._history.append((trainer.global_step, epoch, main))
        log.info("epoch %d  step %d  %s", epoch, trainer.global_step, words)
        if self._bars is None:
            seconds = time.perf_counter() - self._started
            self.console.print(f"epoch {epoch}  step {trainer.global_step}  {words}  {seconds:.0f} s")

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self._bars is not None:
            self._draw(trainer, int(trainer.num_training_batches))
        self._close()
        if trainer.is_global_zero and self._history:
            self.console.print(self.closing_table(trainer))

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        self._close()

    def _close(self) -> None:
        if self._bars is not None:
            self._bars.stop()
            self._bars = None

    def closing_table(self, trainer: Trainer) -> Table:
        """The last validations, and how long the run took."""
        seconds = time.perf_counter() - self._started
        steps = trainer.global_step - self._first_step
        title = f"{steps} steps in {seconds:.0f} s, {steps / max(seconds, 1e-9):.1f} a second"
        names = list(self._history[-1][2])[:COLUMNS]  # more do not fit
        headings = (name.removeprefix("dev/") for name in names)
        table = Table("step", "epoch", *headings, title=title, title_justify="left")
        for step, epoch, figures in self._history[-8:]:
            table.add_row(str(step), str(epoch), *(f"{figures[name]:.4g}" for name in names))
        return table


def shown_names(system: LightningModule) -> list[str]:
    """A system's metrics, and what its family shows beside them."""
    return [*(metric.name for metric in getattr(system, "metrics", {}).values()), *getattr(system, "shown", ())]


def main_figures(figures: dict[str, float], metrics: list[str]) -> dict[str, float]:
    """Loss and one figure a metric: what fits on a line.

    >>> main_figures({"dev/loss": 1.0, "dev/ctc": 1.0, "dev/cer": 0.5, "dev/cer_deletions": 2.0}, ["cer"])
    {'dev/loss': 1.0, 'dev/cer': 0.5}
    """
    names = ["dev/loss", *(f"dev/{name}" for name in metrics)]
    return {name: figures[name] for name in names if name in figures}


def tell(trainer: Trainer, line: str) -> None:
    """A line that a person should see, once, in the log and beside the bars without tearing them."""
    if not getattr(trainer, "is_global_zero", True):
        return
    log.warning(line)
    console_of(trainer).print(line, style="yellow", markup=False)


def console_of(trainer: Trainer) -> Console:
    """Where to write so that no bar is torn."""
    bars = [one for one in trainer.callbacks if isinstance(one, Progress)]  # type: ignore[attr-defined]
    return bars[0].console if bars else Console(stderr=True)
