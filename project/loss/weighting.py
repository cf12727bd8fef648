"""Weightings: from several loss terms to the one number that training makes small."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, distributed, nn

from project.contract import InputError, Terms


class Fixed(nn.Module):
    """The sum of the terms, each times a weight that stays as it was given.

    It is given one weight by name for each term of the loss. It does not know which term matters: one that is large or
    steep rules the others unless its weight is small.
    """

    def __init__(self, **weights: float | None) -> None:
        super().__init__()
        self._roster = Roster(weights)

    def forward(self, terms: Terms) -> tuple[Tensor, Terms]:
        """The weighted sum, and each term as it stands in it. In evaluation some may be missing: data say less."""
        self._roster.check(terms, self.training)
        weighted = {name: self._roster.given[name] * term for name, term in terms.items()}
        return add_up(weighted), weighted

    def weights(self) -> dict[str, float]:
        """As they were given."""
        return dict(self._roster.given)


class Roster:
    """The terms that a weighting is to meet, by name and in one order, each with the weight it was given.

    None means that the loss lacks this term. What else a weighting finds out comes on top of the weight.
    """

    def __init__(self, weights: Mapping[str, float | None]) -> None:
        self.given = {name: float(weight) for name, weight in weights.items() if weight is not None}

    def __len__(self) -> int:
        return len(self.given)

    def check(self, terms: Terms, is_training: bool) -> None:
        """Each term must have its weight; in evaluation alone a weight may lack its term."""
        missing = self.given.keys() - terms.keys() if is_training else set()
        if missing or terms.keys() - self.given.keys():
            raise InputError(_mismatch(list(terms), list(self.given)))

    def values(self, terms: Terms) -> Tensor:
        """(K,) float32: all terms as numbers that nothing learns from; the mean over processes that train together."""
        return over_ranks(torch.stack([terms[name].detach().float() for name in self.given]))

    def weigh(self, terms: Terms, factors_K: Tensor) -> Terms:
        """Each term in float32, times what it was given and its factor."""
        factors = dict(zip(self.given, factors_K.unbind(), strict=True))
        return {name: self.given[name] * factors[name] * term.float() for name, term in terms.items()}

    def named(self, numbers_K: Tensor) -> dict[str, float]:
        """Numbers by the name of their term."""
        return dict(zip(self.given, numbers_K.detach().tolist(), strict=True))

    def weights(self, factors_K: Tensor) -> dict[str, float]:
        """What each term is multiplied with in all."""
        return {name: self.given[name] * factor for name, factor in self.named(factors_K).items()}


def add_up(terms: Terms) -> Tensor:
    """The sum of all terms."""
    return torch.stack(list(terms.values())).sum()


def over_ranks(values: Tensor) -> Tensor:
    """The mean over all processes that train together, so that each of them finds the same weights."""
    if not distributed.is_available() or not distributed.is_initialized() or distributed.get_world_size() == 1:
        return values
    values = values.clone()
    distributed.all_reduce(values)
    return values / distributed.get_world_size()


def _mismatch(terms: list[str], weights: list[str]) -> str:
    missing = [name for name in terms if name not in weights]
    unknown = [name for name in weights if name not in terms]
    return (
        "weighting: "
        + "; ".join(
            ([f"no weight for {', '.join(missing)}"] if missing else [])
            + ([f"{', '.join(unknown)} is no term of this loss"] if unknown else [])
        )
        + f": give exactly one weight each for {', '.join(terms)}"
    )
