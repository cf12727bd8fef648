"""Uncertainty weighting: each term is divided by how uncertain it is said to be, and saying so costs.

The scalar is the sum of L / (2 sigma^2) + log sigma (Kendall, Gal and Cipolla, 2018), which sigma = sqrt(L) makes
smallest: a term then counts 1 / (2 L), whatever its unit. It does not know which terms are worth learning: one that
cannot be learned keeps its share.
"""

from __future__ import annotations

import math
from typing import Any, final

import torch
from torch import Tensor, nn

from project.contract import InputError, Terms
from project.loss.weighting import Roster, add_up

# K terms


@final
class Uncertainty(nn.Module):
    """The sigmas are learned: `log_sigma` is a parameter, with a learning rate of its own.

    Adam moves a parameter by about its learning rate in a step, however far it has to go. At the rate of the other
    weights, sigmas do not arrive: 600 steps of 1e-3 change log sigma by 0.6 at most. `low` and `high` are limits of log
    sigma, kept after every step; `decay` is the part of the running means of the terms that a step keeps, which are
    there to tell what sigma should be and change nothing.
    """

    def __init__(
        self,
        lr: float | None = 0.03,
        low: float | None = -3.0,
        high: float | None = 3.0,
        initial: float = 0.0,
        decay: float = 0.99,
        **weights: float | None,
    ) -> None:
        super().__init__()
        self._lr = lr
        self._range = _checked_range(low, high)
        self._roster = Roster(weights)
        self.means = RunningMeans(len(self._roster), decay)
        self.log_sigma = nn.Parameter(torch.full((len(self._roster),), float(initial)))

    def forward(self, terms: Terms) -> tuple[Tensor, Terms]:
        """The scalar; and the terms as divided, without the logarithms, through which the model learns nothing."""
        self._roster.check(terms, self.training)
        if self.training:
            with torch.no_grad():  # where the last step led beyond its limits, it is set back, and can return
                self.log_sigma.clamp_(*self._range)
            self.means.add(self._roster.values(terms))
        return _divided(self._roster, terms, self.log_sigma.clamp(*self._range))

    def weights(self) -> dict[str, float]:
        """1 / (2 sigma^2), times what was given."""
        return self._roster.weights(_factors(self.log_sigma.detach().clamp(*self._range)))

    def figures(self) -> dict[str, float]:
        """Each sigma, and what it would be best at."""
        sigmas = self._roster.named(self.log_sigma.detach().clamp(*self._range).exp())
        optimal = self._roster.named(self.means().clamp(min=0).sqrt())
        return {f"sigma/{name}": sigma for name, sigma in sigmas.items()} | {
            f"sigma/{name}/optimal": sigma for name, sigma in optimal.items() if not math.isnan(sigma)
        }

    def parameter_group(self) -> dict[str, Any]:
        """The sigmas, their learning rate if they have their own, and no decay: it would draw them towards 1."""
        group = {"params": [self.log_sigma], "weight_decay": 0.0}
        return group if self._lr is None else group | {"lr": self._lr}


@final
class AnalyticUncertainty(nn.Module):
    """The sigmas are where they are best at each step: the square roots of the terms' running means.

    Nothing is learned and nothing can lag. `decay` is the part of the means that a step keeps: 0.99 averages about a
    hundred steps, with the present one; 0 makes the scalar's gradient that of the terms' logarithms.
    """

    def __init__(
        self, decay: float = 0.99, low: float | None = -3.0, high: float | None = 3.0, **weights: float | None
    ) -> None:
        super().__init__()
        self._range = _checked_range(low, high)
        self._roster = Roster(weights)
        self.means = RunningMeans(len(self._roster), decay)

    def forward(self, terms: Terms) -> tuple[Tensor, Terms]:
        """The scalar; and the terms as divided."""
        self._roster.check(terms, self.training)
        if self.training:
            self.means.add(self._roster.values(terms))
        return _divided(self._roster, terms, self._log_sigma())

    def _log_sigma(self) -> Tensor:
        """(K,); 0 before the first step."""
        means_K = torch.nan_to_num(self.means(), nan=1.0).clamp(min=torch.finfo(torch.float32).tiny)
        return (means_K.log() / 2).clamp(*self._range)

    def weights(self) -> dict[str, float]:
        """1 / (2 sigma^2), times what was given."""
        return self._roster.weights(_factors(self._log_sigma()))

    def figures(self) -> dict[str, float]:
        """Each sigma."""
        return {f"sigma/{name}": sigma for name, sigma in self._roster.named(self._log_sigma().exp()).items()}


class RunningMeans(nn.Module):
    """Exponential means of several numbers, from the first on as if there had never been less; NaN before it."""

    def __init__(self, size: int, decay: float) -> None:
        super().__init__()
        if not 0 <= decay < 1:
            raise InputError(f"weighting.decay is {decay}: give a number from 0 to less than 1")
        self._decay = decay
        self.sums_K: Tensor
        self.counts_K: Tensor
        self.register_buffer("sums_K", torch.zeros(size))
        self.register_buffer("counts_K", torch.zeros(size))

    def add(self, values_K: Tensor) -> None:
        """Take note of a step. A number that is not finite is left out: the step will be stopped or skipped."""
        kept_K = torch.isfinite(values_K)
        new_K = torch.where(kept_K, values_K, 0.0) * (1 - self._decay)
        self.sums_K.copy_(torch.where(kept_K, self._decay * self.sums_K + new_K, self.sums_K))
        self.counts_K.copy_(torch.where(kept_K, self._decay * self.counts_K + (1 - self._decay), self.counts_K))

    def forward(self) -> Tensor:
        """(K,) as they are now."""
        return self.sums_K / self.counts_K


def _divided(roster: Roster, terms: Terms, log_sigma_K: Tensor) -> tuple[Tensor, Terms]:
    weighted = roster.weigh(terms, _factors(log_sigma_K))
    logarithms = dict(zip(roster.given, log_sigma_K.unbind(), strict=True))
    return add_up(weighted) + add_up({name: roster.given[name] * logarithms[name] for name in terms}), weighted


def _factors(log_sigma_K: Tensor) -> Tensor:
    return (-2 * log_sigma_K).exp() / 2


def _checked_range(low: float | None, high: float | None) -> tuple[float, float]:
    """The limits of log sigma; None is no limit."""
    limits = (-math.inf if low is None else low, math.inf if high is None else high)
    if limits[0] > limits[1]:
        raise InputError(f"weighting.low={low} is above weighting.high={high}: exchange them")
    return limits
