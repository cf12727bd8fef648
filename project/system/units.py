"""Masked prediction of units of sound as a system: learning from recordings alone."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, final

import torch
from torch import Tensor

from project.contract import Batch, Output, UnitOutput
from project.loss.units import wanted
from project.padding import inside
from project.system.base import Checked, System


@final
class UnitSystem(System):
    """What is scored is what was hidden, in training and in evaluation. Sound that comes without units is heard whole.

    Beside that, of a validation: `dev/masked_majority`, the part of the hidden frames that have the commonest unit,
    which is what one gets who always says that; `dev/masked_prior`, the entropy of units in hidden frames, which is the
    term `masked` of one who says how frequent they are and listens to nothing; and `dev/seen_accuracy`, of the frames
    that are not hidden. Skill is measured by how frequent units are in training: they are counted as they come, and the
    counts kept with the weights.
    """

    shown = ("masked", "masked_prior", "masked_majority", "seen_accuracy")

    def begin(self) -> None:
        """The counts are a buffer, so that they go into checkpoints."""
        units: Any = self.model.units
        self.unit_counts: Tensor
        self.register_buffer("unit_counts", torch.zeros(units.out_features, dtype=torch.int64))

    @property
    def replaceable(self) -> tuple[str, ...]:
        """The counts too: a run that starts from this one may have other units."""
        return (*super().replaceable, "unit_counts")

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        """Count the units that are learned from."""
        units_BL, counts_B = batch.targets["units"], batch.targets["unit_lengths"]
        inside_BL = inside(counts_B, units_BL.shape[1])
        self.unit_counts += torch.bincount(units_BL[inside_BL], minlength=len(self.unit_counts))

    def check(self, output: Output, batch: Batch) -> Checked:
        """The terms; counts of hidden frames by unit, and of the others that are told rightly."""
        assert isinstance(output, UnitOutput)
        units_BT, asked_BT = wanted(output, batch)
        hidden_N = units_BT[asked_BT & output.hidden_BT]
        seen_BT = asked_BT & ~output.hidden_BT
        right_BT = output.logits_BTK.argmax(dim=2) == units_BT
        sizes = torch.bincount(hidden_N, minlength=output.logits_BTK.shape[2]).tolist()
        counts = {f"{_UNIT}{unit}": float(size) for unit, size in enumerate(sizes)}
        counts |= {"seen": float(seen_BT.sum()), "seen_right": float((seen_BT & right_BT).sum())}
        return Checked(self.loss(output, batch), counts)

    def ignorant(self, output: Output, batch: Batch) -> Output | None:
        """Each frame the frequencies of units in training, one added to each count."""
        assert isinstance(output, UnitOutput)
        log_probs_K = (self.unit_counts + 1).double().log().log_softmax(dim=0).float()
        return replace(output, logits_BTK=log_probs_K.expand_as(output.logits_BTK))

    def ratios(self, counts: Mapping[str, float]) -> dict[str, float]:
        """What one would get for nothing, and accuracy on seen frames."""
        sizes = [size for name, size in counts.items() if name.startswith(_UNIT) and size]
        total = max(1.0, sum(sizes))
        return {
            "masked_majority": max(sizes, default=0.0) / total,
            "masked_prior": -sum(size / total * math.log(size / total) for size in sizes),
            "seen_accuracy": counts["seen_right"] / max(1.0, counts["seen"]),
        }


_UNIT = "unit/"
