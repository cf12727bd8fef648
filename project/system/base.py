"""What every system is: a model, a loss, a weighting, a decoder and metrics, handed in and held together.

Lightning's loop, our numbers: a training step returns its terms and logs nothing, callbacks do; validation scores
examples one by one through `predict`, the only road to Hypotheses, and gathers them by id, so each counts once.
"""

from __future__ import annotations

import inspect
import logging
import math
import sys
from abc import ABC
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Literal, cast

import torch
from lightning.pytorch import LightningModule
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from project.contract import Answers, Batch, Emissions, Hypothesis, InputError, Output, Terms, Undefined, WorkError
from project.diagnosis.prior import ignorant
from project.part import Decoder, Loss, Metric, Weighting
from project.system.halving import Halving
from project.system.parameters import delayed, grouped
from project.system.sums import Columns, add_up

log = logging.getLogger("scansion")

PLAIN = {"_current_fx_name", "batch_shape", "weighted"}  # set at every step, no modules or parameters


@dataclass(frozen=True, slots=True)
class Scored:
    """One example with what was recognized in it and the columns its metrics filled."""

    id: str
    reference: str
    hypothesis: Hypothesis
    columns: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Checked:
    """What a validation batch says beside its answers."""

    terms: Terms
    counts: Mapping[str, float] = field(default_factory=dict)  # what a family counts, summed over all examples
    heads: Mapping[str, Answers] = field(default_factory=dict)  # of heads that say yes or no, for diagnosis
    is_taught: bool = True  # whether any term teaches what the answers should be; otherwise they mean nothing


@dataclass(frozen=True, slots=True)
class Seen:
    """A validation batch as callbacks see it."""

    output: Output
    hypotheses: list[Hypothesis]
    checked: Checked


class System(LightningModule, ABC):
    """The parts of a recognizer in training and in evaluation. Knows no configuration and saves no hyper-parameters."""

    def __init__(
        self,
        model: torch.nn.Module,
        loss: Loss,
        weighting: Weighting,
        decoder: Decoder,
        metrics: Mapping[str, Metric],
        optimizer: Callable[..., Optimizer] | None = None,
        schedule: Callable[[int], float] | None = None,
        on_nonfinite: Literal["stop", "skip"] = "stop",
    ) -> None:
        super().__init__()
        self.model = model
        self.loss = loss
        self.weighting = weighting
        self.decoder = decoder
        self.metrics = dict(metrics)
        self.optimizer = optimizer
        self.schedule = schedule
        self.on_nonfinite = on_nonfinite
        self.scored: list[Scored] = []  # of the validation that runs, then of the last one; whole on every rank
        self.figures: dict[str, float] = {}  # of the last validation: "dev/loss", "dev/cer", ...
        self.skipped_steps = 0
        self.halving: Halving | None = None  # what is done where memory runs out; None: nothing
        self.start_notes: tuple[str, ...] = ()  # what is to be said of the weights it starts from
        self.normalize: Callable[[str], str] | None = None  # what answers go through before they are scored
        self.batch_shape: tuple[int, ...] = ()
        self.weighted: Terms = {}  # of the training step under way, with their graph
        self._sums: Columns = {}
        self._sizes: Columns = {}  # examples behind each sum: a batch may lack a term
        self._counts: Columns = {}
        self.begin()

    shown: tuple[str, ...] = ()  # figures of a family's own that belong beside the metrics

    def begin(self) -> None:
        """What a family keeps beside all this: called once, when the rest is there."""

    @property
    def replaceable(self) -> tuple[str, ...]:
        """Heads that may differ between this system and a run whose weights it starts from: the model names them."""
        return tuple(f"model.{name}" for name in getattr(self.model, "replaceable", ()))

    def __setattr__(self, name: str, value: Any) -> None:
        """Lightning notes the hook it is in some forty times a step; torch's checks for modules cost 0.1 ms there."""
        if name in PLAIN:
            object.__setattr__(self, name, value)
        else:
            super().__setattr__(name, value)

    def _on_before_batch_transfer(self, batch: Batch, dataloader_idx: int = 0) -> Batch:
        """Nothing: a Batch comes ready. Lightning's own asks four hooks of system and data module, at every step."""
        return batch

    def _apply_batch_transfer_handler(
        self, batch: Batch, device: torch.device | None = None, dataloader_idx: int = 0
    ) -> Batch:
        """A Batch moves itself."""
        return batch.to(device or self.device, non_blocking=True)

    def forward(self, batch: Batch) -> Output:
        """What the model says of a batch."""
        return cast(Output, self.model(batch))

    def training_step(self, batch: Batch, batch_idx: int) -> dict[str, Any] | None:
        """The scalar to minimize, and its terms for the callbacks."""
        return self.learn(batch) if self.halving is None else self.halving.step(self.learn, batch)

    def backward(self, loss: torch.Tensor, *args: Any, **options: Any) -> None:
        """The gradient of that scalar."""
        if self.halving is None:
            torch.autograd.backward(loss, *args, **options)
        else:
            self.halving.backward(loss, self.learn, self, self.trainer.precision_plugin.forward_context)

    def learn(self, batch: Batch) -> dict[str, Any] | None:
        """What a training step says of a batch; None if the step is to be skipped."""
        self.weighted, self.batch_shape = {}, tuple(batch.signals_BTF.shape)  # named if memory runs out
        terms = self.loss(self(batch), batch)
        total, self.weighted = self.weighting(terms)
        if not math.isfinite(total.item()) and not self._accepts_nonfinite(batch, terms):
            return None
        return {"loss": total, "total": total.detach(), "terms": terms, "weighted": self.weighted}

    # Lightning reads this signature at every step; having it ready spares it the work.
    training_step.__signature__ = inspect.signature(training_step)  # type: ignore[attr-defined]

    def _accepts_nonfinite(self, batch: Batch, terms: Terms) -> bool:
        """Never: stop with a clear line, or count the step and skip it."""
        bad = [name for name, value in terms.items() if not math.isfinite(value.item())] or ["weighting"]
        if self.on_nonfinite == "stop":
            where = f"step {self.global_step}, term {', '.join(bad)}, batch {' '.join(batch.ids)}"
            raise WorkError(
                f"the loss is not finite at {where}: the last good checkpoint is kept; lower optimizer.lr, look at "
                f"these examples, or set system.on_nonfinite=skip"
            )
        self.skipped_steps += 1
        return False

    def predict(self, batch: Batch) -> tuple[Output, list[Hypothesis]]:
        """What is recognized in a batch, none of it hidden: in validation, evaluation and transcription alike."""
        output = self.listen(batch)
        return output, self.decoder(output)

    def listen(self, batch: Batch) -> Output:
        """What the model says of a batch of which nothing is hidden."""
        return cast(Output, self(unhidden(batch)))

    def check(self, output: Output, batch: Batch) -> Checked:
        """The loss terms of a validation batch, given its prediction, and what a family says beside them."""
        return Checked(self.loss(output, batch))

    def ignorant(self, output: Output, batch: Batch) -> Output | None:
        """What one would say instead who has not listened, by which skill is measured; None where that is not known."""
        return ignorant(output, batch) if isinstance(output, Emissions) and "symbols" in batch.targets else None

    def ratios(self, counts: Mapping[str, float]) -> dict[str, float]:
        """A family's own figures, from the sums of what it counted over all examples."""
        return {}

    def on_fit_start(self) -> None:
        """Say once what did not come from the weights it starts from."""
        for line in self.start_notes if self.trainer.is_global_zero else ():
            print(line, file=sys.stderr)
            log.info(line)

    def on_validation_epoch_start(self) -> None:
        self.scored, self._sums, self._sizes, self._counts = [], {}, {}, {}

    def validation_step(self, batch: Batch, batch_idx: int) -> dict[str, Seen]:
        """Score each example of the batch."""
        output, hypotheses = self.predict(batch)
        hypotheses = [self.as_scored(one) for one in hypotheses]
        checked = self.check(output, batch)
        total, _ = self.weighting(checked.terms)
        for name, value in {"loss": total, **checked.terms}.items():
            self._sums.setdefault(name, []).append(value.item() * len(batch))
            self._sizes.setdefault(name, []).append(len(batch))
        for name, count in checked.counts.items():
            self._counts.setdefault(name, []).append(count)
        self.scored += [
            Scored(name, reference, hypothesis, self._columns(name, reference, hypothesis))
            for name, reference, hypothesis in zip(batch.ids, batch.references, hypotheses, strict=True)
        ]
        return {"seen": Seen(output, hypotheses, checked)}

    def as_scored(self, hypothesis: Hypothesis) -> Hypothesis:
        """An answer as its reference is written, with the same normalizers."""
        text = hypothesis.text if self.normalize is None else self.normalize(hypothesis.text)
        return hypothesis if text == hypothesis.text else replace(hypothesis, text=text)

    def _columns(self, name: str, reference: str, hypothesis: Hypothesis) -> dict[str, float]:
        columns: dict[str, float] = {}
        try:
            for metric in self.metrics.values():
                columns |= metric.score(reference, hypothesis)
        except InputError as error:
            raise InputError(f"{name}: {error}") from error
        return columns

    def on_validation_epoch_end(self) -> None:
        """Gather over ranks by id and publish the figures."""
        shares = self._gathered((self.scored, self._sums, self._sizes, self._counts))
        self.scored = unique([row for scored, *_ in shares for row in scored])
        sums, sizes, counts = (add_up([share[place] for share in shares]) for place in (1, 2, 3))
        means = {name: value / sizes[name] for name, value in sums.items()}
        self.figures = {f"dev/{name}": value for name, value in (means | self.ratios(counts) | self.summary()).items()}
        self.log_dict(self.figures, logger=False, rank_zero_only=self.trainer.world_size > 1)

    def summary(self) -> dict[str, float]:
        """The metrics' figures over all examples scored, but for those that these examples do not define."""
        if not self.scored:
            raise InputError("nothing was scored: the manifest is empty")
        columns = {name: [row.columns[name] for row in self.scored] for name in self.scored[0].columns}
        figures: dict[str, float] = {}
        for metric in self.metrics.values():
            with suppress(Undefined):
                figures |= metric.summarize(columns)
        return figures

    def _gathered(self, mine: Any) -> list[Any]:
        if self.trainer.world_size == 1:
            return [mine]
        shares: list[Any] = [None] * self.trainer.world_size
        torch.distributed.all_gather_object(shares, mine)
        return shares

    def configure_optimizers(self) -> Any:
        """The optimizer over what trains, with its schedule as a pure function of the step."""
        assert self.optimizer is not None, "a system without an optimizer only predicts"
        optimizer = self.optimizer(self.parameter_groups())
        schedule = self.schedule
        if schedule is None:
            return optimizer
        # A function has no state of its own: a checkpoint holds the step, and an extended run follows the new end.
        factors = [delayed(schedule, group.get("begins", 0)) for group in optimizer.param_groups]
        scheduler = LambdaLR(optimizer, factors)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Matrices inside the network, other weights that decay, and biases, gains and vectors that do not.

        Inner are matrices that are not at the model's `edges`, where signals enter and symbols leave. A model may ask
        for other rates of some parameters: they are groups of their own. So are learned weights of terms.
        """
        trained = [
            (name, parameter)
            for name, parameter in self.named_parameters()
            if parameter.requires_grad and not name.startswith("weighting.")
        ]
        groups = grouped(trained, self.model, getattr(self.optimizer, "keywords", {}))
        own: dict[str, Any] = getattr(self.weighting, "parameter_group", dict)()
        return [group for group in [*groups, own] if group.get("params")]


def unhidden(batch: Batch) -> Batch:
    """The batch with no frame hidden."""
    if "hidden" not in batch.targets:
        return batch
    return replace(batch, targets={name: target for name, target in batch.targets.items() if name != "hidden"})


def unique(scored: Sequence[Scored]) -> list[Scored]:
    """The rows by id, each once: two of one id mean that an example would be counted twice."""
    by_id = {row.id: row for row in scored}
    if len(by_id) < len(scored):
        twice = sorted({row.id for row in scored if by_id[row.id] is not row})
        raise InputError(f"{' '.join(twice[:5])}: scored more than once: ids must be unique in a manifest")
    return [by_id[name] for name in sorted(by_id)]
