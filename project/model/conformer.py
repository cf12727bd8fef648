"""The conformer: each frame looks at all others, and then around itself, layer by layer."""

from __future__ import annotations

from typing import final

from torch import Tensor, nn
from torch.nn import functional

from project.contract import InputError
from project.model.padded import Extent, MaskedConv1d
from project.model.sequence_encoder import AttentionBlock, Encoder, turning

# B examples, T frames, F features of a frame, C channels, D half the channels of a head


@final
class Conformer(Encoder):
    """Layers of attention with rotary positions, a gated look around of `kernel` frames, and a step of each by itself.

    The look around is normalized over the channels of a frame, not over a batch: neighbours and padding do not enter.
    Its own attention tells distances, not places. torchaudio's conformer has no positions and a batch norm.
    """

    edges = ("enter",)

    def __init__(
        self,
        num_features: int,
        *,
        channels: int = 144,
        layers: int = 4,
        dropout: float = 0.1,
        heads: int = 4,
        kernel: int = 15,
    ) -> None:
        super().__init__()
        if kernel % 2 == 0:
            raise InputError(f"model.encoder.kernel is {kernel}, and an even kernel has no middle: give an odd one")
        self.enter = nn.Linear(num_features, channels)
        self.layers = nn.ModuleList(ConformerLayer(channels, heads, kernel, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(channels)
        self.num_features, self.width = num_features, channels
        self._heads = heads

    def forward(self, x_BTF: Tensor, extent: Extent) -> Tensor:
        x_BTC = self.enter(x_BTF)
        angles_TD = turning(x_BTC, self._heads)
        for layer in self.layers:
            x_BTC = layer(x_BTC, extent, angles_TD)
        made_BTC: Tensor = self.norm(x_BTC)
        return made_BTC


@final
class ConformerLayer(nn.Module):
    """Attention with a step of each frame by itself, then a gated look around."""

    def __init__(self, channels: int, heads: int, kernel: int, dropout: float) -> None:
        super().__init__()
        self.attend = AttentionBlock(channels, heads, dropout)
        self.norm = nn.LayerNorm(channels)
        self.enter = nn.Linear(channels, 2 * channels)
        self.around = MaskedConv1d(channels, channels, kernel, groups=channels)
        self.middle = nn.LayerNorm(channels)
        self.leave = nn.Linear(channels, channels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x_BTC: Tensor, extent: Extent, angles_TD: Tensor) -> Tensor:
        x_BTC = self.attend(x_BTC, ~extent.outside_B1T[:, None], angles_TD)
        gated_BCT = functional.glu(self.enter(self.norm(x_BTC)), dim=2).transpose(1, 2)
        around_BTC = self.around(gated_BCT, extent).transpose(1, 2)
        made_BTC: Tensor = x_BTC + self.dropout(self.leave(functional.silu(self.middle(around_BTC))))
        return made_BTC
