"""What the framework costs: steps a second of `scansion train` against a hand-written PyTorch loop, in one run."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback

from project.benchmark.table import Table
from project.build.assemble import build_trainer, settle
from project.build.bind import make
from project.build.compose import Config, compose
from project.contract import Batch
from project.system.base import System

WARM_UP = 20  # steps before the clock starts: allocators and caches settle
FEATURES, SYMBOLS = 2, 38
FEWEST_FRAMES = 40  # of a batch


class Loop:
    """The same model, loss, optimizer and batches under both loops, by turns.

    Ours runs as every run does: terms recorded, seeds set, losses checked, checkpoints written, signals watched.
    Batches are made beforehand, so that the loop alone is compared. On a busy machine both slow down; ratios stay.
    """

    def __init__(
        self,
        experiment: str = "morse/quick",
        step_ms: Sequence[float] = (6.0, 30.0),
        steps: int = 250,
        rounds: int = 5,
    ) -> None:
        self.experiment = experiment
        self.step_ms = step_ms
        self.steps = steps
        self.rounds = rounds

    def run(self) -> Table:
        """One row a step size: milliseconds of the hand-written step, and our share of its speed."""
        config = compose("train", [f"experiment={self.experiment}"])
        settle(config)
        rows = [self._compare(config, goal) for goal in self.step_ms]
        columns = ("step asked for", "by hand", "scansion", "speed ratio min", "median", "max")
        notes = (f"{self.rounds} rounds of {self.steps} steps by turns; 1.0 is as fast as the hand-written loop",)
        return Table("Loop: scansion train against a hand-written loop", columns, tuple(rows), notes)

    def _compare(self, config: Config, goal_ms: float) -> tuple[Any, ...]:
        examples, frames = size_for(config, goal_ms)
        batches = [random_batch(examples, frames, seed) for seed in range(8)]
        pairs = []
        for _ in range(self.rounds):
            hand = hand_written(new_system(config, self.steps), batches, self.steps)
            ours = trained(config, new_system(config, self.steps), batches, self.steps)
            pairs.append((hand, ours))
        ratios = sorted(hand / ours for hand, ours in pairs)
        hand, ours = (statistics.median(values) for values in zip(*pairs, strict=True))
        figures = [ratios[0], statistics.median(ratios), ratios[-1]]
        return (
            f"{goal_ms:g} ms",
            f"{1e3 * hand:.2f} ms",
            f"{1e3 * ours:.2f} ms",
            *(f"{ratio:.3f}" for ratio in figures),
        )


def new_system(config: Config, steps: int) -> System:
    """The experiment's system over random weights, always the same."""
    torch.manual_seed(0)
    parts = {
        "model": make(config["model"], "model", num_features=FEATURES, num_symbols=SYMBOLS),
        "loss": make(config["loss"], "loss"),
        "weighting": make(config["weighting"], "weighting"),
        "decoder": None,
        "metrics": {},
        "optimizer": make(config["optimizer"] | {"_partial_": True}, "optimizer"),
        "schedule": make(config["scheduler"] | {"warmup_steps": 1}, "scheduler", total_steps=steps),
    }
    system: System = make(config["system"], "system", **parts)
    return system


def random_batch(examples: int, frames: int, seed: int) -> Batch:
    """Noise with random targets: what is computed does not depend on what is seen."""
    generator = torch.Generator().manual_seed(seed)
    signals_BTF = torch.randn(examples, frames, FEATURES, generator=generator)
    symbols = torch.randint(1, SYMBOLS, (examples, max(1, frames // 40)), generator=generator)
    lengths = torch.full((examples,), symbols.shape[1])
    targets = {"symbols": symbols, "symbol_lengths": lengths}
    ids = tuple(f"{seed}-{row}" for row in range(examples))
    return Batch(ids, signals_BTF, torch.full((examples,), frames), targets, ("",) * examples)


def size_for(config: Config, goal_ms: float) -> tuple[int, int]:
    """Examples and frames of a batch whose hand-written step takes that long here: tried out."""
    for examples in (8, 4, 2, 1):
        frames = 200
        for _ in range(3):
            seconds = hand_written(new_system(config, 100), [random_batch(examples, frames, 0)], 30)
            frames = max(FEWEST_FRAMES, int(frames * goal_ms / (1e3 * seconds)))
        if frames > FEWEST_FRAMES:
            break
    return examples, frames


def hand_written(system: System, batches: Sequence[Batch], steps: int) -> float:
    """Seconds a step of the shortest loop that trains the same: the yardstick."""
    groups = system.parameter_groups()
    assert system.optimizer is not None
    assert system.schedule is not None
    optimizer = system.optimizer(groups)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, system.schedule)
    system.train()
    started = time.perf_counter()
    for step in range(WARM_UP + steps):
        if step == WARM_UP:
            started = time.perf_counter()
        batch = batches[step % len(batches)]
        terms = system.loss(system.model(batch), batch)
        loss, _ = system.weighting(terms)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(system.parameters(), 1.0)
        optimizer.step()
        scheduler.step()
    return (time.perf_counter() - started) / steps


class _Repeated:
    """Batches in turn, as many as steps are run."""

    def __init__(self, batches: Sequence[Batch], steps: int) -> None:
        self.batches = batches
        self.steps = steps

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Any:
        return (self.batches[step % len(self.batches)] for step in range(self.steps))


class _Clock(Callback):
    """Reads the time after the warm-up and after the last step."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if batch_idx + 1 in {WARM_UP, trainer.num_training_batches}:
            self.times.append(time.perf_counter())


def trained(config: Config, system: System, batches: Sequence[Batch], steps: int) -> float:
    """Seconds a step under our Trainer with all callbacks and the CSV logger of a real run."""
    clock = _Clock()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "checkpoints").mkdir()
        limits = {"max_epochs": 1, "max_steps": -1, "limit_val_batches": 0}
        trainer = build_trainer(config | {"trainer": config["trainer"] | limits}, Path(folder), "bench")
        trainer.callbacks.append(clock)  # type: ignore[attr-defined]
        trainer.fit(system, train_dataloaders=_Repeated(batches, WARM_UP + steps))
    return (clock.times[1] - clock.times[0]) / steps
