"""Knowledge distillation: a student learns from what a trained recognizer makes of the same frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import torch
from torch import Tensor

from project.contract import Batch, Emissions, Hypothesis, InputError, Terms
from project.loss.ctc import CTC
from project.loss.divergence import divergence, matched, mean_of_frames
from project.padding import inside
from project.part import Loss, Teacher
from project.text.alphabet import Alphabet


class Distill:
    """The terms of a loss of one's own, `distill`, how far each frame is from the teacher's, and perhaps `sequence`.

    `distill` is KL from the teacher's distribution to the student's at a temperature, times its square: mean over
    frames, then over examples. Nearly all that a CTC teacher says is blank, and says with certainty: frames where blank
    is its best count `blank_weight`, the others 1. `sequence` is CTC towards the teacher's hypotheses as if they were
    references; of one that the student has too few frames for nothing is learned.

    The teacher is no part of the student: it is not trained or saved with it, and answers with nothing hidden. Without
    one, as in the evaluation of a student, the terms of one's own loss are left, and training is refused.
    """

    def __init__(
        self,
        ctc: Loss,
        teacher: Teacher | None = None,
        temperature: float = 2.0,
        blank_weight: float = 0.1,
        sequence: bool = False,
    ) -> None:
        if temperature <= 0:
            raise InputError(f"loss.temperature is {temperature:g}: give a number above 0")
        if blank_weight < 0:
            raise InputError(f"loss.blank_weight is {blank_weight:g}: give 0, to leave such frames out, or more")
        self._ctc = ctc
        self._teacher = cast(Any, teacher)  # a torch module, which its Protocol cannot say
        self._temperature = temperature
        self._blank_weight = blank_weight
        self._to_hypotheses = CTC(zero_infinity=True) if sequence else None
        self._device: torch.device | None = None  # where the teacher has been moved to
        self._heard: tuple[Batch, Emissions, list[Hypothesis]] | None = None  # of the last batch nobody learned from
        if teacher is not None:
            self._teacher.eval().requires_grad_(False)

    def __call__(self, output: Emissions, batch: Batch) -> Terms:
        terms = self._ctc(output, batch)
        if self._teacher is None:
            if torch.is_grad_enabled():
                raise InputError("loss=distill has nobody to learn from: set teacher=<run folder>")
            return terms
        said, hypotheses = self._listen(batch, output.log_probs_BTV.device)
        terms = terms | {"distill": self._distance(said, output)}
        if self._to_hypotheses is not None:
            terms["sequence"] = self._to_hypotheses(output, taught(batch, hypotheses))["ctc"]
        return terms

    def _listen(self, batch: Batch, device: torch.device) -> tuple[Emissions, list[Hypothesis]]:
        """What the teacher says of a batch. Diagnosis asks about a validation batch twice: it is answered once."""
        if self._heard is not None and self._heard[0] is batch:
            return self._heard[1:]
        if self._device != device:
            self._teacher.to(device)
            self._device = device
        with torch.no_grad():
            if self._to_hypotheses is None:
                said, hypotheses = self._teacher.listen(batch), []
            else:
                said, hypotheses = self._teacher.predict(batch)
        self._heard = None if torch.is_grad_enabled() else (batch, said, hypotheses)
        return said, hypotheses

    def _distance(self, said: Emissions, output: Emissions) -> Tensor:
        teacher_BTV, student_BTV, lengths_B = matched(said, output)
        is_blank_BT = teacher_BTV.argmax(dim=2) == Alphabet.blank
        weights_BT = torch.where(is_blank_BT, self._blank_weight, 1.0) * inside(lengths_B, is_blank_BT.shape[1])
        return mean_of_frames(divergence(teacher_BTV, student_BTV, self._temperature), weights_BT)


def taught(batch: Batch, hypotheses: Sequence[Hypothesis]) -> Batch:
    """The batch with a recognizer's answers in place of its symbols."""
    lengths = [len(one.tokens) for one in hypotheses]
    longest = max(1, *lengths)
    rows = [[*one.tokens, *[Alphabet.blank] * (longest - len(one.tokens))] for one in hypotheses]
    device = batch.signals_BTF.device
    symbols = {"symbols": torch.tensor(rows, device=device), "symbol_lengths": torch.tensor(lengths, device=device)}
    return replace(batch, targets={**batch.targets, **symbols})
