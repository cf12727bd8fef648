"""A world so small that a recognizer is trained in a second: five symbols, each three frames of its own feature."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Trainer
from torch import Tensor, nn

from project.benchmark.loop import Repeated
from project.build.assemble import QUIET
from project.build.bind import make
from project.build.compose import compose
from project.callbacks.diagnosis import Diagnosis
from project.callbacks.recorder import Recorder
from project.contract import Batch, Emissions, Finding
from project.decode.greedy import Greedy
from project.logger.csv import CsvLogger
from project.loss.ctc import CTC
from project.loss.weighting import Fixed
from project.metric.text import ErrorRate
from project.part import Loss, Model
from project.system.base import System
from project.system.ctc import CTCSystem
from project.text.alphabet import Alphabet

ABC = Alphabet(("A", "B", "C", "D", "E"))
FEATURES, FRAMES_EACH = 8, 5  # three frames of a symbol, two of a gap

Tell = Callable[[Tensor, Batch], Tensor]


def toy_batch(seed: int, size: int = 8, symbols: Sequence[int] = (4, 8), events: float = 0.0) -> Batch:
    """Symbol n is feature n for three frames, a gap feature 0 for two; the last two features are noise.

    With `events` as many frames are chosen at random, and nothing in the signal tells which.
    """
    generator = torch.Generator().manual_seed(seed)
    num_B = torch.randint(symbols[0], symbols[1] + 1, (size,), generator=generator)
    symbols_BL = torch.randint(1, len(ABC), (size, symbols[1]), generator=generator)
    symbols_BL = symbols_BL * (torch.arange(symbols[1]) < num_B[:, None])
    said_BT = symbols_BL.repeat_interleave(FRAMES_EACH, dim=1)
    said_BT[:, 3::FRAMES_EACH] = said_BT[:, 4::FRAMES_EACH] = 0
    signals_BTF = nn.functional.one_hot(said_BT, FEATURES).float()
    signals_BTF += 0.1 * torch.randn(signals_BTF.shape, generator=generator)
    lengths_B = num_B * FRAMES_EACH
    signals_BTF *= (torch.arange(said_BT.shape[1]) < lengths_B[:, None])[..., None]
    texts = tuple(ABC.decode(row[:count].tolist()) for row, count in zip(symbols_BL, num_B, strict=True))
    targets = {"symbols": symbols_BL, "symbol_lengths": num_B}
    if events:
        targets["events"] = (torch.rand(said_BT.shape, generator=generator) < events).float()
    return Batch(tuple(f"{seed}-{row}" for row in range(size)), signals_BTF, lengths_B, targets, texts)


def same(x: Tensor, _: Batch) -> Tensor:
    return x


class Toy(nn.Module):
    """A recognizer of single frames; `hear` and `say` are where it is broken on purpose."""

    def __init__(self, hear: Tell = same, say: Tell = same, between: Tell = same, lengths: Tell = same) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.encoder = nn.Linear(FEATURES, 16)
        self.head = nn.Linear(16, len(ABC))
        self.hear, self.say, self.between, self.lengths = hear, say, between, lengths

    def forward(self, batch: Batch) -> Emissions:
        states_BTC = self.between(self.encoder(self.hear(batch.signals_BTF, batch)), batch)
        scores_BTV = self.say(self.head(nn.functional.gelu(states_BTC)), batch)
        return Emissions(scores_BTV.log_softmax(dim=2), self.lengths(batch.lengths_B, batch))

    def num_output_frames(self, num_frames: Tensor) -> Tensor:
        return num_frames


@dataclass(frozen=True)
class Watched:
    """A run that has ended, and what was said of it."""

    findings: dict[str, Finding]  # that stand at the end, by check, the first of each
    told: set[str]  # checks that have ever found something
    curves: dict[str, list[tuple[int, float]]]
    system: System
    folder: Path


def watch_toy(
    folder: Path, model: Model | None = None, *, loss: Loss | None = None, weights: dict[str, float] | None = None,
    kind: type[System] = CTCSystem, train: Sequence[Batch] = (), dev: Sequence[Batch] = (), lr: float = 0.03,
    steps: int = 120,
) -> Watched:  # fmt: skip
    """Trains under the checks that every run has, at their thresholds, and validates four times."""
    torch.manual_seed(0)
    dev = dev or [toy_batch(98, 10), toy_batch(99, 10)]
    metric = ErrorRate("cer", "character")
    parts = (loss or CTC(), Fixed(**(weights or {"ctc": 1.0})), Greedy(ABC), {"cer": metric})
    system = kind(model or Toy(), *parts, optimizer=partial(torch.optim.AdamW, lr=lr))
    node = compose("train")["callbacks"]["diagnosis"] | {"every_steps": 10}
    diagnosis: Diagnosis = make(node, "callbacks.diagnosis", folder=str(folder / "checkpoints"))
    with warnings.catch_warnings():
        for message in QUIET:
            warnings.filterwarnings("ignore", message=message)
        trainer = Trainer(
            accelerator="cpu", max_epochs=-1, max_steps=steps, val_check_interval=steps // 4,
            check_val_every_n_epoch=None, gradient_clip_val=1.0, callbacks=[Recorder(10), diagnosis],
            logger=CsvLogger(str(folder)), enable_progress_bar=False, enable_model_summary=False,
            enable_checkpointing=False, num_sanity_val_steps=0,
        )  # fmt: skip
        trainer.fit(system, Repeated(train or [toy_batch(n) for n in range(20)], steps), Repeated(dev, len(dev)))
    findings: dict[str, Finding] = {}
    for finding in diagnosis.findings:
        findings.setdefault(finding.check, finding)
    return Watched(findings, {check for check, _ in diagnosis._told}, dict(diagnosis._metrics.read()), system, folder)


@pytest.fixture
def watch(tmp_path: Path) -> Callable[..., Watched]:
    return partial(watch_toy, tmp_path)


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Watched:
    """A run that nothing is wrong with."""
    return watch_toy(tmp_path_factory.mktemp("sound"))


@pytest.fixture(scope="session")
def toy() -> type[Toy]:
    return Toy


@pytest.fixture(scope="session")
def batch_of() -> Callable[..., Batch]:
    return toy_batch


@pytest.fixture(scope="session")
def checks() -> dict[str, Any]:
    """The checks of every run, at their thresholds."""
    found: dict[str, Any] = make(compose("train")["callbacks"]["diagnosis"]["checks"], "checks")
    return found
