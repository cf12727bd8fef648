"""Scoring: every example of a manifest once, by the same steps as validation in training, in one process or several.

Several processes need no group: each rebuilds the run from its folder and takes its share of the batches that one
process would make, so batches, and with them results, are the same. What they found is gathered by id.
"""

from __future__ import annotations

import json
import signal
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Trainer

from project.build.assemble import Recognizer
from project.build.fingerprint import hash_weights
from project.build.restore import restore
from project.callbacks.diagnosis import Diagnosis
from project.contract import Config, InputError, Interrupted
from project.data.manifest import Manifest
from project.data.module import DataModule
from project.diagnosis.feature import FEATURES, FeatureSums, feature_figures
from project.diagnosis.validation import ValidationSums
from project.evaluation.protocol import hash_code
from project.run import Run
from project.scoring.emission_keeper import EmissionKeeper
from project.scoring.keeping import Keeping
from project.scoring.partial import PartialFile, forget
from project.scoring.processes import in_processes
from project.scoring.watch import Lap, Watch
from project.system.base import Scored

Spent = Mapping[str, float]
PROJECT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was recognized, by id, in which arithmetic, and where the time went."""

    scored: Mapping[str, Scored]
    precision: str = ""  # "32-true on cpu"
    spent: Spent = field(default_factory=dict)  # seconds by "feature" (with reading), "model", "decode", "diagnosis"
    measured: Mapping[str, Any] = field(default_factory=dict)  # for diagnosis: sums, see ValidationSums
    figures: Mapping[str, float] = field(default_factory=dict)  # made of them, and what single processes found
    emissions: Mapping[str, Any] = field(default_factory=dict)  # by id, where they were to be kept
    earlier: float = 0.0  # seconds spent before this sitting, if it went on where another was stopped


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
    partial: Path | None = None  # where what is scored is kept until `forget`, a folder for each Protocol

    def score(self, recognizer: Recognizer | None = None) -> Outcome:
        """Every example once; `recognizer` serves where one process is enough."""
        if self.devices > 1:
            try:
                outcomes = in_processes(self.devices, partial(_score_share, self))
            except KeyboardInterrupt:
                if self.partial is not None and any(self.partial.glob("*")):
                    print("what was scored is kept: the same command goes on after it", file=sys.stderr, flush=True)
                raise
        else:
            outcomes = [_score_share(self, 0, recognizer)]
        ids = [self.manifest[index].id for index in range(len(self.manifest))]
        told = [one for one in outcomes if one.scored]
        spent = {name: max(one.spent[name] for one in told) for name in told[0].spent} if told else {}
        scored = each_once([one.scored for one in outcomes], ids)
        figures = _figures(told, trained_on(self.run))
        emissions = {name: kept for one in outcomes for name, kept in one.emissions.items()}
        precision, earlier = told[0].precision if told else "", max((one.earlier for one in told), default=0.0)
        return Outcome(scored, precision, spent, figures=figures, emissions=emissions, earlier=earlier)

    def forget(self) -> None:
        """Once its Report is written: what was kept of it is needed no more."""
        if self.partial is not None:
            forget(self.partial)

    def settings(self, recognizer: Recognizer, arithmetic: str) -> dict[str, Any]:
        """What must be equal, beside the Protocol, before anything is scored together with what was scored before."""
        return {
            "manifest": self.manifest.hash,
            "weights": hash_weights(recognizer.system.state_dict()),
            "arithmetic": arithmetic,
            "metric": self.own["metric"],
            "batching": asdict(recognizer.data.batching),
            "lenient": self.lenient,
            "code": [hash_code(PROJECT / package) for package in ("callbacks", "diagnosis")],
        }


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
    recognizer: Recognizer,
    manifest: Manifest,
    precision: str,
    device: str,
    share: int = 0,
    keeps: bool = False,
    file: Callable[[str], PartialFile] | None = None,
) -> Outcome:
    """Every example of a manifest, scored in this process; of several, the first shows how far it is.

    `file`: where it is kept what has been scored so far, given the arithmetic.
    """
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
    system, arithmetic = recognizer.system, arithmetic_of(str(trainer.precision), trainer.strategy.root_device.type)
    keeping = Keeping(file(arithmetic), diagnosis, watch) if file else None
    trainer.callbacks += [keeping] if keeping else []  # type: ignore[attr-defined]
    rest = keeping.left_of(manifest, recognizer.data) if keeping else manifest
    loader = recognizer.data.scoring_loader(rest)
    with watch.decoding(system), keeping or nullcontext():
        try:
            trainer.validate(system, dataloaders=loader, verbose=False)
        except SystemExit as stop:  # what the trainer makes of Ctrl-C, and of a polite kill
            told = keeping.told if keeping else "with emissions=cache nothing is kept of it" if keeps else None
            if told:
                print(told, file=sys.stderr, flush=True)
            if stop.code == 1:
                raise KeyboardInterrupt from None
            left = "the same command goes on" if keeping and told else "nothing was written"
            raise Interrupted(f"stopped while scoring: {left}", signal.SIGTERM) from None
    scored, earlier = {row.id: row for row in system.scored}, keeping.before.seconds if keeping else 0.0
    seen = diagnosis.seen.state(), diagnosis.mates
    return Outcome(scored, arithmetic, watch.spent, *seen, emissions=keeper.kept, earlier=earlier)


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


def _score_share(job: Job, share: int, recognizer: Recognizer | None = None) -> Outcome:
    recognizer = recognizer or restore(job.run, job.own, job.checkpoint)
    recognizer.data.spelling = recognizer.spelling.lenient() if job.lenient else recognizer.spelling
    part = share_of(job.manifest, recognizer.data, share, job.devices) if job.devices > 1 else job.manifest
    if not len(part):
        return Outcome({})
    file = partial(_file, job, recognizer, share) if job.partial is not None and not job.keeps else None
    return predict(recognizer, part, job.own["trainer"]["precision"], job.device, share, job.keeps, file)


def _file(job: Job, recognizer: Recognizer, share: int, arithmetic: str) -> PartialFile:
    assert job.partial is not None
    return PartialFile(job.partial, partial(job.settings, recognizer, arithmetic), share, job.devices)
