"""Masked self-supervision: telling from what is visible whether the key is down where the signal is hidden."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from project.contract import Batch, Emissions, InputError, Terms
from project.feature.timing import TimingPrior
from project.padding import inside
from project.part import Loss

# B examples, T input frames

_SURE = 1e-4  # visible states count as certain to within this, so that logarithms stay finite
_LONGEST = 96  # frames; longer runs don't count in the timing term


class Masked:
    """Terms over hidden frames alone, and beside them those of a CTC loss, if one is given.

    `mask`: binary cross entropy (natural logarithm) of the states, weighted by `trust`: the mean over an example's
    hidden frames, and then over examples. `balanced` lets both states count half in it, however rare one of them is.

    `timing`, if asked for, wants no labels: how unlikely under the 1/3/7 prior the tones and gaps are that the model
    makes up in hidden spans, visible frames being what they are. It is the expected log-density of a run's length, with
    expectation over the model's probabilities as if frames were independent; unit and stretch come from the example.

    It does not know which frames to hide: the batch says so.
    """

    def __init__(self, balanced: bool = False, timing: bool = False, ctc: Loss | None = None) -> None:
        self._balanced = balanced
        self._prior = TimingPrior() if timing else None
        self._ctc = ctc

    def __call__(self, output: Emissions, batch: Batch) -> Terms:
        if output.states_BT is None:
            raise InputError("the model says nothing of hidden frames: set model.mask_head=true")
        if "hidden" not in batch.targets:
            raise InputError("no frames are hidden: add project.data.augment.SpanMask to data.augment")
        hidden_BT, states_BT, trust_BT = (batch.targets[name] for name in ("hidden", "states", "trust"))
        terms = self._ctc(output, batch) if self._ctc is not None else {}
        terms["mask"] = masked_entropy(output.states_BT, states_BT, hidden_BT * trust_BT, self._balanced)
        if self._ctc is None:  # training on several devices wants a gradient for every weight: that of the symbols is 0
            terms["mask"] = terms["mask"] + 0.0 * output.log_probs_BTV.sum()
        if self._prior is not None:
            on_BT = torch.where(hidden_BT, output.states_BT.float().sigmoid(), states_BT)
            terms["timing"] = unlikely_timing(on_BT, hidden_BT, batch.lengths_B, *self._densities(batch))
        return terms

    def _densities(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """(B, D) log-densities of lengths 1 to D of tones, and of gaps, in each example's own rhythm."""
        assert self._prior is not None
        lengths_D = np.arange(1, _LONGEST + 1)
        rows: list[list[Tensor]] = [[], []]
        for states_T, length in zip(batch.targets["states"].cpu().numpy() > 0.5, batch.lengths_B.tolist(), strict=True):
            timing = self._prior.fit(states_T[:length])
            for mark, table in zip((True, False), rows, strict=True):
                density_D = self._prior.log_densities(lengths_D, mark, timing.unit, timing.stretch)
                table.append(torch.from_numpy(density_D).float())
        marks_BD, gaps_BD = (torch.stack(table).to(batch.signals_BTF.device) for table in rows)
        return marks_BD, gaps_BD


def masked_entropy(logits_BT: Tensor, states_BT: Tensor, weights_BT: Tensor, balanced: bool) -> Tensor:
    """Binary cross entropy: the mean over an example's weighted frames, then over the examples that have any."""
    entropies_BT = functional.binary_cross_entropy_with_logits(logits_BT.float(), states_BT, reduction="none")
    groups = [weights_BT * states_BT, weights_BT * (1 - states_BT)] if balanced else [weights_BT]
    sizes_GB = torch.stack([weights.sum(dim=1) for weights in groups])
    sums_GB = torch.stack([(weights * entropies_BT).sum(dim=1) for weights in groups])
    present_GB = sizes_GB > 0
    means_B = (sums_GB / sizes_GB.clamp(min=1e-9)).sum(dim=0) / present_GB.sum(dim=0).clamp(min=1)
    return means_B.sum() / present_GB.any(dim=0).sum().clamp(min=1)


def unlikely_timing(on_BT: Tensor, hidden_BT: Tensor, lengths_B: Tensor, marks_BD: Tensor, gaps_BD: Tensor) -> Tensor:
    """Minus the expected log-density of a run that has a hidden frame in it or beside it, over its expected number.

    A run of length d from frame a on has the probability that frames a to a + d - 1 share a state and both neighbours
    have the other one; summed over all a and d these are expected counts, and so differentiable.
    """
    num_frames = on_BT.shape[1]
    on_BT = on_BT.clamp(_SURE, 1 - _SURE)
    inside_BT = inside(lengths_B, num_frames)
    hidden_sums_BT = functional.pad(hidden_BT.int().cumsum(dim=1), (1, 0))
    expected_B, counts_B = on_BT.new_zeros(len(on_BT)), on_BT.new_zeros(len(on_BT))
    for state_BT, densities_BD in ((on_BT, marks_BD), (1 - on_BT, gaps_BD)):
        sums_BT = functional.pad(state_BT.log().cumsum(dim=1), (1, 0))
        other_BT = (1 - state_BT).log()
        for length in range(1, min(densities_BD.shape[1], num_frames - 2) + 1):
            last = num_frames - length - 1  # runs start at frames 1 to `last`, and have a frame on either side
            log_probs_BA = sums_BT[:, 1 + length : num_frames] - sums_BT[:, 1 : last + 1]
            log_probs_BA = log_probs_BA + other_BT[:, :last] + other_BT[:, 1 + length :]
            counted_BA = hidden_sums_BT[:, length + 2 :] - hidden_sums_BT[:, :last] > 0
            probs_B = (log_probs_BA.exp() * (counted_BA & inside_BT[:, 1 + length :])).sum(dim=1)
            counts_B = counts_B + probs_B
            expected_B = expected_B + probs_B * densities_BD[:, length - 1]
    present_B = counts_B > _SURE
    means_B = torch.where(present_B, -expected_B / counts_B.clamp(min=_SURE), 0.0)
    return means_B.sum() / present_B.sum().clamp(min=1)
