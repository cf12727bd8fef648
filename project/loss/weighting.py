"""Weightings: from several loss terms to the one number that training makes small."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from project.contract import InputError, Terms


class Fixed(nn.Module):
    """The sum of the terms, each times a weight that stays as it was given.

    It is given one weight by name for each term of the loss. It does not know which term matters: one that is large or
    steep rules the others unless its weight is small.
    """

    def __init__(self, **weights: float) -> None:
        super().__init__()
        self._weights = {name: float(weight) for name, weight in weights.items()}

    def forward(self, terms: Terms) -> tuple[Tensor, Terms]:
        """The weighted sum, and each term as it stands in it. In evaluation some may be missing: data say less."""
        missing = self._weights.keys() - terms.keys() if self.training else set()
        if missing or terms.keys() - self._weights.keys():
            raise InputError(_mismatch(list(terms), list(self._weights)))
        weighted = {name: self._weights[name] * term for name, term in terms.items()}
        return torch.stack(list(weighted.values())).sum(), weighted

    def weights(self) -> dict[str, float]:
        """As they were given."""
        return dict(self._weights)


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
