"""Terms in one unit: how far from what one would lose who knows the targets' distribution and does not look.

A term is 1 for the ignorant and 0 for the perfect, whatever it is made of: nats, bars or parts of a window. It does not
know how much of that can be learned, nor which term matters: for that there are weights.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import final

import torch
from torch import Tensor, nn

from project.contract import InputError, Terms
from project.loss.weighting import Roster, add_up


@final
class PriorScaled(nn.Module):
    """Each term, divided by its loss for the best guess without the input, times the weight it was given.

    `prior_losses` come from the training examples and stay with the weights: evaluation and a resumed run have them
    without the examples.
    """

    def __init__(self, prior_losses: Mapping[str, float] | None = None, **weights: float | None) -> None:
        super().__init__()
        self._roster = Roster(weights)
        self.prior_losses_K: Tensor
        unknown_K = torch.full((len(self._roster),), math.nan)
        self.register_buffer("prior_losses_K", unknown_K if prior_losses is None else self._read(prior_losses))
        self._is_known = prior_losses is not None

    def _read(self, prior_losses: Mapping[str, float]) -> Tensor:
        missing = [name for name in self._roster.given if name not in prior_losses]
        if missing:
            known = ", ".join(prior_losses) or "none"
            raise InputError(
                f"weighting: no prior loss is known for {', '.join(missing)} (known: {known}): set "
                f"weighting.{missing[0]}=null if the loss has no such term, or choose weighting=fixed"
            )
        for name in self._roster.given:
            if not 0 < prior_losses[name] < math.inf:
                raise InputError(
                    f"weighting: the prior loss of {name} is {prior_losses[name]:g}, by which nothing can be divided: "
                    "are all its targets equal? Leave this term out of the loss, or choose weighting=fixed"
                )
        return torch.tensor([float(prior_losses[name]) for name in self._roster.given])

    def forward(self, terms: Terms) -> tuple[Tensor, Terms]:
        """The sum of the scaled terms, and each of them."""
        self._roster.check(terms, self.training)
        if not self._is_known:  # unless weights were loaded since
            if bool(self.prior_losses_K.isnan().any()):
                raise InputError(
                    "weighting: what terms lose for the ignorant is not known: this loss cannot guess; choose "
                    "weighting=fixed, or give it as weighting.prior_losses={name: number, ...}"
                )
            self._is_known = True
        weighted = self._roster.weigh(terms, 1 / self.prior_losses_K)
        return add_up(weighted), weighted

    def weights(self) -> dict[str, float]:
        """What was given, over the prior loss."""
        return self._roster.weights(1 / self.prior_losses_K)
