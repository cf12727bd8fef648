"""Keeps the silence that fills a batch up out of an encoder's reckoning, where the library lets it in.

That is in two places: a norm over the whole time, behind the first convolution of base models, and Data2Vec's stack of
positional convolutions, each of which sees what the one before it made of the silence.
"""

from __future__ import annotations

from typing import Any, final

import torch
from torch import Tensor, nn

from project.padding import inside

# B examples, C channels, T frames


def is_mixed(model: Any) -> bool:
    """Whether an encoder of the library gives an example other numbers beside longer ones."""
    return isinstance(_first_norm(model), nn.GroupNorm) or len(_positions(model)) > 1


@final
class Exact:
    """Changes an encoder in place; `expect` says before each call how long the examples are.

    With checkpointing the gradients of a call must be taken before the next one: it is run again as it was told last.
    """

    def __init__(self, model: Any) -> None:
        self._frames_B: Tensor | None = None
        self._norm: OwnTimeNorm | None = None
        norm = _first_norm(model)
        if isinstance(norm, nn.GroupNorm):
            self._norm = OwnTimeNorm(norm)
            model.feature_extractor.conv_layers[0].layer_norm = self._norm
        positions = _positions(model)
        for layer in positions if len(positions) > 1 else ():
            layer.register_forward_hook(self._silence)

    def expect(self, first_B: Tensor, frames_B: Tensor) -> None:
        """Lengths behind the first convolution, and behind the last."""
        self._frames_B = frames_B
        if self._norm is not None:
            self._norm.lengths_B = first_B

    def _silence(self, layer: nn.Module, inputs: Any, x_BCT: Tensor) -> Tensor:
        assert self._frames_B is not None
        return x_BCT.masked_fill(_outside(self._frames_B, x_BCT.shape[2]), 0)


@final
class OwnTimeNorm(nn.Module):
    """A norm over the time of an example alone, of each channel or of all at once, as the norm that it replaces."""

    def __init__(self, norm: nn.GroupNorm) -> None:
        super().__init__()
        assert norm.num_groups in (1, norm.num_channels), "groups of a few channels are another thing"
        self.weight, self.bias, self._floor = norm.weight, norm.bias, norm.eps
        self._axes = (2,) if norm.num_groups == norm.num_channels else (1, 2)
        self._channels = norm.num_channels // norm.num_groups  # of a norm
        self.lengths_B: Tensor | None = None

    def forward(self, x_BCT: Tensor) -> Tensor:
        """Frames beyond a length become nothing that matters: no frame within one sees them."""
        assert self.lengths_B is not None
        outside_B1T = _outside(self.lengths_B, x_BCT.shape[2])
        count_B11 = self.lengths_B[:, None, None] * self._channels
        with torch.autocast(x_BCT.device.type, enabled=False):
            wide_BCT = x_BCT.float()
            mean_BC1 = wide_BCT.masked_fill(outside_B1T, 0).sum(dim=self._axes, keepdim=True) / count_B11
            centred_BCT = wide_BCT - mean_BC1
            power_BC1 = centred_BCT.masked_fill(outside_B1T, 0).square().sum(dim=self._axes, keepdim=True) / count_B11
            made_BCT = centred_BCT * (power_BC1 + self._floor).rsqrt()  # of all channels at once, C is 1 in both
            return (made_BCT * self.weight[:, None] + self.bias[:, None]).to(x_BCT.dtype)


def _outside(lengths_B: Tensor, size: int) -> Tensor:
    """(B, 1, T) Which frames lie beyond each length."""
    return ~inside(lengths_B, size)[:, None]


def _first_norm(model: Any) -> nn.Module | None:
    return getattr(model.feature_extractor.conv_layers[0], "layer_norm", None)


def _positions(model: Any) -> list[nn.Module]:
    """Convolutions that tell places, one after the other; most encoders have one, which sees the silence as zeros."""
    return list(getattr(model.encoder.pos_conv_embed, "layers", ()))
