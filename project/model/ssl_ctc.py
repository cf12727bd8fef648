"""Reads symbols from a waveform: an encoder of speech, learned from recordings without text, and a small CTC head.

It does not know which encoder it has; how many frames come out is what the encoder says, here and everywhere after.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any, Literal, Self, cast, final

import torch
from torch import Tensor, nn

from project.contract import Batch, Emissions, InputError
from project.model import tuning as tune
from project.model.head import start_at_blank
from project.model.layer_mix import LayerMix
from project.model.tuning import Tuning
from project.part import Backbone

# B examples, T frames, D features of a frame, V symbols (blank included)


@final
class SSLCTC(nn.Module):
    """A backbone and a head: a linear layer, or with `hidden` above 0 a perceptron with so many hidden numbers.

    `mix` says what the head sees: the backbone's last layer, or a learned mean of all its layers, as they are
    (`weighted`) or each normalized first (`normalized`).
    """

    hears = "wave"
    replaceable = ("head", "hidden")
    edges = ("head",)

    def __init__(
        self,
        num_symbols: int,
        backbone: Backbone,
        mix: Literal["last", "weighted", "normalized"] = "last",
        hidden: int = 0,
        dropout: float = 0.1,
        tuning: Tuning | None = None,
    ) -> None:
        super().__init__()
        tuning = tuning or Tuning()
        assert isinstance(backbone, nn.Module)
        self.backbone = backbone
        self.mix = None if mix == "last" else LayerMix(_num_layers(backbone, mix), mix == "normalized")
        width = backbone.num_features
        self.dropout = nn.Dropout(dropout)
        self.hidden = nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Dropout(dropout)) if hidden else None
        self.head = nn.Linear(hidden or width, num_symbols)
        start_at_blank(self.head)
        tune.apply(tuning, backbone)
        self.head_steps = tuning.head_steps
        self.rate_of = tune.rates(tuning, self, backbone)
        self.train()

    @property
    def architecture(self) -> Mapping[str, Any]:
        """The backbone's, which is all that the configuration of a run may not say."""
        return self._encoder.architecture

    @property
    def mixes_padding(self) -> bool:
        """As the backbone does."""
        return self._encoder.mixes_padding

    @property
    def frame_rate(self) -> float:
        """Output frames a second."""
        return self._encoder.frame_rate

    @property
    def _encoder(self) -> Backbone:
        return cast(Backbone, self.backbone)

    def train(self, mode: bool = True) -> Self:
        """As ever, but what does not learn of the backbone stays in evaluation."""
        super().train(mode)
        tune.rest(self.backbone)
        return self

    def forward(self, batch: Batch) -> Emissions:
        """(B, T, V) log-probabilities in float32."""
        x_BTD, lengths_B = self.encode(batch.signals_BTF[..., 0], batch.lengths_B)
        x_BTD = self.dropout(x_BTD)
        if self.hidden is not None:
            x_BTD = self.hidden(x_BTD)
        return Emissions(self.head(x_BTD).float().log_softmax(dim=2), lengths_B)

    def encode(self, wave_BT: Tensor, lengths_B: Tensor) -> tuple[Tensor, Tensor]:
        """(B, T, D) What the head sees of waveforms, and the numbers of frames."""
        learns = any(weight.requires_grad for weight in self.backbone.parameters())  # adapters may have come later
        with nullcontext() if learns else torch.no_grad():
            if self.mix is None:
                return self._encoder(wave_BT, lengths_B)
            layers, lengths_B = self.backbone.all_layers(wave_BT, lengths_B)  # type: ignore[operator]
        return self.mix(layers), lengths_B

    def num_output_frames(self, num_frames: Tensor) -> Tensor:
        """As the backbone says."""
        return self._encoder.num_output_frames(num_frames)


def _num_layers(backbone: nn.Module, mix: str) -> int:
    """How many layers there are to mix: what goes into the first one counts too."""
    if not hasattr(backbone, "all_layers"):
        raise InputError(f"model.mix={mix}: {type(backbone).__name__} tells its last layer alone: set model.mix=last")
    return len(tune.parts(backbone, "layers")) + 1
