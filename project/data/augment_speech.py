"""Changes made to speech in training: functions of the generator they are given."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from project.contract import InputError
from project.feature.waveform import Wave, resample

_STEPS = 100  # speeds are hundredths


class Speed:
    """Plays a recording faster or slower, and with it higher or lower, by up to `most` either way."""

    stage = "signal"

    def __init__(self, most: float = 0.1) -> None:
        if not 0 <= most < 1:
            raise InputError(f"data.augment: Speed.most is {most}: give a part below 1, such as 0.1")
        self.most = most

    def __call__(self, item: Wave, generator: np.random.Generator) -> Wave:
        reach = round(_STEPS * self.most / 2)  # in steps of two hundredths: filters stay short
        speed = _STEPS + 2 * int(generator.integers(-reach, reach + 1))
        return resample(item, speed, _STEPS)


class Tract:
    """Stretches or squeezes the bands of pitch, as a longer or shorter throat does: children beside adults.

    Bands that would come from beyond the last one repeat it.
    """

    stage = "frames"

    def __init__(self, most: float = 0.1) -> None:
        if not 0 <= most < 1:
            raise InputError(f"data.augment: Tract.most is {most}: give a part below 1, such as 0.1")
        self.most = most

    def __call__(self, item: Tensor, generator: np.random.Generator) -> Tensor:
        factor = float(np.exp(generator.uniform(-self.most, self.most)))
        places_F = (torch.arange(item.shape[1]) * factor).clamp(max=item.shape[1] - 1)
        below_F = places_F.floor().long()
        above_F = (below_F + 1).clamp(max=item.shape[1] - 1)
        part_F = places_F - below_F
        return item[:, below_F] * (1 - part_F) + item[:, above_F] * part_F


class BandMask:
    """Silences random stretches of bands of pitch, so that no single one is relied on."""

    stage = "frames"

    def __init__(self, masks: int = 2, widest: int = 20) -> None:
        if masks < 0 or widest < 0:
            raise InputError(f"data.augment: BandMask.masks is {masks}, widest {widest}: give 0 or more of each")
        self.masks = masks
        self.widest = widest

    def __call__(self, item: Tensor, generator: np.random.Generator) -> Tensor:
        frames_TF = item.clone()
        for _ in range(self.masks):
            width = int(generator.integers(0, min(self.widest, item.shape[1]) + 1))
            start = int(generator.integers(0, item.shape[1] - width + 1))
            frames_TF[:, start : start + width] = 0
        return frames_TF
