"""Watches a run for the failures that give no error: measures now and then, and says in plain words what it finds.

All it measures goes to the loggers beside everything else; what is wrong is then read from those curves alone, here at
every validation, and later by `scansion report`, which needs nothing but metrics.csv.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Trainer
from rich.console import Console

from project import atomic
from project.callbacks.progress import console_of
from project.callbacks.watcher import Watcher
from project.contract import Batch, Finding
from project.data.leakage import part_seen
from project.data.manifest import Manifest
from project.diagnosis.adapter import adapter_figures
from project.diagnosis.evidence import Check, Evidence, run_checks
from project.diagnosis.feature import FEATURES, FeatureSums, feature_figures
from project.diagnosis.fusion import fusion_figures
from project.diagnosis.gradient import gradient_figures, parts_of, shares
from project.diagnosis.mates import mates_figures
from project.diagnosis.validation import ValidationSums
from project.loss.ctc import frames_needed
from project.metrics_file import METRICS, MetricsFile

log = logging.getLogger("scansion")

EARLY = 20  # the step that is also measured: short runs have few others
SHARES_EVERY = 5  # of the measured steps: a backward pass for each term
MOST_COMPARED = 200_000  # lines of a manifest compared for leakage at the start


class Diagnosis(Watcher):
    """Measures gradients and features every `every_steps`, emissions and answers at each validation; runs the checks.

    A finding is told once, when it is first made; how many of them stand at the end is told then. It watches any system
    of ours, in training and, as the only callback, in evaluation.
    """

    def __init__(self, folder: str, checks: Mapping[str, Check | None], every_steps: int = 100) -> None:
        self.every_steps = every_steps
        self.checks = dict(checks)
        self.findings: list[Finding] = []  # of the latest validation
        self.figures: dict[str, float] = {}  # of the latest validation
        self._features = Path(folder).parent / FEATURES  # sums in training, which evaluation compares with
        self._metrics = MetricsFile(Path(folder).parent / METRICS)
        self._told: set[tuple[str, str]] = set()
        self.seen = ValidationSums()  # of the latest validation
        self.mates: dict[str, float] = {}
        self._ends: list[Batch] = []  # its first batch, and its last
        self._train = FeatureSums()
        self._console = Console(stderr=True)

    # Training: gradients, features, feasibility, now and then.

    def on_train_start(self, trainer: Trainer, pl_module: Any) -> None:
        self._console = console_of(trainer)
        if trainer.is_global_zero and trainer.global_step == 0:
            self._write(trainer, data_figures(trainer), 1)  # of a step to come: a run that starts anew drops them
            self._look(trainer, pl_module)

    def on_train_batch_start(self, trainer: Trainer, pl_module: Any, batch: Batch, batch_idx: int) -> None:
        if self._is_due(trainer) or trainer.global_step == 0:  # short runs have their first batch alone
            self._train.add(batch)
        if self._is_due(trainer) and "symbols" in batch.targets:
            lengths_B = pl_module.model.num_output_frames(batch.lengths_B)
            needed_B = frames_needed(batch.targets["symbols"], batch.targets["symbol_lengths"])
            short = float((lengths_B < needed_B).float().mean())
            self._write(trainer, {"data/infeasible": short}, trainer.global_step + 1)

    def on_before_backward(self, trainer: Trainer, pl_module: Any, loss: Any) -> None:
        if self._is_due(trainer, SHARES_EVERY) and len(pl_module.weighted) > 1:
            parameters = [one for one in pl_module.model.parameters() if one.requires_grad]
            found = shares(pl_module.weighted, parameters)
            self._write(trainer, found, trainer.global_step + 1)

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: Any, optimizer: Any) -> None:
        if self._is_due(trainer):
            found = gradient_figures(parts_of(pl_module.model)) | weight_figures(pl_module)
            self._write(trainer, found, trainer.global_step + 1)

    def _is_due(self, trainer: Trainer, times: int = 1) -> bool:
        step = trainer.global_step + 1
        return step == EARLY or step % (times * self.every_steps) == 0

    # Validation, in training and in evaluation: emissions, answers, heads, batch mates.

    def on_validation_epoch_start(self, trainer: Trainer, pl_module: Any) -> None:
        self.seen, self._ends = ValidationSums(), []

    def resume(self, sums: Mapping[str, Any], first: Batch) -> None:
        """Go on with a validation that began with that batch, and of which so much was measured before."""
        self.seen.merge(sums)
        self._ends = [first]

    def on_validation_batch_end(
        self, trainer: Trainer, pl_module: Any, outputs: Any, batch: Batch, batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:  # fmt: skip
        seen = outputs["seen"]
        self.seen.add(seen.output, seen.hypotheses, batch, is_taught=seen.checked.is_taught)
        self.seen.add_heads(seen.checked.heads)
        self.seen.add_counts({name: seen.checked.counts[name] for name in getattr(pl_module, "telling", ())})
        unheard = pl_module.ignorant(seen.output, batch)
        if unheard is not None:
            priors = pl_module.loss(unheard, batch)
            self.seen.add_terms(seen.checked.terms, priors, len(batch))
        self._ends = [*self._ends[:1], batch]

    def _measure(self, trainer: Trainer, pl_module: Any) -> dict[str, float]:
        """The figures of the validation that has ended, over all ranks."""
        self._gather(trainer)
        with torch.no_grad(), trainer.precision_plugin.forward_context():
            # models that padding changes are scored beside examples of their own length alone
            is_scored_padded = not getattr(pl_module.model, "mixes_padding", False)
            self.mates = mates_figures(pl_module.predict, self._ends) if is_scored_padded else {}
            fused = fusion_figures(pl_module.model, self._ends)
        return {
            **self.seen.figures(),
            **feature_figures(self._train, self.seen.features),
            **self.mates,
            **({} if begins(trainer) else adapter_figures(pl_module.model)),  # one that was just put in changes nothing
            **fused,
        }

    def _gather(self, trainer: Trainer) -> None:
        """The sums of all ranks, on every rank."""
        if trainer.world_size == 1:
            return
        states: list[Any] = [None] * trainer.world_size
        torch.distributed.all_gather_object(states, self.seen.state())
        for rank, state in enumerate(states):
            if rank != trainer.global_rank:
                self.seen.merge(state)

    def on_validation_end(self, trainer: Trainer, pl_module: Any) -> None:
        """After the figures are known and written, before the checkpoint of this moment."""
        self.figures = self._measure(trainer, pl_module)
        if not trainer.is_global_zero or trainer.sanity_checking:
            return
        if trainer.state.fn != "fit":
            curves = {name: [(0, value)] for name, value in self.figures.items()}
            self.findings = run_checks(self.checks, Evidence(curves, **about(pl_module), final=True))
            if trainer.loggers:  # a run that has nothing to train; whoever else evaluates tells them in its Report
                self._write(trainer, self.figures, trainer.global_step)
                self._tell_new()
            return
        self._write(trainer, self.figures, trainer.global_step)
        if self._train.count:
            atomic.write(self._features, json.dumps(self._train.state()))
        self._look(trainer, pl_module)

    def _look(self, trainer: Trainer, pl_module: Any) -> None:
        """Runs the checks on all that was recorded, and tells what is new."""
        found = run_checks(self.checks, Evidence(self._metrics.read(), **about(pl_module)))
        self.findings = [replace(one, step=trainer.global_step) for one in found]
        self._tell_new()

    def _tell_new(self) -> None:
        for finding in self.findings:
            if (finding.check, finding.subject) not in self._told:
                self._told.add((finding.check, finding.subject))
                self._tell(finding)

    def on_train_end(self, trainer: Trainer, pl_module: Any) -> None:
        if trainer.is_global_zero and self.findings:
            names = ", ".join(dict.fromkeys(finding.check for finding in self.findings))
            self._console.print(f"diagnosis: {len(self.findings)} findings stand at the end ({names})", style="yellow")

    def _tell(self, finding: Finding) -> None:
        log.warning("diagnosis %s: %s. %s", finding.check, finding.text, finding.remedy)
        self._console.print(f"diagnosis: {finding.text}.\n  {finding.remedy}.", style="yellow", markup=False)

    def _write(self, trainer: Trainer, figures: Mapping[str, float], step: int) -> None:
        if figures and trainer.is_global_zero:
            for logger in trainer.loggers:
                logger.log_metrics({"epoch": trainer.current_epoch, **figures}, step=step)

    def state_dict(self) -> dict[str, Any]:
        return {"train": self._train.state(), "told": sorted(self._told)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._train = FeatureSums()
        self._train.merge(state_dict["train"])
        self._told = {(check, subject) for check, subject in state_dict["told"]}


def begins(trainer: Trainer) -> bool:
    """Whether a training has not made its first step."""
    return bool(trainer.state.fn == "fit" and trainer.global_step == 0)


def about(system: Any) -> dict[str, Any]:
    """The figure that decides, and which way it is better."""
    metric = next(iter(getattr(system, "metrics", {}).values()), None)
    return {"primary": f"dev/{metric.name}", "better": metric.better} if metric is not None else {}


def weight_figures(system: Any) -> dict[str, float]:
    """`weight/<term>`: what each term is multiplied with now; and what else a weighting has to say."""
    weights: Mapping[str, float] = system.weighting.weights()
    others: Mapping[str, float] = getattr(system.weighting, "figures", dict)()
    return {f"weight/{name}": float(value) for name, value in (*weights.items(), *others.items())}


def data_figures(trainer: Trainer) -> dict[str, float]:
    """`data/train_examples`, `data/dev_examples`, and `leakage/<kind>`, before anything is learned."""
    data: Any = trainer.datamodule  # type: ignore[attr-defined]
    if data is None or trainer.overfit_batches:  # type: ignore[attr-defined]  # few are meant to be learned by heart
        return {}
    figures = {"data/train_examples": float(len(data.training.lengths))}
    return figures | scored_figures(data.training, data.manifest("dev"), "dev")


def scored_figures(training: Any, scored: Manifest, part: str = "scored") -> dict[str, float]:
    """How many examples are scored, and the part of them that the training manifest has too, if there is one."""
    figures = {f"data/{part}_examples": float(len(scored))}
    training = getattr(training, "manifest", training)  # of what is shown otherwise in each epoch
    if isinstance(training, Manifest) and max(len(training), len(scored)) <= MOST_COMPARED:
        figures |= {f"leakage/{kind}": part for kind, part in part_seen(training, scored).items()}
    return figures
