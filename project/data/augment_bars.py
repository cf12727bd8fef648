"""Changes made to windows of bars in training, and what masked learning hides of them: functions of a generator.

Those of the stage "signal" work on prices as they were recorded, history and window alike, before anything is computed
from them. None moves a bar in time, so that spans stay where they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from project.contract import InputError
from project.feature.bar_window import CLOSE, HIGH, LOW, OPEN, BarWindow

_PRICES = slice(OPEN, CLOSE + 1)


class UpsideDown:
    """Turns a part of the windows upside down: what rose falls as far, and each high becomes a low.

    Prices are mirrored between the lowest and the highest of the bars, so none leaves that range. Spans that mean a
    move in either direction, as those of the bars corpus do, stay true.
    """

    stage = "signal"

    def __init__(self, part: float = 0.5) -> None:
        self.part = _part("UpsideDown.part", part)

    def __call__(self, item: BarWindow, generator: np.random.Generator) -> BarWindow:
        if generator.random() >= self.part:
            return item
        bars_N6 = item.bars_N6.copy()
        both = item.bars_N6[:, HIGH].max() + item.bars_N6[:, LOW].min()
        bars_N6[:, _PRICES] = both - item.bars_N6[:, [OPEN, LOW, HIGH, CLOSE]]
        return replace(item, bars_N6=bars_N6)


class PriceNoise:
    """Moves prices a little: `deviation` is the standard deviation, in parts of the median range of the bars.

    A close moves with the open that follows it, so that gaps stay as they are, and a wick becomes longer or shorter by
    a factor, `deviation` that of its logarithm: a high stays the highest price of its bar, a low the lowest.
    """

    stage = "signal"

    def __init__(self, deviation: float = 0.05) -> None:
        if not 0 <= deviation < 1:
            raise InputError(f"data.augment: PriceNoise.deviation is {deviation}: give a part of a bar's range below 1")
        self.deviation = float(deviation)

    def __call__(self, item: BarWindow, generator: np.random.Generator) -> BarWindow:
        open_N, high_N, low_N, close_N = item.bars_N6[:, _PRICES].T
        size = self.deviation * float(np.median(high_N - low_N))
        moves = size * generator.standard_normal(len(open_N) + 1)
        scales_2N = np.exp(self.deviation * generator.standard_normal((2, len(open_N))))
        opening_N, closing_N = open_N + moves[:-1], close_N + moves[1:]
        wicks_2N = scales_2N * np.stack([high_N - np.maximum(open_N, close_N), np.minimum(open_N, close_N) - low_N])
        bars_N6 = item.bars_N6.copy()
        bars_N6[:, OPEN], bars_N6[:, CLOSE] = opening_N, closing_N
        bars_N6[:, HIGH] = np.maximum(opening_N, closing_N) + wicks_2N[0]
        bars_N6[:, LOW] = np.minimum(opening_N, closing_N) - wicks_2N[1]
        return replace(item, bars_N6=bars_N6)


class BarMask:
    """Chooses what masked learning hides: spans of whole bars, and spans of single columns in the others.

    It changes nothing: the model leaves out what is `hidden`, (T, F). `part` of the bars are hidden altogether, and
    about `features` of the rest of each column. Columns that follow from others are easily restored from them: `part`
    is what asks for more.
    """

    stage = "targets"
    wants = "frames"

    def __init__(self, part: float = 0.25, features: float = 0.1, span_bars: Sequence[int] = (3, 12)) -> None:
        self.part = _part("BarMask.part", part)
        self.features = _part("BarMask.features", features)
        if max(self.part, self.features) in {0, 1}:
            raise InputError(
                f"data.augment: BarMask.part is {part}, features {features}: hide something, and leave something"
            )
        if len(span_bars) != 2 or not 0 < span_bars[0] <= span_bars[1]:
            raise InputError(f"data.augment: BarMask.span_bars is {list(span_bars)}: give [shortest, longest]")
        self.span_bars = (int(span_bars[0]), int(span_bars[1]))

    def __call__(self, item: Tensor, generator: np.random.Generator) -> dict[str, Tensor]:
        frames, columns = item.shape
        hidden_TF = np.zeros((frames, columns), dtype=np.bool_)
        for column in range(columns if self.features else 0):
            hidden_TF[:, column] = self._spans(self.features, frames, generator)
        hidden_TF |= self._spans(self.part, frames, generator)[:, None]
        return {"hidden": torch.from_numpy(hidden_TF)}

    def _spans(self, part: float, bars: int, generator: np.random.Generator) -> NDArray[np.bool_]:
        """Spans at random places until so large a part of the bars lies in one; half of them at most in one span."""
        hidden_T = np.zeros(bars, dtype=np.bool_)
        while hidden_T.sum() < min(part * bars, bars - 1):
            width = min(int(generator.integers(self.span_bars[0], self.span_bars[1] + 1)), max(1, bars // 2))
            start = int(generator.integers(0, bars - width + 1))
            hidden_T[start : start + width] = True
        return hidden_T


def _part(name: str, value: float) -> float:
    if not 0 <= value <= 1:
        raise InputError(f"data.augment: {name} is {value}: give a part, 0 to 1")
    return float(value)
