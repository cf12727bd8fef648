"""Tells the units of sound that lie in hidden stretches of a waveform: how an encoder learns speech without labels.

What HuBERT does (Hsu et al., 2021). It does not know what the units are: clusters of cepstra at first, of what such a
model hears later. The backbone is what it is for: others take it from the run's folder.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any, cast, final

import torch
from torch import Tensor, nn
from torch.nn import functional

from project.contract import Batch, InputError, UnitOutput
from project.model.hiding import generator_of, hidden_spans, hiding
from project.part import Backbone

# B examples, T frames, D features of a frame, K units


@final
class MaskedUnits(nn.Module):
    """A backbone, a projection, and one direction for each unit: a frame's logits are cosines over `temperature`.

    Beside that each unit has a bias, so that how frequent it is need not be said by directions.

    Frames are hidden where units are asked for: a batch that has none is heard whole. In training torch's generator
    draws what is hidden, which is seeded at each step; elsewhere an example's id decides, always alike.
    """

    hears = "wave"
    replaceable = ("project", "units")
    edges = ("units",)

    def __init__(
        self,
        num_symbols: int,
        backbone: Backbone,
        mask_starts: float = 0.08,
        mask_frames: int = 10,
        width: int = 256,
        temperature: float = 0.1,
    ) -> None:
        super().__init__()
        if not 0 <= mask_starts <= 1 or mask_frames < 1:
            raise InputError(
                f"model.mask_starts={mask_starts} model.mask_frames={mask_frames}: give a part, and 1 or more"
            )
        if temperature <= 0:
            raise InputError(f"model.temperature is {temperature}: give a number above 0")
        if not hasattr(backbone, "entrance"):
            raise InputError(
                f"model.backbone: frames cannot be hidden from {type(backbone).__name__}: use one of "
                "project.model.backbone.wave_transformer"
            )
        assert isinstance(backbone, nn.Module)
        self.backbone = backbone
        self.hidden_frame = nn.Parameter(torch.rand(backbone.num_features))
        self.project = nn.Linear(backbone.num_features, width)
        self.units = nn.Linear(width, num_symbols - 1)  # the alphabet's blank is no unit
        nn.init.normal_(self.units.weight)
        nn.init.zeros_(self.units.bias)
        self._mask = (mask_starts, mask_frames)
        self._temperature = temperature

    @property
    def architecture(self) -> Mapping[str, Any]:
        """The backbone's, which is all that the configuration of a run may not say."""
        return self._encoder.architecture

    @property
    def mixes_padding(self) -> bool:
        return self._encoder.mixes_padding

    @property
    def _encoder(self) -> Backbone:
        return cast(Backbone, self.backbone)

    def forward(self, batch: Batch) -> UnitOutput:
        """(B, T, K) logits in float32, and what was hidden."""
        wave_BT = batch.signals_BTF[..., 0]
        hidden_BT = self._hidden(batch).to(wave_BT.device)
        entrance = cast(nn.Module, self.backbone.entrance)
        with hiding(entrance, hidden_BT, self.hidden_frame) if hidden_BT.any() else nullcontext():
            x_BTD, lengths_B = self._encoder(wave_BT, batch.lengths_B)
        told_BTW = functional.normalize(self.project(x_BTD).float(), dim=2)
        units_KW = functional.normalize(self.units.weight.float(), dim=1) / self._temperature
        logits_BTK = functional.linear(told_BTW, units_KW, self.units.bias.float())
        return UnitOutput(logits_BTK, lengths_B, hidden_BT)

    def num_output_frames(self, num_frames: Tensor) -> Tensor:
        """As the backbone says."""
        return self._encoder.num_output_frames(num_frames)

    def _hidden(self, batch: Batch) -> Tensor:
        """(B, T) on the CPU, where draws are the same whatever the device is."""
        widest = self.num_output_frames(torch.tensor([batch.signals_BTF.shape[1]]))
        hidden_BT = torch.zeros(len(batch), int(widest), dtype=torch.bool)
        if "units" in batch.targets:
            frames = self.num_output_frames(batch.lengths_B).tolist()
            for hidden_T, name, length in zip(hidden_BT, batch.ids, frames, strict=True):
                generator = None if self.training else generator_of(name)
                hidden_T[:length] = hidden_spans(length, *self._mask, generator)
        return hidden_BT
