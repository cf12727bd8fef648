"""Two processes instead of one: what DDP gives on this machine, ours and by hand.

Each process has its own batches, so that two of them do twice the work in a step; they wait for each other at its end.
"""

from __future__ import annotations

import json
import os
import statistics
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from torch import distributed

from project.benchmark.loop import WARM_UP, Repeated, new_system, now, random_batch
from project.benchmark.table import Table
from project.build.assemble import build_trainer, settle
from project.build.compose import compose
from project.build.ranks import started_on
from project.contract import Batch, Config
from project.scoring.processes import in_processes
from project.system.base import System

CPU = torch.device("cpu")


class Scaling:
    """The same steps in one process and in several, by turns: examples a second of all processes together."""

    def __init__(
        self,
        experiment: str = "morse/quick",
        processes: int = 2,
        examples: int = 8,
        frames: int = 800,
        steps: int = 30,
        rounds: int = 3,
    ) -> None:
        self.experiment = experiment
        self.processes = processes
        self.examples = examples
        self.frames = frames
        self.steps = steps
        self.rounds = rounds

    def run(self) -> Table:
        """One row a number of processes."""
        config = compose("train", [f"experiment={self.experiment}"])
        settle(config)
        ways = [(way, count) for count in (1, self.processes) for way in ("ours", "hand")]
        seconds: dict[tuple[str, int], list[float]] = {way: [] for way in ways}
        for _ in range(self.rounds):
            for way, count in ways:
                seconds[way, count].append(self._ours(config, count) if way == "ours" else self._hand(config, count))
        middle = {way: statistics.median(taken) for way, taken in seconds.items()}
        return Table(
            "DDP: examples a second of all processes",
            ("processes", "scansion", "by hand", "scaling", "by hand, scaling", "speed ratio"),
            tuple(self._row(count, middle) for count in (1, self.processes)),
            (
                f"{self.experiment}, {self.examples} examples of {self.frames} frames a process and step, "
                f"{self.steps} steps; medians of {self.rounds} rounds by turns; {os.cpu_count()} cores, a thread each",
                "by hand: torch's DistributedDataParallel around the same model, the shortest loop",
            ),
        )

    def _row(self, count: int, seconds: Mapping[tuple[str, int], float]) -> tuple[Any, ...]:
        speeds = [count * self.examples * self.steps / seconds[way, count] for way in ("ours", "hand")]
        gains = [count * seconds[way, 1] / seconds[way, count] for way in ("ours", "hand")]
        ratio = seconds["hand", count] / seconds["ours", count]
        return (count, *(round(one, 1) for one in speeds), *(round(one, 2) for one in gains), round(ratio, 3))

    def _batches(self, rank: int) -> list[Batch]:
        return [random_batch(self.examples, self.frames, 100 * rank + seed) for seed in range(4)]

    def _ours(self, config: Config, count: int) -> float:
        """Seconds of our Trainer's steps, as the first process sees them."""
        several = {"devices": count, "strategy": "ddp_fork" if count > 1 else "auto"}
        limits = {"max_epochs": 1, "max_steps": -1, "limit_val_batches": 0, **several}
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*no `val_dataloader`.*")
            (Path(folder) / "checkpoints").mkdir()
            trainer = build_trainer(config | {"trainer": config["trainer"] | limits}, Path(folder), "bench")
            told = Path(folder) / "seconds.json"
            trainer.callbacks.append(Stopwatch(told, WARM_UP))  # type: ignore[attr-defined]
            system = new_system(config, WARM_UP + self.steps)
            with started_on(Path(folder)):  # leaves nothing of its processes behind
                trainer.fit(system, train_dataloaders=Repeated(self._batches(0), WARM_UP + self.steps))
            return float(json.loads(told.read_text()))

    def _hand(self, config: Config, count: int) -> float:
        """Seconds of the hand-written loop."""
        with tempfile.TemporaryDirectory() as folder:
            return in_processes(
                count, lambda rank: by_hand(config, self._batches(rank), self.steps, rank, count, folder)
            )[0]


class Stopwatch(Callback):
    """Writes down how long the steps after the first few took, in the first process."""

    def __init__(self, file: Path, skipped: int) -> None:
        self.file = file
        self.skipped = skipped
        self._since = 0.0

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if batch_idx + 1 == self.skipped:
            self._since = now(CPU)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.is_global_zero:
            self.file.write_text(json.dumps(now(CPU) - self._since))


def by_hand(config: Config, batches: Sequence[Batch], steps: int, rank: int, count: int, folder: str) -> float:
    """One process of the hand-written loop: seconds of its steps after the first few."""
    torch.set_num_threads(1)
    system: System = new_system(config, WARM_UP + steps).train()
    assert system.optimizer is not None
    model: Any = system.model
    if count > 1:
        distributed.init_process_group("gloo", init_method=f"file://{folder}/group", rank=rank, world_size=count)
        model = torch.nn.parallel.DistributedDataParallel(system.model)
    optimizer = system.optimizer(system.parameter_groups())
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, system.schedule or (lambda step: 1.0))
    since = 0.0
    for step in range(WARM_UP + steps):
        if step == WARM_UP:
            since = now(CPU)
        batch = batches[step % len(batches)]
        loss, _ = system.weighting(system.loss(model(batch), batch))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(system.parameters(), 1.0)
        optimizer.step()
        scheduler.step()
    taken = now(CPU) - since
    if count > 1:
        distributed.destroy_process_group()
    return taken
