"""Masked prediction: which unit of sound a frame belongs to, where the sound was hidden and where it was not."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from project.contract import Batch, InputError, Terms, UnitOutput
from project.padding import inside

# B examples, T output frames, K units


class UnitLoss:
    """Two terms, `masked` over hidden frames and `seen` over the others: cross entropy, natural logarithm.

    Each is the mean over all such frames of the batch, 0 if there is none. Units and frames are counted from the start
    of a recording; at its end one may be a few more than the other, and what has no partner is left out. `slack` says
    how many that may be: more means that they are not of this recording, or of another rate.

    It does not know which frames to hide: the model says so.
    """

    def __init__(self, slack: int = 2) -> None:
        if slack < 0:
            raise InputError(f"loss.slack is {slack}: give 0 or more frames")
        self._slack = slack

    def __call__(self, output: UnitOutput, batch: Batch) -> Terms:
        units_BT, asked_BT = wanted(output, batch, self._slack)
        entropies_BT = functional.cross_entropy(output.logits_BTK.float().transpose(1, 2), units_BT, reduction="none")
        parts = {"masked": asked_BT & output.hidden_BT, "seen": asked_BT & ~output.hidden_BT}
        return {name: mean_of(entropies_BT, part_BT) for name, part_BT in parts.items()}


def wanted(output: UnitOutput, batch: Batch, slack: int = 2) -> tuple[Tensor, Tensor]:
    """(B, T) the unit of each of the model's frames, and which frames have one."""
    if "units" not in batch.targets:
        raise InputError("the examples say nothing of units: set text=units and give manifests of `prepare cluster`")
    counts_B = batch.targets["unit_lengths"]
    apart_B = (output.lengths_B - counts_B).abs()
    if bool((apart_B > slack).any()):
        row = int(apart_B.argmax())
        raise InputError(
            f"{batch.ids[row]}: it has {int(counts_B[row])} units and the model {int(output.lengths_B[row])} frames: "
            "make its units of this recording at the model's rate, with `scansion prepare cluster`"
        )
    frames = output.logits_BTK.shape[1]
    units_BT = functional.pad(batch.targets["units"], (0, max(0, frames - batch.targets["units"].shape[1])))[:, :frames]
    shared_B = torch.minimum(output.lengths_B, counts_B)
    return units_BT, inside(shared_B, frames)


def mean_of(values_BT: Tensor, asked_BT: Tensor) -> Tensor:
    """The mean of the values that are asked for; 0, with a gradient of 0, of none."""
    kept_BT = torch.where(asked_BT, values_BT, torch.zeros_like(values_BT))
    return kept_BT.sum() / asked_BT.sum().clamp(min=1)
