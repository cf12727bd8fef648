"""What a layer of a trained run's backbone makes of a waveform, for those who look at it from outside.

It reads the run's folder alone and trains nothing.
"""

from __future__ import annotations

from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from project.contract import InputError
from project.model.backbone.wave_transformer import WaveTransformer
from project.model.trained import backbone_of


@final
class LayerFrames:
    """(T, D) numbers of a layer, counted from 1 at the bottom; on a GPU where there is one."""

    def __init__(self, run: str, layer: int) -> None:
        architecture, _ = backbone_of(run)
        backbone = WaveTransformer(architecture["kind"], init="local", source=run)
        if not 1 <= layer <= len(backbone.layers):
            raise InputError(
                f"layer={layer}: the backbone of {run} has {len(backbone.layers)}: give from 1 to that many"
            )
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._backbone = backbone.eval().to(self._device)
        self._layer = layer

    @torch.no_grad()
    def __call__(self, wave_T: Tensor) -> NDArray[np.float32]:
        """Of one waveform, as the run was trained to hear it."""
        wave_BT = wave_T[None].to(self._device)
        layers, _ = self._backbone.all_layers(wave_BT, torch.tensor([len(wave_T)], device=self._device))
        return np.asarray(layers[self._layer][0].float().cpu().numpy())
