"""Dynamic weight average: terms that fall slower than the others are given more weight.

After Liu, Johns and Davison (2019), over windows of steps where they have epochs. It looks at rates alone, so it does
not know a large term from a small one: bring terms to one scale by the weights it is given. A term that does not fall
because it cannot is given more weight too.
"""

from __future__ import annotations

import math
from typing import final

import torch
from torch import Tensor, nn

from project.contract import InputError, Terms
from project.loss.weighting import Roster, add_up

# K terms


@final
class DynamicAverage(nn.Module):
    """Factors are K softmax(r / temperature), where r is a term's mean in the last window over that in the one before.

    They add up to K, and are 1 in the first two windows. A window is so many batches; a high temperature makes all
    factors alike. Sums and means are part of a checkpoint.
    """

    def __init__(self, window: int = 100, temperature: float = 2.0, **weights: float | None) -> None:
        super().__init__()
        if window < 1 or temperature <= 0:
            raise InputError(
                f"weighting: window={window} and temperature={temperature}: give at least 1 batch and more than 0"
            )
        self._window = window
        self._temperature = temperature
        self._roster = Roster(weights)
        self.sums_K: Tensor
        self.batches: Tensor
        self.last_K: Tensor
        self.before_K: Tensor
        self.register_buffer("sums_K", torch.zeros(len(self._roster)))
        self.register_buffer("batches", torch.zeros((), dtype=torch.int64))
        self.register_buffer("last_K", torch.full((len(self._roster),), math.nan))
        self.register_buffer("before_K", torch.full((len(self._roster),), math.nan))

    def forward(self, terms: Terms) -> tuple[Tensor, Terms]:
        """The weighted sum, and each term as it stands in it."""
        self._roster.check(terms, self.training)
        weighted = self._roster.weigh(terms, self._factors())
        if self.training:
            self._add(self._roster.values(terms))
        return add_up(weighted), weighted

    def _factors(self) -> Tensor:
        rates_K = self.last_K / self.before_K
        rates_K = torch.where(rates_K.isfinite(), rates_K, 1.0)  # none yet, or a term that was 0
        return len(self._roster) * torch.softmax(rates_K / self._temperature, dim=0)

    def _add(self, values_K: Tensor) -> None:
        if not bool(values_K.isfinite().all()):  # the step will be stopped or skipped
            return
        self.sums_K += values_K
        self.batches += 1
        if int(self.batches) == self._window:
            self.before_K.copy_(self.last_K)
            self.last_K.copy_(self.sums_K / self._window)
            self.sums_K.zero_()
            self.batches.zero_()

    def weights(self) -> dict[str, float]:
        """The factors of this window, times what was given."""
        return self._roster.weights(self._factors())
