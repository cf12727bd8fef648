"""Spans in windows: several heads, several terms, and a threshold that is chosen on dev and kept with the weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import final

import torch
from torch import Tensor

from project.contract import (
    Answers,
    Batch,
    InputError,
    Output,
    SpanOutput,
)
from project.metric.threshold import Histogram, best_threshold
from project.system.base import Checked, Scored, Seen, System
from project.system.ignorance import Ignorance


@final
class SpanSystem(System):
    """Validation in training chooses the threshold of the bars inside a span by F1 and scores with it.

    The threshold stands in the checkpoint; evaluation uses it as it is. Pretraining hides what a batch says; validation
    then asks for what was hidden, and says nothing of spans.
    """

    shown = ("threshold",)

    def begin(self) -> None:
        """The threshold is a buffer, so that it goes into checkpoints."""
        self.threshold: Tensor
        self.register_buffer("threshold", torch.tensor(0.5))
        self.ignorance: Ignorance | None = None  # of the training windows, where they are at hand
        self._said: list[tuple[Batch, SpanOutput]] = []  # of the validation under way
        self._inside = Histogram()

    def listen(self, batch: Batch) -> Output:
        """What the model says of a batch, with the threshold of these weights."""
        output = super().listen(batch)
        assert isinstance(output, SpanOutput)
        return replace(output, threshold=float(self.threshold))

    def check(self, output: Output, batch: Batch) -> Checked:
        """The terms, those of what is hidden from the batch as training sees it; and what the span head said."""
        assert isinstance(output, SpanOutput)
        if "hidden" in batch.targets:
            hidden = self(batch)
            if hidden.restored_BTF is None:
                raise InputError("the model says nothing of hidden bars: set model.restore_head=true")
            output = replace(output, restored_BTF=hidden.restored_BTF)
        terms = self.loss(output, batch)
        probabilities_N, targets_N = _frames(output, batch)
        heads = {"span": Answers(probabilities_N, targets_N)} if "span" in terms else {}
        return Checked(terms, heads=heads, is_taught="span" in terms)

    def ignorant(self, output: Output, batch: Batch) -> Output | None:
        """What one would say who knows the training windows and does not look at this batch."""
        assert isinstance(output, SpanOutput)
        return self.ignorance.instead_of(output) if self.ignorance is not None else None

    def on_validation_epoch_start(self) -> None:
        super().on_validation_epoch_start()
        self._said, self._inside = [], Histogram()

    def validation_step(self, batch: Batch, batch_idx: int) -> dict[str, Seen]:
        """Score each example, and keep what was said until the threshold is known."""
        found = super().validation_step(batch, batch_idx)
        output = found["seen"].output
        if self._chooses and found["seen"].checked.is_taught:
            assert isinstance(output, SpanOutput)
            self._said.append((batch, output))
            self._inside.add(*_frames(output, batch))
        return found

    @property
    def _chooses(self) -> bool:
        """Only training chooses: a threshold chosen on what is scored would flatter it."""
        return self.trainer.state.fn == "fit"

    def on_validation_epoch_end(self) -> None:
        """Choose the threshold on all ranks' windows, and score again with it."""
        if self._said:
            whole = Histogram()  # of all ranks, the same on each
            for share in self._gathered(self._inside):
                whole.merge(share)
            value, _ = best_threshold(whole)
            self.threshold.fill_(value)
            self.scored = [row for batch, output in self._said for row in self._rescored(batch, output)]
        self._said = []
        super().on_validation_epoch_end()

    def _rescored(self, batch: Batch, output: SpanOutput) -> list[Scored]:
        hypotheses = self.decoder(replace(output, threshold=float(self.threshold)))
        return [
            Scored(name, reference, hypothesis, self._columns(name, reference, hypothesis))
            for name, reference, hypothesis in zip(batch.ids, batch.references, hypotheses, strict=True)
        ]

    def ratios(self, counts: Mapping[str, float]) -> dict[str, float]:
        """The threshold beside the figures that it gave."""
        return {"threshold": float(self.threshold)}


def _frames(output: SpanOutput, batch: Batch) -> tuple[Tensor, Tensor]:
    """The probability of each true frame to lie inside a span, and whether it does."""
    frames_T = torch.arange(output.inside_BT.shape[1], device=output.lengths_B.device)
    true_BT = frames_T < output.lengths_B[:, None]
    return output.inside_BT[true_BT].float().sigmoid(), batch.targets["inside"][true_BT]
