"""A loss that is also told at which pace an example was sent, for models that say so."""

from __future__ import annotations

import torch
from torch import Tensor

from project.contract import Batch, Emissions, InputError, Pace, Terms
from project.padding import inside
from project.part import Loss

# B examples, T output frames, K paces

_WIDTH = 0.06  # of a pace, as part of it: the target is a normal distribution over its logarithm
_LEAST = 0.01  # frames: what is shorter has no logarithm


class Paced:
    """The terms of another loss, and `pace`: how unlikely the pace is at each frame, the mean over an example's frames.

    The target is spread over neighbouring paces. A batch without `labels.pace`, as of real recordings, has the other
    terms alone, which training refuses and evaluation takes.
    """

    teaches_pace = True

    def __init__(self, of: Loss) -> None:
        self._of = of

    def __call__(self, output: Emissions, batch: Batch) -> Terms:
        if output.pace is None:
            raise InputError("the model says nothing of the pace: set model=paced_envelope, or loss=ctc_placed")
        terms = self._of(output, batch)
        if "pace" in batch.targets:
            stride_B = batch.lengths_B / output.lengths_B.clamp(min=1)
            terms["pace"] = pacing(output.pace, batch.targets["pace"], output.lengths_B, stride_B)
        elif torch.is_grad_enabled():
            raise InputError(
                f"loss=ctc_paced wants to know how fast is sent, and one of {', '.join(batch.ids)} does not say it: "
                "give labels.pace, seconds above 0 or pairs [from when, seconds]; or begin with another run: "
                "init_from=<run> loss=ctc weighting=fixed"
            )
        return terms


def pacing(pace: Pace, pace_BT: Tensor, lengths_B: Tensor, stride_B: Tensor) -> Tensor:
    """Cross entropy of the pace; `pace_BT` has it at each input frame, in input frames, `stride_B` of which are one."""
    frames = pace.log_probs_BTK.shape[1]
    rows_T = torch.arange(frames, device=pace_BT.device) * pace_BT.shape[1] // frames
    wanted_BT = pace_BT[:, rows_T] / stride_B[:, None]
    apart_BTK = wanted_BT.clamp(min=_LEAST).log()[..., None] - pace.frames_K.log()
    target_BTK = (-0.5 * (apart_BTK / _WIDTH).square()).softmax(dim=2)
    unlikely_BT = -(target_BTK * pace.log_probs_BTK).sum(dim=2)
    return ((unlikely_BT * inside(lengths_B, frames)).sum(dim=1) / lengths_B.clamp(min=1)).mean()
