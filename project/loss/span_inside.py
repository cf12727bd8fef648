"""Whether a bar lies in a span: four ways to be wrong about it.

Means over a window's bars and then over windows. Few bars are inside, so a head that says no to all is nearly right by
most of them: it gets the entropy of the base rate, 0.26 where 7.2 % are inside.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import final

import torch
from torch import Tensor
from torch.nn import functional

from project.contract import Batch, InputError, SpanOutput
from project.loss.span_guess import log_odds, lowest
from project.loss.span_target import bar_mean, bar_weights
from project.padding import inside

# B windows, T bars

_SURE = 10.0  # the logit of yes for one who is to be sure


class Inside(ABC):
    """The term `span`."""

    def __call__(self, output: SpanOutput, batch: Batch) -> Tensor:
        return self.windows(output.inside_BT.float(), batch.targets["inside"], output.lengths_B).mean()

    @abstractmethod
    def windows(self, logits_BT: Tensor, inside_BT: Tensor, lengths_B: Tensor) -> Tensor:
        """(B,) How wrong each window is."""

    @abstractmethod
    def guess(self, batch: Batch) -> dict[str, Tensor]:
        """`inside_T`, a logit for each place in the window."""

    def _searched(self, batch: Batch, *starts_T: Tensor) -> dict[str, Tensor]:
        """The best that is found from several starts. No place is surer than its number of windows allows."""
        inside_BT, lengths_B = batch.targets["inside"].double(), batch.lengths_B

        def loss_of(logits_T: Tensor) -> Tensor:
            return self.windows(logits_T.expand_as(inside_BT), inside_BT, lengths_B).mean()

        limit_T = (2 * (bar_weights(batch) > 0).sum(dim=0) + 1).log()
        tried = [start_T.double() for start_T in starts_T]
        tried += [lowest(loss_of, start_T).clamp(-limit_T, limit_T) for start_T in starts_T]
        return {"inside_T": min(tried, key=lambda logits_T: float(loss_of(logits_T)))}


@final
class Entropy(Inside):
    """Binary cross entropy (natural logarithm), also called BCE.

    `pos_weight` is how often a bar inside counts. Label smoothing takes that part of each answer's certainty away.
    """

    def __init__(self, pos_weight: float | None = None, label_smoothing: float = 0.0) -> None:
        if pos_weight is not None and pos_weight <= 0:
            raise InputError(f"loss.span.pos_weight is {pos_weight:g}: give a number above 0, or null for 1")
        self._pos_weight = pos_weight or 1.0
        self._smoothing = label_smoothing

    def windows(self, logits_BT: Tensor, inside_BT: Tensor, lengths_B: Tensor) -> Tensor:
        wanted_BT = inside_BT * (1 - self._smoothing) + self._smoothing / 2
        weight = logits_BT.new_tensor(self._pos_weight)
        values_BT = functional.binary_cross_entropy_with_logits(
            logits_BT, wanted_BT, pos_weight=weight, reduction="none"
        )
        return bar_mean(values_BT, lengths_B)

    def guess(self, batch: Batch) -> dict[str, Tensor]:
        odds_T = log_odds(batch.targets["inside"], bar_weights(batch), self._smoothing)
        return {"inside_T": odds_T + torch.tensor(self._pos_weight).log()}


@final
class Focal(Inside):
    """Cross entropy times the `gamma`-th power of how unlikely the right answer was: what is known counts for little.

    `alpha` is the weight of bars inside, the others' is 1 - alpha; None weighs both 1. Lin et al., Focal Loss for Dense
    Object Detection (ICCV 2017).
    """

    def __init__(self, gamma: float = 2.0, alpha: float | None = None) -> None:
        if gamma < 0 or (alpha is not None and not 0 < alpha < 1):
            raise InputError("loss.span: focal loss takes gamma from 0 on, and alpha between 0 and 1, or null")
        self._gamma = gamma
        self._weights = (1.0, 1.0) if alpha is None else (1 - alpha, alpha)

    def windows(self, logits_BT: Tensor, inside_BT: Tensor, lengths_B: Tensor) -> Tensor:
        signed_BT = torch.where(inside_BT > 0.5, logits_BT, -logits_BT)
        unlikely_BT = (self._gamma * functional.logsigmoid(-signed_BT)).exp()
        others, own = self._weights
        values_BT = -torch.where(inside_BT > 0.5, own, others) * unlikely_BT * functional.logsigmoid(signed_BT)
        return bar_mean(values_BT, lengths_B)

    def guess(self, batch: Batch) -> dict[str, Tensor]:
        return self._searched(batch, log_odds(batch.targets["inside"], bar_weights(batch)))


@final
class SoftDice(Inside):
    """1 less twice the overlap of probabilities and truth over the sum of both, of each window.

    `smooth` is added above and below, so that a window without a span asks for small probabilities.
    """

    def __init__(self, smooth: float = 1.0) -> None:
        if smooth <= 0:
            raise InputError(f"loss.span.smooth is {smooth:g}: windows without a span need a number above 0")
        self._smooth = smooth

    def windows(self, logits_BT: Tensor, inside_BT: Tensor, lengths_B: Tensor) -> Tensor:
        probs_BT = logits_BT.sigmoid() * inside(lengths_B, logits_BT.shape[1])
        overlap_B, sizes_B = (probs_BT * inside_BT).sum(dim=1), (probs_BT + inside_BT).sum(dim=1)
        return 1 - (2 * overlap_B + self._smooth) / (sizes_B + self._smooth)

    def guess(self, batch: Batch) -> dict[str, Tensor]:
        """Yes at the places that are most often inside, no at the others; the number of places is searched."""
        inside_BT, lengths_B = batch.targets["inside"].double(), batch.lengths_B
        within_BT = inside(lengths_B, inside_BT.shape[1]).double()
        order_T = (inside_BT.sum(dim=0) / within_BT.sum(dim=0).clamp(min=1)).argsort(descending=True, stable=True)
        none_B1 = inside_BT.new_zeros(len(inside_BT), 1)
        overlaps_BK = torch.cat([none_B1, inside_BT[:, order_T].cumsum(dim=1)], dim=1)
        sizes_BK = torch.cat([none_B1, within_BT[:, order_T].cumsum(dim=1)], dim=1) + inside_BT.sum(dim=1)[:, None]
        dice_K = ((2 * overlaps_BK + self._smooth) / (sizes_BK + self._smooth)).mean(dim=0)
        logits_T = torch.full_like(inside_BT[0], -_SURE)
        logits_T[order_T[: int(dice_K.argmax())]] = _SURE
        return {"inside_T": logits_T}


@final
class EntropyDice(Inside):
    """Cross entropy and soft dice added: one for what probabilities mean, the other for the overlap."""

    def __init__(self, entropy: Entropy, dice: SoftDice, dice_weight: float = 1.0) -> None:
        if dice_weight < 0:
            raise InputError(f"loss.span.dice_weight is {dice_weight:g}: give 0 or more")
        self._entropy, self._dice = entropy, dice
        self._dice_weight = dice_weight

    def windows(self, logits_BT: Tensor, inside_BT: Tensor, lengths_B: Tensor) -> Tensor:
        entropies_B = self._entropy.windows(logits_BT, inside_BT, lengths_B)
        return entropies_B + self._dice_weight * self._dice.windows(logits_BT, inside_BT, lengths_B)

    def guess(self, batch: Batch) -> dict[str, Tensor]:
        """Searched from what is best for cross entropy, and from twice and four times those odds."""
        odds_T = self._entropy.guess(batch)["inside_T"]
        return self._searched(batch, odds_T, *(odds_T + torch.tensor(times).log() for times in (2.0, 4.0)))
