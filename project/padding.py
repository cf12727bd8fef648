"""Examples of different lengths in one padded tensor: which places are an example's own. Knows nothing else of them."""

from __future__ import annotations

import torch
from torch import Tensor


def inside(lengths_B: Tensor, size: int) -> Tensor:
    """(B, size) True inside each length, on the lengths' device.

    >>> inside(torch.tensor([1, 3]), 3).tolist()
    [[True, False, False], [True, True, True]]
    """
    return torch.arange(size, device=lengths_B.device) < lengths_B[:, None]
