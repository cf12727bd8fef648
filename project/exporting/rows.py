"""What features ask of examples that are padded to one length, in torch, so that it can stand in an exported graph.

Each example is looked at up to its own length, as if it were alone. It does not know what the numbers are.
"""

from __future__ import annotations

import torch
from torch import Tensor

from project.padding import inside

# B examples, T rows of the longest, K columns


def ceil_div(lengths: Tensor, size: int) -> Tensor:
    """How many pieces of that size hold so many, the last possibly cut short.

    >>> ceil_div(torch.tensor([1, 4, 5]), 4).tolist()
    [1, 1, 2]
    """
    return (lengths + (size - 1)) // size


def sorted_rows(x_BTK: Tensor, lengths_B: Tensor) -> Tensor:
    """Each column in ascending order; what lies beyond a length comes last, as infinity."""
    beyond_BT1 = ~inside(lengths_B, x_BTK.shape[1])[..., None]
    found: Tensor = x_BTK.masked_fill(beyond_BT1, torch.inf).sort(dim=1).values
    return found


def row_at(x_BTK: Tensor, places_B: Tensor) -> Tensor:
    """(B, K) the row in each example's place."""
    return x_BTK.gather(1, places_B[:, None, None].expand(-1, 1, x_BTK.shape[2]))[:, 0]


def rows_at(x_BTK: Tensor, places_BS: Tensor) -> Tensor:
    """(B, S, K) the rows in each example's places."""
    return x_BTK.gather(1, places_BS[..., None].expand(-1, -1, x_BTK.shape[2]))


def quantile(x_BT: Tensor, lengths_B: Tensor, part: float) -> Tensor:
    """(B,) the value that this part of an example's values lies below, in a straight line between neighbours.

    >>> quantile(torch.tensor([[3.0, 1.0, 2.0, 9.0]]), torch.tensor([3]), 0.25).tolist()
    [1.5]
    """
    ordered_BT1 = sorted_rows(x_BT[..., None], lengths_B)
    last_B = (lengths_B - 1).clamp(min=0)
    place_B = last_B.double() * part
    below_B = place_B.long()
    lower_B, upper_B = (row_at(ordered_BT1, one)[:, 0] for one in (below_B, (below_B + 1).minimum(last_B)))
    return lower_B + (upper_B - lower_B) * (place_B - below_B).to(x_BT.dtype)


def median_rows(x_BTK: Tensor, lengths_B: Tensor, *, is_filled: bool = False) -> Tensor:
    """(B, K) the median of each column: the middle value, or the mean of the two in the middle.

    `is_filled`: so many rows of each are not infinite, wherever they are, and those are meant.

    >>> median_rows(torch.tensor([[[3.0], [1.0], [2.0], [8.0]]]), torch.tensor([4])).tolist()
    [[2.5]]
    """
    ordered_BTK = x_BTK.sort(dim=1).values if is_filled else sorted_rows(x_BTK, lengths_B)
    last_B = (lengths_B - 1).clamp(min=0)
    return (row_at(ordered_BTK, last_B // 2) + row_at(ordered_BTK, (last_B + 1) // 2)) / 2


def means(x_BTK: Tensor, lengths_B: Tensor) -> Tensor:
    """(B, K) the mean of each column."""
    inside_BT1 = inside(lengths_B, x_BTK.shape[1])[..., None]
    return x_BTK.masked_fill(~inside_BT1, 0).sum(dim=1) / lengths_B.clamp(min=1)[:, None]
