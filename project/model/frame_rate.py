"""Frames at another rate: what several encoders say of the same moments, brought side by side.

It does not know what frames hold. An example comes out the same alone and padded in a batch.
"""

from __future__ import annotations

from fractions import Fraction

import torch
from torch import Tensor

from project.padding import inside

# B examples, T frames, F numbers of a frame

_FINEST = 1000  # whole numbers that a ratio of rates is made of


def ratio_of(wanted: float, rate: float) -> Fraction:
    """Frames wanted for each one there is.

    >>> ratio_of(50.0, 50.0), ratio_of(50.0, 75.0)
    (Fraction(1, 1), Fraction(2, 3))
    """
    return Fraction(wanted / rate).limit_denominator(_FINEST)


def num_matched(lengths_B: Tensor, ratio: Fraction) -> Tensor:
    """How many frames `matched` makes of so many: the last one may stand for less than the others.

    >>> num_matched(torch.tensor([0, 1, 5]), Fraction(1, 2)).tolist()
    [0, 1, 3]
    """
    whole = _whole(ratio)
    return _times(_times(lengths_B, Fraction(1, whole)), ratio * whole)


def matched(x_BTF: Tensor, lengths_B: Tensor, ratio: Fraction) -> tuple[Tensor, Tensor]:
    """Frames at another rate: means of several where there are too many, then between neighbours in a straight line.

    For features. Frames beyond a length are not looked at, and are not to be.
    """
    whole = _whole(ratio)
    x_BTF, lengths_B = _pooled(x_BTF, lengths_B, whole)
    return _between(x_BTF, lengths_B, ratio * whole)


def repeated(x_BTF: Tensor, lengths_B: Tensor, ratio: Fraction) -> tuple[Tensor, Tensor]:
    """Frames at a higher rate, each the nearest there was: a CTC path that is stretched so says the same.

    Means of frames would not: a spike between blanks is no spike any more.
    """
    if ratio == 1:
        return x_BTF, lengths_B
    assert ratio > 1, "a path that is thinned out loses symbols"
    times_T = torch.arange(int(_times(torch.tensor(x_BTF.shape[1]), ratio)), device=x_BTF.device)
    nearest_T = (2 * times_T + 1) * ratio.denominator // (2 * ratio.numerator)
    return _at(x_BTF, nearest_T.minimum(_last(lengths_B))), _times(lengths_B, ratio)


def _whole(ratio: Fraction) -> int:
    """Of how many frames means are taken first."""
    return max(1, ratio.denominator // ratio.numerator)


def _times(lengths: Tensor, ratio: Fraction) -> Tensor:
    return (lengths * ratio.numerator + ratio.denominator - 1) // ratio.denominator


def _last(lengths_B: Tensor) -> Tensor:
    """(B, 1) the last place within each length."""
    return (lengths_B - 1).clamp(min=0)[:, None]


def _at(x_BTF: Tensor, places_BT: Tensor) -> Tensor:
    return x_BTF.gather(1, places_BT[..., None].expand(-1, -1, x_BTF.shape[2]))


def _pooled(x_BTF: Tensor, lengths_B: Tensor, whole: int) -> tuple[Tensor, Tensor]:
    if whole == 1:
        return x_BTF, lengths_B
    inside_BT1 = inside(lengths_B, x_BTF.shape[1])[..., None]
    missing = -x_BTF.shape[1] % whole

    def sums(x_BTX: Tensor) -> Tensor:
        whole_BTX = torch.nn.functional.pad(x_BTX, (0, 0, 0, missing))
        return whole_BTX.reshape(x_BTX.shape[0], -1, whole, x_BTX.shape[2]).sum(dim=2)

    counts_BT1 = sums(inside_BT1.to(x_BTF.dtype)).clamp(min=1)
    return sums(x_BTF.masked_fill(~inside_BT1, 0)) / counts_BT1, _times(lengths_B, Fraction(1, whole))


def _between(x_BTF: Tensor, lengths_B: Tensor, ratio: Fraction) -> tuple[Tensor, Tensor]:
    if ratio == 1:
        return x_BTF, lengths_B
    times_T = torch.arange(int(_times(torch.tensor(x_BTF.shape[1]), ratio)), device=x_BTF.device)
    # The middle of a new frame on the scale of old ones, in whole numbers of 1 / (2 numerator): exact at any length.
    unit = 2 * ratio.numerator
    middles_T = ((2 * times_T + 1) * ratio.denominator - ratio.numerator).clamp(min=0)
    left_BT = (middles_T // unit).minimum(_last(lengths_B))
    right_BT = (left_BT + 1).minimum(_last(lengths_B))
    part_T1 = (middles_T % unit).to(x_BTF.dtype)[:, None] / unit
    return torch.lerp(_at(x_BTF, left_BT), _at(x_BTF, right_BT), part_T1), _times(lengths_B, ratio)
