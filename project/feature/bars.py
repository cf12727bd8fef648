"""Price bars as numbers without a price scale: the shape of each bar, where the last swings are, two proxies of both.

Everything is computed from a bar and those before it. It does not know spans, nor what happens after the window.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.signal import lfilter
from torch import Tensor

from project.contract import InputError
from project.feature.bar_window import CLOSE, HIGH, LOW, OPEN, BarArray, BarWindow, read_window

Column = NDArray[np.float64]  # one number a bar

_MOST_RANGE = 3.0  # times the average range
_FARTHEST = 10.0  # ATR
_MOST_EXPANSION = 2.0
_OLDEST = 10  # times the bars that confirm a swing: of real hourly bars, three in a thousand have an older swing
_NONE = -1  # row of a swing that there is not


class Bars:
    """Twelve columns, `names`, of each bar of a window; multiplying all prices changes none of them.

    Candle: where open and close lie in the bar's range (0 is the low), body (close above open is positive), upper and
    lower wick as parts of the range, and the range beside its average over `range_bars`, 3 at most. Swings: how far the
    close is from the last confirmed swing high and low in ATR (average true range over `atr_bars`), 10 at most, and how
    many bars ago they were, 1 for ten times `swing_bars` or more. A swing is the highest high (lowest low) of
    `swing_bars` bars to either side and counts once these are over. Proxies: expansion is range times direction of the
    leg (up after a swing low) times body, within 2; consolidation is (1 - range / 3) (1 - |body|) times the mean age.

    A bar without range has both places at 0.5, and no body and wicks. Before a first swing distances are 0, ages 1.
    """

    names = (
        *("open_place", "close_place", "body", "upper_wick", "lower_wick", "range"),
        *("above_swing_high", "above_swing_low", "since_swing_high", "since_swing_low"),
        *("expansion_proxy", "consol_proxy"),
    )
    columns: Mapping[str, tuple[int, int]] = {"candle": (0, 6), "swings": (6, 10), "proxies": (10, 12)}
    num_features = len(names)
    settings: Mapping[str, Any]

    def __init__(self, history: int = 128, swing_bars: int = 3, range_bars: int = 20, atr_bars: int = 14) -> None:
        counts = {"swing_bars": swing_bars, "range_bars": range_bars, "atr_bars": atr_bars}
        for name, value in counts.items():
            if value < 1:
                raise InputError(f"feature.{name} is {value}: give a number of bars, 1 or more")
        if history < 0:
            raise InputError(f"feature.history is {history}: give a number of bars, 0 or more")
        self.history = history
        self.swing_bars = swing_bars
        self.range_bars = range_bars
        self.atr_bars = atr_bars
        self.settings = {"feature": "bars@1", "history": history, **counts}

    def read(self, media: str) -> BarWindow:
        """The bars of an excerpt of a series, with those before it."""
        return read_window(media, self.history)

    def num_frames(self, length: float) -> int:
        """A frame a bar."""
        return max(1, round(length))

    def __call__(self, signal: BarWindow) -> Tensor:
        """(T, 12) float32."""
        bars_N6 = signal.bars_N6
        candle_N6 = self._candle(bars_N6)
        swings_N4, leg_N = self._swings(bars_N6)
        body_N, range_N = candle_N6[:, 2], candle_N6[:, 5]
        expansion_N = np.clip(range_N * leg_N * body_N, -_MOST_EXPANSION, _MOST_EXPANSION)
        consolidation_N = (1 - range_N / _MOST_RANGE) * (1 - np.abs(body_N)) * (swings_N4[:, 2] + swings_N4[:, 3]) / 2
        frames_NF = np.column_stack([candle_N6, swings_N4, expansion_N, consolidation_N])
        return torch.from_numpy(frames_NF[len(frames_NF) - signal.length :].astype(np.float32))

    def _candle(self, bars_N6: BarArray) -> NDArray[np.float64]:
        opening_N, high_N, low_N, close_N = (bars_N6[:, column] for column in (OPEN, HIGH, LOW, CLOSE))
        range_N = high_N - low_N
        parts_N4 = np.stack(
            [opening_N, close_N, np.maximum(opening_N, close_N), np.minimum(opening_N, close_N)], axis=1
        )
        parts_N4 = _ratio(parts_N4 - low_N[:, None], range_N[:, None], 0.5)
        open_N, place_N, top_N, bottom_N = parts_N4.T
        wide_N = range_N > 0
        relative_N = np.minimum(_ratio(range_N, average(range_N, self.range_bars), 0.0), _MOST_RANGE)
        return np.column_stack([open_N, place_N, place_N - open_N, (1 - top_N) * wide_N, bottom_N * wide_N, relative_N])

    def _swings(self, bars_N6: BarArray) -> tuple[NDArray[np.float64], Column]:
        """The four columns of swings, and the direction of the leg: 1 up, -1 down, 0 before any swing or after both."""
        high_N, low_N, close_N = bars_N6[:, HIGH], bars_N6[:, LOW], bars_N6[:, CLOSE]
        before_N = np.concatenate([close_N[:1], close_N[:-1]])
        atr_N = average(np.maximum(high_N, before_N) - np.minimum(low_N, before_N), self.atr_bars)
        rows_N = np.arange(len(bars_N6))
        columns, at = [], []
        for extreme_N, sign in ((high_N, 1), (low_N, -1)):
            at_N = last_swings(sign * extreme_N, self.swing_bars)
            distance_N = np.where(at_N == _NONE, 0.0, _ratio(close_N - extreme_N[at_N], atr_N, 0.0))
            columns.append(np.clip(distance_N, -_FARTHEST, _FARTHEST))
            at.append(at_N)
        oldest = _OLDEST * self.swing_bars
        ages = [np.where(at_N == _NONE, 1.0, np.minimum(rows_N - at_N, oldest) / oldest) for at_N in at]
        return np.column_stack([*columns, *ages]), np.sign(at[1] - at[0]).astype(np.float64)


def _ratio(above: NDArray[np.float64], below: NDArray[np.float64], otherwise: float) -> NDArray[np.float64]:
    """One by the other; `otherwise` where the other is 0."""
    ratio = np.full(above.shape, otherwise)
    np.divide(above, below, out=ratio, where=below > 0)
    return ratio


def average(values_N: Column, bars: int) -> Column:
    """The average up to each bar, in which a bar counts 2 / (bars + 1) less than the next; its weights add up to 1.

    >>> average(np.array([1.0, 4.0]), 2).tolist()
    [1.0, 3.25]
    """
    keep = 1 - 2 / (bars + 1)
    sums_N = lfilter([1.0], [1.0, -keep], values_N)
    weights_N = (1 - keep ** np.arange(1, len(values_N) + 1)) / (1 - keep)
    return np.asarray(sums_N / weights_N)


def last_swings(extreme_N: Column, swing_bars: int) -> NDArray[np.int64]:
    """For each bar the last one that by then is known to be the highest of `swing_bars` to either side; -1 for none.

    Of equal ones the first counts.

    >>> last_swings(np.array([1.0, 2.0, 5.0, 3.0, 1.0, 0.0]), 2).tolist()
    [-1, -1, -1, -1, 2, 2]
    """
    known_N = np.full(len(extreme_N), _NONE, dtype=np.int64)
    width = 2 * swing_bars + 1
    if len(extreme_N) >= width:
        highest = sliding_window_view(extreme_N, width).argmax(axis=1) == swing_bars
        rows = np.arange(swing_bars, len(extreme_N) - swing_bars)
        known_N[2 * swing_bars :] = np.maximum.accumulate(np.where(highest, rows, _NONE))
    return known_N
