"""What diagnosis costs: the time in its hooks as a part of the time of a run, with the settings that every run has."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback

from project.benchmark.loop import SYMBOLS, Repeated, new_system, random_batch
from project.benchmark.table import Table
from project.build.assemble import build_trainer, settle
from project.build.bind import make
from project.build.compose import compose
from project.callbacks.diagnosis import Diagnosis
from project.callbacks.progress import Progress
from project.contract import Batch, Config, Finding
from project.diagnosis.evidence import Check, Evidence
from project.text.alphabet import Alphabet

HOOKS = (  # those of a step, then those of a validation
    "on_train_batch_start",
    "on_before_backward",
    "on_before_optimizer_step",
    "on_validation_epoch_start",
    "on_validation_batch_end",
    "on_validation_end",
)
ALPHABET = Alphabet(tuple(chr(ord("A") + number) for number in range(SYMBOLS - 1)))
# Of several terms each is passed backward by itself now and then.
TERMS: Mapping[str, Sequence[str]] = {
    "1": (),
    "3": ("loss.regularize=[smoothing,confidence]", "+weighting.smoothing=0.05", "+weighting.confidence=0.05"),
}


class Costs:
    """An experiment's system on random batches, with all callbacks of a run, validated now and then.

    Batches are made beforehand, so that reading data does not make the share look small. It does not know what is asked
    once at the start: whether validation's examples were seen in training.
    """

    def __init__(
        self, experiment: str = "morse/quick", steps: int = 600, examples: int = 4, frames: int = 800,
        validate_every: int = 300, validated: int = 50,
    ) -> None:  # fmt: skip
        self.experiment = experiment
        self.steps = steps
        self.examples = examples
        self.frames = frames
        self.validate_every = validate_every
        self.validated = validated

    def run(self) -> Table:
        """A row for a loss of one term, and for one of three."""
        rows = [self._measure(terms, words) for terms, words in TERMS.items()]
        columns = ("terms", "a step", "of training", "of validation", "of all", "ms a validation")
        notes = (
            f"{self.steps} steps of {self.examples} examples, {self.frames} frames each; every {self.validate_every} a "
            f"validation of {self.validated}; parts of the time that diagnosis takes",
        )
        return Table("Diagnosis: what it costs", columns, tuple(rows), notes)

    def _measure(self, terms: str, words: Sequence[str]) -> tuple[Any, ...]:
        config = compose("train", [f"experiment={self.experiment}", *words])
        settle(config)
        clock = self._fit(config)
        step = clock.training / self.steps
        shares = [
            clock.inside("train", "before") / clock.training,
            clock.inside("validation") / max(clock.validation, 1e-9),
            clock.inside("") / (clock.training + clock.validation),
        ]
        each = 1e3 * clock.inside("validation") / max(1, clock.validations)
        return (terms, f"{1e3 * step:.2f} ms", *(f"{share:.2%}" for share in shares), f"{each:.1f} ms")

    def _fit(self, config: Config) -> Clock:
        batches = [spoken(random_batch(self.examples, self.frames, seed)) for seed in range(8)]
        size = max(1, min(self.validated, 10))
        dev = [spoken(random_batch(size, self.frames, 1000 + n)) for n in range(-(-self.validated // size))]
        system = new_system(config, self.steps)
        system.decoder = make(config["decode"], "decode", alphabet=ALPHABET)
        system.metrics = make(config["metric"], "metric", alphabet=ALPHABET)
        limits = {"max_epochs": 1, "max_steps": -1, "val_check_interval": self.validate_every}
        clock = Clock()
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "checkpoints").mkdir()
            trainer = build_trainer(config | {"trainer": config["trainer"] | limits}, Path(folder), "bench")
            kept = [one for one in trainer.callbacks if not isinstance(one, Progress)]  # type: ignore[attr-defined]
            for callback in kept:
                if isinstance(callback, Diagnosis):
                    callback.checks = {name: quiet(check) for name, check in callback.checks.items() if check}
                    clock.watch(callback)
            trainer.callbacks = [*kept, clock]  # type: ignore[attr-defined]
            trainer.fit(system, Repeated(batches, self.steps), Repeated(dev, len(dev)))
        return clock


@dataclass
class Clock(Callback):
    """Stands last among the callbacks: notes how long training and validations take, and the hooks of another."""

    training: float = 0.0  # seconds, without validations
    validation: float = 0.0
    validations: int = 0
    hooks: dict[str, float] = field(default_factory=lambda: dict.fromkeys(HOOKS, 0.0))
    _since: float = 0.0

    def watch(self, callback: Callback) -> None:
        """Times its hooks."""
        for name in HOOKS:
            setattr(callback, name, self._timed(name, getattr(callback, name)))

    def _timed(self, name: str, hook: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any, **named: Any) -> Any:
            started = time.perf_counter()
            answer = hook(*arguments, **named)
            self.hooks[name] += time.perf_counter() - started
            return answer

        return timed

    def inside(self, *parts: str) -> float:
        """Seconds in the hooks whose names begin so."""
        return sum(seconds for name, seconds in self.hooks.items() if name.startswith(tuple(f"on_{p}" for p in parts)))

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._since = time.perf_counter()

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.training += self._lap()

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.validation += self._lap()
        self.validations += 1

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.training += self._lap()

    def _lap(self) -> float:
        since, self._since = self._since, time.perf_counter()
        return self._since - since


def quiet(check: Check) -> Check:
    """The check, that looks and tells nothing: random targets cannot be learned, and that is no news."""

    def look(evidence: Evidence) -> Iterator[Finding]:
        list(check(evidence))
        yield from ()

    return look


def spoken(batch: Batch) -> Batch:
    """The batch with its targets as references."""
    texts = tuple(ALPHABET.decode(row.tolist()) for row in torch.as_tensor(batch.targets["symbols"]))
    return replace(batch, references=texts)
