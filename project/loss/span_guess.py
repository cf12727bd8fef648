"""The best constants: what makes a term smallest for one who must say the same of every window."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

_ROUNDS = 30  # of a search; more gain less than a thousandth


def lowest(loss_of: Callable[[Tensor], Tensor], start: Tensor) -> Tensor:
    """Numbers near `start` that make a smooth loss as small as it gets there, in float64.

    >>> lowest(lambda x: (x - torch.tensor([1.0, -2.0])).square().mean(), torch.zeros(2)).round(decimals=6).tolist()
    [1.0, -2.0]
    """
    found = start.detach().double().clone().requires_grad_()
    search = torch.optim.LBFGS(
        [found], max_iter=_ROUNDS, tolerance_grad=1e-9, tolerance_change=1e-12, line_search_fn="strong_wolfe"
    )

    def closure() -> Tensor:
        search.zero_grad()
        loss = loss_of(found)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    with torch.enable_grad():
        search.step(closure)  # type: ignore[no-untyped-call]
    return found.detach()


def log_frequencies(ids_N: Tensor, size: int, smoothing: float = 0.0) -> Tensor:
    """(size,) Logarithms of how frequent ids are, half a one more added to each, as label smoothing wants them.

    >>> log_frequencies(torch.tensor([0, 2, 2]), 3).exp().mul(9).round(decimals=3).tolist()
    [3.0, 1.0, 5.0]
    """
    counts_V = torch.bincount(ids_N, minlength=size).double() + 0.5
    return ((1 - smoothing) * counts_V / counts_V.sum() + smoothing / size).log()


def log_odds(yes_BT: Tensor, weights_BT: Tensor, smoothing: float = 0.0) -> Tensor:
    """(T,) Logarithms of the odds of yes at each place, half a yes and half a no added, as label smoothing wants them.

    >>> yes, weights = torch.tensor([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]]), torch.ones(3, 2)
    >>> log_odds(yes, weights).exp().round(decimals=3).tolist()
    [7.0, 0.143]
    """
    right_T = (yes_BT * weights_BT).sum(dim=0).double() + 0.5
    rates_T = right_T / (weights_BT.sum(dim=0).double() + 1)
    return torch.logit((1 - smoothing) * rates_T + smoothing / 2)
