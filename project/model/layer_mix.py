"""One row of numbers out of what every layer of an encoder says, by weights that are learned.

Lower layers of a speech encoder know of sounds, upper ones of what it was trained for: which serve a task best is
found by learning. It does not know where the layers come from.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional

# B examples, T frames, D features of a frame, N layers


@final
class LayerMix(nn.Module):
    """A weighted mean: one weight a layer, through a softmax, equal at the start.

    With `normalize` each layer is first brought to zero mean and unit variance in each frame, so that a layer does not
    weigh more because its numbers are larger.
    """

    def __init__(self, num_layers: int, normalize: bool = False) -> None:
        super().__init__()
        self._normalize = normalize
        self.weights = nn.Parameter(torch.zeros(num_layers))

    def forward(self, layers: Sequence[Tensor]) -> Tensor:
        """(B, T, D) of N times (B, T, D)."""
        assert len(layers) == len(self.weights), f"{len(layers)} layers for {len(self.weights)} weights"
        x_NBTD = torch.stack(list(layers))
        if self._normalize:
            x_NBTD = functional.layer_norm(x_NBTD, x_NBTD.shape[-1:])
        share_N = self.weights.softmax(dim=0).to(x_NBTD.dtype)
        return torch.einsum("n,nbtd->btd", share_N, x_NBTD)

    def shares(self) -> list[float]:
        """What part of the whole each layer is, from the bottom up."""
        found: list[float] = self.weights.detach().softmax(dim=0).tolist()
        return found
