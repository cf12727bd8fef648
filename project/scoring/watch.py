"""How far scoring is, and where its time goes: a bar on a terminal, a line a minute elsewhere.

It does not know what is scored. Seconds throughout.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from project.contract import Batch, Hypothesis, Output
from project.part import Decoder

LINE_EVERY = 60.0


class Watch(Callback):
    """Shows how far scoring is, and notes what its time went into: `spent`, by name.

    What was done before, in an evaluation that goes on, counts as done.
    """

    def __init__(self, total: int, *, hidden: bool = False) -> None:
        self.spent = {"feature": 0.0, "model": 0.0, "decode": 0.0, "diagnosis": 0.0}
        self.done = 0  # examples
        self._total = total
        self._since = self._told = time.perf_counter()
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        console = Console(stderr=True)
        self._bar = Progress(*columns, console=console, transient=True, disable=hidden or not console.is_terminal)
        self._speaks = not hidden and not console.is_terminal

    def resume(self, done: int, spent: Mapping[str, float]) -> None:
        """So many examples were scored before, which took so long."""
        self.done += done
        self.spent.update({name: self.spent[name] + seconds for name, seconds in spent.items()})

    @contextmanager
    def decoding(self, system: Any) -> Iterator[None]:
        """While this holds, the time that a system's decoder takes is noted, and the bar is shown."""
        decoder = system.decoder
        system.decoder = _Timed(decoder, self.spent)
        try:
            with self._bar:
                self._task = self._bar.add_task("scoring", total=self._total, completed=self.done)
                yield
        finally:
            system.decoder = decoder

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._since = time.perf_counter()

    def on_validation_batch_start(self, *_: Any) -> None:
        self._note("feature")
        self._decoded = self.spent["decode"]

    def on_validation_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Batch, *_: Any
    ) -> None:
        self._note("model")
        self.spent["model"] -= self.spent["decode"] - self._decoded
        self.done += len(batch)
        self._bar.update(self._task, completed=self.done)
        if self._speaks and self._since - self._told >= LINE_EVERY:
            self._told = self._since
            print(f"scored {self.done:,} of {self._total:,} examples", file=sys.stderr, flush=True)

    def note_diagnosis(self) -> None:
        """What passed since a batch was scored was spent on measuring it."""
        self._note("diagnosis")

    def _note(self, what: str) -> None:
        now = time.perf_counter()
        self.spent[what] += now - self._since
        self._since = now


class Lap(Callback):
    """Stands behind the diagnosis, and tells the watch that it is done."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch

    def on_validation_batch_end(self, *_: Any) -> None:
        self._watch.note_diagnosis()


class _Timed:
    """A decoder whose time is noted; what a GPU still has to do before it is not its own."""

    def __init__(self, decoder: Decoder, spent: dict[str, float]) -> None:
        self.settings = decoder.settings
        self._decoder, self._spent = decoder, spent

    def __call__(self, output: Output) -> list[Hypothesis]:
        if output.lengths_B.is_cuda:
            torch.cuda.synchronize()
        started = time.perf_counter()
        found = self._decoder(output)
        self._spent["decode"] += time.perf_counter() - started
        return found
