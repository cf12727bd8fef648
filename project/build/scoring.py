"""Scoring: every example of a manifest once, by the same steps as validation in training, in one process or several.

Several processes need no group: each rebuilds the run from its folder and takes its share of the batches that one
process would make, so batches, and with them results, are the same. What they found is gathered by id.
"""

from __future__ import annotations

import json
import signal
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Callback, LightningModule, Trainer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from project.build.assemble import Recognizer
from project.build.compose import Config
from project.build.processes import in_processes
from project.build.restore import restore
from project.callbacks.diagnosis import Diagnosis
from project.callbacks.emission_keeper import EmissionKeeper
from project.contract import Batch, Hypothesis, InputError, Interrupted, Output
from project.data.manifest import Manifest
from project.data.module import DataModule
from project.diagnosis.feature import FEATURES, FeatureSums, feature_figures
from project.diagnosis.validation import ValidationSums
from project.part import Decoder
from project.run import Run
from project.system.base import Scored

Spent = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was recognized, by id, in which arithmetic, and where the time went."""

    scored: Mapping[str, Scored]
    precision: str = ""  # "32-true on cpu"
    spent: Spent = field(default_factory=dict)  # seconds by "feature" (with reading), "model", "decode", "diagnosis"
    measured: Mapping[str, Any] = field(default_factory=dict)  # for diagnosis: sums, see ValidationSums
    figures: Mapping[str, float] = field(default_factory=dict)  # made of them, and what single processes found
    emissions: Mapping[str, Any] = field(default_factory=dict)  # by id, where they were to be kept


@dataclass(frozen=True, slots=True)
class Job:
    """Everything that a process needs to score a manifest: it holds nothing but plain data."""

    run: Run
    own: Config  # the run's own configuration, with what may differ
    checkpoint: str
    manifest: Manifest
    device: str
    devices: int = 1
    lenient: bool = False  # references may hold symbols outside the alphabet
    keeps: bool = False  # the emissions

    def score(self, recognizer: Recognizer | None = None) -> Outcome:
        """Every example once; `recognizer` serves where one process is enough."""
        if self.devices > 1:
            outcomes = in_processes(self.devices, partial(_score_share, self))
        else:
            outcomes = [_score_share(self, 0, recognizer)]
        ids = [self.manifest[index].id for index in range(len(self.manifest))]
        told = [one for one in outcomes if one.scored]
        spent = {name: max(one.spent[name] for one in told) for name in told[0].spent} if told else {}
        scored = each_once([one.scored for one in outcomes], ids)
        figures = _figures(told, trained_on(self.run))
        emissions = {name: kept for one in outcomes for name, kept in one.emissions.items()}
        return Outcome(scored, told[0].precision if told else "", spent, figures=figures, emissions=emissions)


def trained_on(run: Run) -> FeatureSums:
    """Sums of the features that a run was trained on, as it wrote them down; none where it did not."""
    sums, file = FeatureSums(), run.folder / FEATURES
    if file.is_file():
        sums.merge(json.loads(file.read_text(encoding="utf-8")))
    return sums


def _figures(outcomes: Sequence[Outcome], training: FeatureSums) -> dict[str, float]:
    """What was measured in all processes; of what each measured by itself the worst."""
    seen = ValidationSums()
    for one in outcomes:
        seen.merge(one.measured)
    worst = {name: max(one.figures.get(name, 0.0) for one in outcomes) for one in outcomes for name in one.figures}
    return {**seen.figures(), **feature_figures(training, seen.features), **worst}


def each_once(shares: Sequence[Mapping[str, Scored]], ids: Sequence[str]) -> dict[str, Scored]:
    """The shares as one, in the order of the ids: each of them is there, and once."""
    times = Counter(name for share in shares for name in share)
    wrong = {
        "scored more than once": sorted(name for name, count in times.items() if count > 1),
        "there twice": sorted(name for name, count in Counter(ids).items() if count > 1),
        "not scored": [name for name in ids if name not in times],
        "not in the manifest": sorted(times.keys() - set(ids)),
    }
    for what, names in wrong.items():
        if names:
            more = f" and {len(names) - 5:,} more" if len(names) > 5 else ""
            raise InputError(f"{' '.join(names[:5])}{more}: {what}: every example counts once, make ids unique")
    found = {name: row for share in shares for name, row in share.items()}
    return {name: found[name] for name in ids}


def predict(
    recognizer: Recognizer, manifest: Manifest, precision: str, device: str, share: int = 0, keeps: bool = False
) -> Outcome:
    """Every example of a manifest, scored in this process; of several, the first shows how far it is."""
    watch, diagnosis, keeper = Watch(len(manifest), hidden=share > 0), Diagnosis("", {}), EmissionKeeper()
    accelerated = device != "cpu" and torch.cuda.is_available()
    try:
        trainer = Trainer(
            accelerator=device, devices=[share] if accelerated else 1, precision=precision, logger=False,  # type: ignore[arg-type]
            enable_checkpointing=False, enable_model_summary=False, enable_progress_bar=False,
            use_distributed_sampler=False, callbacks=[watch, diagnosis, Lap(watch), *([keeper] if keeps else [])],
        )  # fmt: skip
    except (MisconfigurationException, ValueError, RuntimeError) as error:  # no such device, or none here
        reason = " ".join(str(error).split()).rstrip(".!")
        raise InputError(f"device={device} precision={precision}: {reason}: set device=cpu precision=null") from error
    system, loader = recognizer.system, recognizer.data.scoring_loader(manifest)
    with watch.decoding(system):
        try:
            trainer.validate(system, dataloaders=loader, verbose=False)
        except SystemExit as stop:  # what the trainer makes of Ctrl-C, and of a polite kill
            if stop.code == 1:
                raise KeyboardInterrupt from None
            raise Interrupted("stopped while scoring: nothing was written", signal.SIGTERM) from None
    arithmetic = arithmetic_of(str(trainer.precision), trainer.strategy.root_device.type)
    scored = {row.id: row for row in system.scored}
    return Outcome(scored, arithmetic, watch.spent, diagnosis.seen.state(), diagnosis.mates, keeper.kept)


def arithmetic_of(precision: str, device: str) -> str:
    """The precision that a figure was reckoned in: not only as it was asked for.

    >>> arithmetic_of("32-true", "cpu")
    '32-true on cpu'
    """
    shortened = device == "cuda" and (
        torch.get_float32_matmul_precision() != "highest" or torch.backends.cudnn.allow_tf32
    )
    return f"{precision} on {device}" + (" with tf32" if shortened else "")


def share_of(manifest: Manifest, data: DataModule, share: int, shares: int) -> Manifest:
    """The examples of every so many-th batch, in their order: cut again, they make the same batches."""
    batches = list(data.scoring_batches(manifest))
    return manifest.select([draw.index for batch in batches[share::shares] for draw in batch])


class Watch(Callback):
    """Shows how far scoring is, if standard error is a terminal, and notes what its time went into."""

    def __init__(self, total: int, *, hidden: bool = False) -> None:
        self.spent = {"feature": 0.0, "model": 0.0, "decode": 0.0, "diagnosis": 0.0}
        self._total = total
        self._since = 0.0
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        console = Console(stderr=True)
        self._bar = Progress(*columns, console=console, transient=True, disable=hidden or not console.is_terminal)

    @contextmanager
    def decoding(self, system: Any) -> Iterator[None]:
        """While this holds, the time that a system's decoder takes is noted, and the bar is shown."""
        decoder = system.decoder
        system.decoder = _Timed(decoder, self.spent)
        try:
            with self._bar:
                self._task = self._bar.add_task("scoring", total=self._total)
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
        self._bar.advance(self._task, len(batch))

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


def _score_share(job: Job, share: int, recognizer: Recognizer | None = None) -> Outcome:
    recognizer = recognizer or restore(job.run, job.own, job.checkpoint)
    recognizer.data.spelling = recognizer.spelling.lenient() if job.lenient else recognizer.spelling
    part = share_of(job.manifest, recognizer.data, share, job.devices) if job.devices > 1 else job.manifest
    if not len(part):
        return Outcome({})
    return predict(recognizer, part, job.own["trainer"]["precision"], job.device, share, job.keeps)
