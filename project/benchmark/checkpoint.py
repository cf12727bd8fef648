"""What a checkpoint costs: written whole and safely, against torch.save of the same, and read again."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from torch import Tensor, nn

from project.benchmark.table import Table
from project.build.assemble import settle
from project.build.compose import compose
from project.callbacks.checkpoint import Checkpoint


class Checkpoints:
    """`last.ckpt` of models of several sizes: weights, the optimizer's two moments, and where the run stands."""

    def __init__(self, millions: Sequence[float] = (1.0, 27.0, 95.0), rounds: int = 5) -> None:
        self.millions = millions
        self.rounds = rounds

    def run(self) -> Table:
        """One row a size."""
        settle(compose("train"))
        return Table(
            "Checkpoints: written, flushed to the disk and moved into place",
            ("parameters", "size MB", "write s", "torch.save s", "speed ratio", "read s"),
            tuple(self._row(size) for size in self.millions),
            (
                f"medians of {self.rounds} rounds by turns, in the folder for temporary files",
                "torch.save writes the same content and flushes nothing; ours also looks whether weights are finite",
            ),
        )

    def _row(self, millions: float) -> tuple[Any, ...]:
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "checkpoints").mkdir()
            checkpoint = Checkpoint(f"{folder}/checkpoints", every_seconds=float("inf"))
            timing = Timing(checkpoint, self.rounds)
            trainer = Trainer(
                max_steps=1, accelerator="cpu", callbacks=[checkpoint, timing], logger=False, default_root_dir=folder,
                enable_progress_bar=False, enable_model_summary=False, enable_checkpointing=False,
            )  # fmt: skip
            trainer.fit(Matrices(millions), train_dataloaders=[torch.zeros(1)])
        middle = {way: statistics.median(seconds) for way, seconds in timing.seconds.items()}
        ratio = statistics.median(a / b for a, b in zip(timing.seconds["plain"], timing.seconds["ours"], strict=True))
        figures = (round(middle["ours"], 3), round(middle["plain"], 3), round(ratio, 2), round(middle["read"], 3))
        return (f"{millions:g} M", round(timing.megabytes, 1), *figures)


class Matrices(LightningModule):
    """So many millions of weights, every one of which an optimizer has moved."""

    def __init__(self, millions: float) -> None:
        super().__init__()
        self.matrices = nn.ParameterList(nn.Parameter(torch.zeros(1000, 1000)) for _ in range(max(1, round(millions))))

    def training_step(self, batch: Tensor, batch_idx: int) -> Tensor:
        """Something with a gradient for all of them."""
        return torch.stack([one.sum() for one in self.matrices]).sum()

    def configure_optimizers(self) -> Any:
        """Two moments a weight, as most runs have."""
        return torch.optim.AdamW(self.parameters())


class Timing(Callback):
    """When the one step is done: checkpoints in turns."""

    def __init__(self, checkpoint: Checkpoint, rounds: int) -> None:
        self.checkpoint = checkpoint
        self.rounds = rounds
        self.seconds: dict[str, list[float]] = {"ours": [], "plain": [], "read": []}
        self.megabytes = 0.0

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        last = self.checkpoint.folder / "last.ckpt"
        self.checkpoint.save_last(trainer)
        content = torch.load(last, weights_only=True)
        self.megabytes = last.stat().st_size / 1e6
        ways: dict[str, Callable[[], object]] = {
            "ours": lambda: self.checkpoint.save_last(trainer),
            "plain": lambda: torch.save(content, last.with_name("plain.ckpt")),
            "read": lambda: torch.load(last, weights_only=True),
        }
        for _ in range(self.rounds):
            for way, do in ways.items():
                started = time.perf_counter()
                do()
                self.seconds[way].append(time.perf_counter() - started)
