"""A window of price bars as it is read: rows of a series with those before it, from a file that is never loaded whole.

A series is an `.npy` file of float64 (bars, 6): seconds since 1970, open, high, low, close, volume (0 where unknown),
in order of time. It does not know spans, nor what is computed from the bars.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO

import numpy as np
from numpy.typing import NDArray

from project.contract import InputError
from project.feature.array_rows import ArrayHead, read_array_head, read_rows, require_rows
from project.feature.excerpt import join_excerpt, split_excerpt
from project.feature.opening import open_medium

BarArray = NDArray[np.float64]  # (N, 6)

TIME, OPEN, HIGH, LOW, CLOSE, VOLUME = range(6)  # columns
NUM_COLUMNS = 6


@dataclass(frozen=True, slots=True)
class BarWindow:
    """Bars, of which the last `length` are the window and those before it its history."""

    bars_N6: BarArray
    length: int


def read_window(media: str, history: int) -> BarWindow:
    """The bars of an excerpt, `series/spy_1h.npy#4000:4105`, and up to `history` before it: fewer as a series begins.

    `media` is a path or any URL that fsspec knows.
    """
    file, rows = split_excerpt(media)
    if rows is None:
        raise InputError(
            f"{media}: it does not say which bars are meant: name them, as in {join_excerpt(media, 0, 105)}"
        )
    try:
        with open_medium(file) as stream:
            head = _series_head(stream, file)
            require_rows(head, rows, file)
            first = max(0, rows[0] - history)
            bars_N6 = read_rows(stream, head, (first, rows[1]), file)
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"{file}: there is no such file: correct the path, or make the corpus") from None
    except OSError as error:
        raise InputError(f"{file}: it cannot be read ({error}): make it readable or leave it out") from None
    _require_bars(bars_N6, file, first)
    return BarWindow(bars_N6, rows[1] - rows[0])


def _series_head(stream: IO[bytes], file: str) -> ArrayHead:
    head = read_array_head(stream, file)
    if head.shape[1:] != (NUM_COLUMNS,) or head.kind != np.float64:
        raise InputError(
            f"{file}: it holds {head.shape} of {head.kind}: a series is (bars, {NUM_COLUMNS}) of float64, "
            "seconds since 1970, open, high, low, close and volume"
        )
    return head


def _require_bars(bars_N6: BarArray, file: str, first: int) -> None:
    """Prices must be numbers, and a bar's low and high its lowest and highest; `first` is the number of the first."""
    prices_N4 = bars_N6[:, OPEN : CLOSE + 1]
    with np.errstate(invalid="ignore"):
        sound_N = (bars_N6[:, HIGH] >= prices_N4.max(axis=1)) & (bars_N6[:, LOW] <= prices_N4.min(axis=1))
    if not (sound_N.all() and np.isfinite(prices_N4).all()):
        wrong = int(np.flatnonzero(~(sound_N & np.isfinite(prices_N4).all(axis=1)))[0])
        shown = ", ".join(f"{price:g}" for price in prices_N4[wrong])
        raise InputError(
            f"{file}: row {first + wrong} is no bar (open, high, low, close {shown}): mend the series, or make it again"
        )
