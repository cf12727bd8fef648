"""Phones by CTC, and how well each of those that should have been said was said.

What should have been said stands in a batch's symbols, people's judgements in its further targets, where the manifest
has them. Neither is used to recognize.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import final

import numpy as np
import torch
from torch import Tensor

from project.contract import Assessment, Batch, Emissions, Hypothesis, InputError, Output
from project.decode.gop import assess
from project.metric.association import Array
from project.metric.pronunciation_reading import BOUNDS, KINDS, threshold_name
from project.metric.pronunciation_threshold import best_cut, best_line
from project.system.base import Scored, System
from project.text.spelling import ABSENT

ASPECTS = ("accuracy", "completeness", "fluency", "prosodic", "total")  # of an utterance, as people score it
UNIT = 0.01  # of people's scores in targets


@final
class PhonemeSystem(System):
    """Validation in training chooses what people's judgements teach, and scores with it; the checkpoint keeps it.

    That are thresholds of the goodness of pronunciation, for phones that people gave less than 0.5 and less than 1, by
    F1; and the line from the alignment-free one to people's score. Where dev has no such scores nothing is chosen.
    """

    @property
    def replaceable(self) -> tuple[str, ...]:
        """Weights of a system that knows no goodness will do."""
        return (*super().replaceable, "thresholds", "calibration")

    def begin(self) -> None:
        """What is chosen are buffers, so that it goes into checkpoints; not a number is not chosen."""
        self.thresholds: Tensor  # by kind of goodness, and by the score that phones are below
        self.calibration: Tensor
        self.register_buffer("thresholds", torch.full((len(KINDS), len(BOUNDS)), math.nan))
        self.register_buffer("calibration", torch.full((2,), math.nan))

    def predict(self, batch: Batch) -> tuple[Output, list[Hypothesis]]:
        """What is recognized; and where it is known what should have been said, how well it was."""
        output, hypotheses = super().predict(batch)
        if "symbols" not in batch.targets:
            return output, hypotheses
        assert isinstance(output, Emissions)
        found = self.assess(output, batch)
        return output, [replace(one, assessment=its) for one, its in zip(hypotheses, found, strict=True)]

    def assess(self, output: Emissions, batch: Batch) -> list[Assessment]:
        """How well the phones of each example were said, by the model, and by people as far as they said it."""
        symbols = cut(batch, "symbols", "symbol_lengths")
        chosen, line = self._chosen()
        found = []
        for row, goodness in enumerate(assess(output, symbols)):
            phones = tuple(batch.references[row].split())
            if len(phones) != len(symbols[row]):
                raise InputError(
                    f"{batch.ids[row]}: {len(phones)} phones are written, and {len(symbols[row])} of them are in the "
                    "alphabet: mend the manifest, or choose text=phones"
                )
            scores = phone_scores(batch, row, len(phones))
            found.append(
                Assessment(
                    phones,
                    goodness.aligned,
                    goodness.free,
                    goodness.log_prob,
                    scores,
                    aspects(batch, row),
                    chosen,
                    line,
                )
            )
        return found

    def _chosen(self) -> tuple[dict[str, float], tuple[float, float]]:
        """Thresholds by name, and the line; what was not chosen is left out, or 0."""
        cuts = {
            threshold_name(kind, bound): float(self.thresholds[row, column])
            for row, kind in enumerate(KINDS)
            for column, bound in enumerate(BOUNDS)
        }
        first, second = self.calibration.tolist()
        line = (0.0, 0.0) if math.isnan(first) else (first, second)
        return {name: value for name, value in cuts.items() if not math.isnan(value)}, line

    def on_validation_epoch_end(self) -> None:
        """Choose by all ranks' phones, and score again; only training does: on what is scored it would flatter."""
        if self.trainer.state.fn == "fit":
            shares = self._gathered(judged(self.scored))
            self._choose(np.concatenate(shares, axis=1))
            self.scored = [self._rescored(row) for row in self.scored]
        super().on_validation_epoch_end()

    def _choose(self, judged_CN: Array) -> None:
        *goodness_KN, scores_N = judged_CN
        for row, goodness_N in enumerate(goodness_KN):
            for column, bound in enumerate(BOUNDS):
                value = best_cut(goodness_N, scores_N < bound)
                if value is not None:
                    self.thresholds[row, column] = value
        line = best_line(goodness_KN[KINDS.index("free")], scores_N)
        if line is not None:
            self.calibration.copy_(torch.tensor(line))

    def _rescored(self, row: Scored) -> Scored:
        assert row.hypothesis.assessment is not None
        thresholds, calibration = self._chosen()
        assessment = replace(row.hypothesis.assessment, thresholds=thresholds, calibration=calibration)
        hypothesis = replace(row.hypothesis, assessment=assessment)
        return replace(row, hypothesis=hypothesis, columns=self._columns(row.id, row.reference, hypothesis))

    def ratios(self, counts: Mapping[str, float]) -> dict[str, float]:
        """The thresholds beside the figures that they gave."""
        return {f"threshold_{name.replace('<', '_')}": value for name, value in self._chosen()[0].items()}


def judged(scored: list[Scored]) -> Array:
    """(C, N) goodness of each kind and people's score, of all phones that people judged."""
    parts = [np.zeros((len(KINDS) + 1, 0))]
    for row in scored:
        one = row.hypothesis.assessment
        if one is not None and one.phone_scores:
            parts.append(np.array([*(getattr(one, kind) for kind in KINDS), one.phone_scores]))
    return np.concatenate(parts, axis=1)


def cut(batch: Batch, name: str, lengths: str) -> list[list[int]]:
    """A padded target as lists."""
    rows, sizes = batch.targets[name].tolist(), batch.targets[lengths].tolist()
    return [row[:size] for row, size in zip(rows, sizes, strict=True)]


def phone_scores(batch: Batch, row: int, num_phones: int) -> tuple[float, ...]:
    """People's scores of one example's phones; none where the manifest has none."""
    if "phone_scores" not in batch.targets:
        return ()
    found = batch.targets["phone_scores"][row, : int(batch.targets["phone_score_lengths"][row])].tolist()
    if found == [ABSENT]:
        return ()
    if len(found) != num_phones:
        raise InputError(
            f"{batch.ids[row]}: labels.phone_scores are {len(found)}, and there are {num_phones} phones: give each one"
        )
    return tuple(round(UNIT * value, 2) for value in found)


def aspects(batch: Batch, row: int) -> dict[str, float]:
    """People's scores of one utterance, those that the manifest has."""
    found = {name: int(batch.targets[name][row, 0]) for name in ASPECTS if name in batch.targets}
    return {name: round(UNIT * value, 2) for name, value in found.items() if value != ABSENT}
