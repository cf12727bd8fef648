"""What the framework costs: steps a second of `scansion train` against a hand-written PyTorch loop, in one run."""

from __future__ import annotations

import statistics
import tempfile
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback

from project.benchmark.table import Table
from project.build.assemble import build_trainer, settle
from project.build.bind import make
from project.build.compose import compose
from project.contract import Batch, Config
from project.system.base import System

WARM_UP = 20  # steps before the clock starts: allocators and caches settle
BLOCK = 10  # steps of one loop before the other has its turn
FEATURES, SYMBOLS = 2, 38
FEWEST_FRAMES = 40  # of a batch


class Loop:
    """The same model, loss, optimizer and batches under both loops, by turns of ten steps in one run.

    Ours runs as every run does: terms recorded, seeds set, losses checked, checkpoints written, signals watched.
    Batches are made beforehand, so that the loop alone is compared. What else happens on the machine slows both down.
    """

    def __init__(
        self,
        experiment: str = "morse/quick",
        step_ms: Sequence[float] = (6.0, 30.0),
        steps: int = 100,
        rounds: int = 9,
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
        notes = (f"{self.rounds} rounds of {self.steps} steps, ten by turns; 1.0 is as fast as the hand-written loop",)
        return Table("Loop: scansion train against a hand-written loop", columns, tuple(rows), notes)

    def _compare(self, config: Config, goal_ms: float) -> tuple[Any, ...]:
        examples, frames = size_for(config, goal_ms)
        batches = [random_batch(examples, frames, seed) for seed in range(8)]
        total = self.steps * self.rounds
        turns = Turns(HandWritten(new_system(config, total), batches))
        train(config, new_system(config, total), batches, WARM_UP + total, turns)
        blocks = self.steps // BLOCK
        pairs = [
            (sum(turns.hand[start : start + blocks]), sum(turns.ours[start : start + blocks]))
            for start in range(0, len(turns.ours), blocks)
        ]
        ratios = sorted(hand / ours for hand, ours in pairs)
        hand, ours = (1e3 * statistics.median(values) / self.steps for values in zip(*pairs, strict=True))
        figures = [ratios[0], statistics.median(ratios), ratios[-1]]
        return (f"{goal_ms:g} ms", f"{hand:.2f} ms", f"{ours:.2f} ms", *(f"{ratio:.3f}" for ratio in figures))


class HandWritten:
    """The shortest loop that trains the same: the yardstick. `half`: under autocast of bfloat16."""

    def __init__(self, system: System, batches: Sequence[Batch], half: bool = False) -> None:
        assert system.optimizer is not None
        assert system.schedule is not None
        self.system = system.train()
        self.batches = batches
        self.device = batches[0].signals_BTF.device
        self.half = half
        self.optimizer = system.optimizer(system.parameter_groups())
        self.scheduler = torch.optim.lr_scheduler.LambdaLR(self.optimizer, system.schedule)

    def seconds(self, steps: int) -> float:
        """Train so many steps; how long they took."""
        system, started = self.system, now(self.device)
        for step in range(steps):
            batch = self.batches[step % len(self.batches)]
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self.half):
                loss, _ = system.weighting(system.loss(system.model(batch), batch))
            self.optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(system.parameters(), 1.0)
            self.optimizer.step()
            self.scheduler.step()
        return now(self.device) - started


class Turns(Callback):
    """Stands last among the callbacks: after each ten steps of the trainer, ten of the hand-written loop."""

    def __init__(self, yardstick: HandWritten) -> None:
        self.yardstick = yardstick
        self.hand: list[float] = []  # seconds of ten steps
        self.ours: list[float] = []
        self._since = 0.0

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        steps = batch_idx + 1
        if steps == WARM_UP:
            self.yardstick.seconds(WARM_UP)
        elif steps > WARM_UP and steps % BLOCK == 0:
            self.ours.append(now(self.yardstick.device) - self._since)
            self.hand.append(self.yardstick.seconds(BLOCK))
        if steps % BLOCK == 0:
            self._since = now(self.yardstick.device)


def now(device: torch.device) -> float:
    """The clock's seconds, when the device has done what it was told."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def train(config: Config, system: System, batches: Sequence[Batch], steps: int, turns: Turns) -> None:
    """Run our Trainer with all callbacks and the CSV logger of a real run."""
    limits = {"max_epochs": 1, "max_steps": -1, "limit_val_batches": 0}
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*no `val_dataloader`.*")
        (Path(folder) / "checkpoints").mkdir()
        trainer = build_trainer(config | {"trainer": config["trainer"] | limits}, Path(folder), "bench")
        trainer.callbacks.append(turns)  # type: ignore[attr-defined]
        trainer.fit(system, train_dataloaders=Repeated(batches, steps))


class Repeated:
    """Batches in turn, as many as steps are run."""

    def __init__(self, batches: Sequence[Batch], steps: int) -> None:
        self.batches = batches
        self.steps = steps

    def __len__(self) -> int:
        return self.steps

    def __iter__(self) -> Any:
        return (self.batches[step % len(self.batches)] for step in range(self.steps))


def size_for(config: Config, goal_ms: float) -> tuple[int, int]:
    """Examples and frames of a batch whose hand-written step takes that long here: tried out."""
    for examples in (8, 4, 2, 1):
        frames = 200
        for _ in range(3):
            yardstick = HandWritten(new_system(config, 100), [random_batch(examples, frames, 0)])
            yardstick.seconds(WARM_UP)
            frames = max(FEWEST_FRAMES, int(frames * goal_ms / (1e3 * yardstick.seconds(30) / 30)))
        if frames > FEWEST_FRAMES:
            break
    return examples, frames


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
