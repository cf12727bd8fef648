"""Prices as numbers: a table of bars read from CSV or Parquet, checked, and kept as one .npy file an instrument.

A row: seconds since 1970, open, high, low, close, volume (0 where unknown), in order of time. Times without a zone are
taken as they stand. It does not know how long a bar is, whether one is missing, nor of dividends and stock splits.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from project import atomic
from project.contract import InputError
from project.corpus.market.table import Table, read_table
from project.feature.bar_window import CLOSE, HIGH, LOW, OPEN, TIME, VOLUME, BarArray

_TIMES = ("ts", "timestamp", "datetime", "date", "time", "__index_level_0__")  # the last: pandas, for want of a name
_PRICES = ("open", "high", "low", "close")
_VOLUMES = ("volume", "vol", "tickvol")
_DATE = re.compile(r"(\d{4})[./](\d\d?)[./](\d\d?)")


def read_series(path: Path, fewest: int) -> BarArray:
    """(N, 6) bars of a file, at least `fewest`; a flaw is an InputError with its place and the remedy."""
    table = read_table(path, (*_TIMES, *_PRICES, *_VOLUMES))
    if missing := [name for name in _PRICES if name not in table.columns]:
        names = ", ".join(table.names) or "none"
        raise InputError(f"{path}: no column {', '.join(missing)} among {names}: name them in the first line")
    moments_N = _moments(table, path)
    if len(moments_N) < fewest:
        raise InputError(f"{path}: {len(moments_N):,} bars: a window needs {fewest}: add bars, or leave the file out")
    volume = next((name for name in _VOLUMES if name in table.columns), None)
    volume_N = np.zeros(len(moments_N)) if volume is None else _numbers(table, volume)
    prices = [_numbers(table, name) for name in _PRICES]
    bars_N6 = np.stack([moments_N, *prices, np.where(np.isnan(volume_N), 0.0, volume_N)], axis=1)
    _check(bars_N6, table)
    return bars_N6


def write_series(path: Path, bars_N6: BarArray) -> None:
    """A file that is there whole or not at all."""
    with atomic.writing(path) as file:
        np.save(file, bars_N6)


def iso(seconds: float) -> str:
    """A time as people write it.

    >>> iso(915181200)
    '1999-01-01T09:00:00'
    """
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None).isoformat(timespec="seconds")


def seconds_of(text: str) -> float:
    """A time as it stands in a file: an ISO date, or seconds (or thousandths, ...) since 1970; ValueError if neither.

    >>> seconds_of("1999-01-01 09:00"), seconds_of("1999.01.01 09:00:00"), seconds_of("915181200000")
    (915181200.0, 915181200.0, 915181200.0)
    """
    text = _DATE.sub(lambda found: f"{found[1]}-{found[2]:0>2}-{found[3]:0>2}", text.strip())
    if text.replace(".", "", 1).isdecimal() and len(text) != 8:  # 19990101 is a date
        return float(_since_1970(np.array([float(text)]))[0])
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _moments(table: Table, path: Path) -> NDArray[np.float64]:
    """Seconds since 1970 of each row."""
    names = [name for name in _TIMES if name in table.columns]
    if not names:
        raise InputError(f"{path}: no column of times ({', '.join(_TIMES[:-1])}): name one in the first line")
    moments: Any = table.columns[names[0]]
    if {"date", "time"} <= set(names):
        pairs = zip(table.columns["date"], table.columns["time"], strict=True)
        moments = [f"{day} {time}" for day, time in pairs]
    kind = moments.dtype.kind if isinstance(moments, np.ndarray) else "O"
    if kind == "M":
        seconds_N = moments.astype("datetime64[us]").astype(np.float64) / 1e6
        return np.where(np.isnat(moments), np.nan, seconds_N)
    if kind in "iuf":
        return _since_1970(moments.astype(np.float64))
    return np.array([_moment(table, row, str(text)) for row, text in enumerate(moments)])


def _moment(table: Table, row: int, text: str) -> float:
    try:
        return seconds_of(text)
    except (ValueError, OverflowError):
        remedy = "write it as 2015-01-31 14:00, or as seconds since 1970"
        raise InputError(f"{table.place(row)}: {text!r:.40} is no time: {remedy}") from None


def _since_1970(numbers_N: NDArray[np.float64]) -> NDArray[np.float64]:
    """Seconds, of numbers that may count thousandths, millionths or billionths of them: no bar is of the year 5000."""
    largest = float(np.nanmax(np.abs(numbers_N), initial=0))
    power = next((power for power in (0, 3, 6) if largest < 1e11 * 10**power), 9)
    return np.asarray(numbers_N / 10.0**power)


def _numbers(table: Table, name: str) -> NDArray[np.float64]:
    """A column of numbers, NaN where nothing stands."""
    column = table.columns[name]
    try:
        return np.asarray(column, dtype=np.float64)
    except (ValueError, TypeError):
        return np.array([_number(table, row, name, str(cell)) for row, cell in enumerate(column)])


def _number(table: Table, row: int, name: str, cell: str) -> float:
    try:
        return float(cell.strip().replace(",", ".") or "nan")
    except ValueError:
        raise InputError(f"{table.place(row)}: {name} is {cell!r:.40}, no number: correct it") from None


def _check(bars_N6: BarArray, table: Table) -> None:
    """The first row that no bar can have is an error."""
    prices_N4, times_N = bars_N6[:, OPEN : CLOSE + 1], bars_N6[:, TIME]
    top_N = np.maximum(bars_N6[:, OPEN], bars_N6[:, CLOSE])
    bottom_N = np.minimum(bars_N6[:, OPEN], bars_N6[:, CLOSE])
    later_N = np.concatenate([[1.0], np.diff(times_N)])
    is_price_N4, volume_N = np.isfinite(prices_N4), bars_N6[:, VOLUME]
    flaws: list[tuple[NDArray[np.bool_], str]] = [
        (~np.isfinite(times_N), "the time is missing: fill it in, or take the row out"),
        (np.asarray(~is_price_N4.all(axis=1)), "a price is missing: fill it in, or take the row out"),
        (np.asarray((prices_N4 <= 0).any(axis=1)), "a price is 0 or less, and no ratio can be formed: correct the row"),
        (bars_N6[:, HIGH] < top_N, "the high is below open or close: correct the row, or take it out"),
        (bars_N6[:, LOW] > bottom_N, "the low is above open or close: correct the row, or take it out"),
        ((volume_N < 0) | np.isinf(volume_N), "the volume is below 0 or without end: correct it"),
        (later_N == 0, "the time is that of the bar before: take one of the two out, or give times in UTC"),
        (later_N < 0, "the time is before that of the bar before: sort the rows by time"),
    ]
    for is_wrong_N, what in flaws:
        rows = np.flatnonzero(is_wrong_N)
        if len(rows):
            more = f" ({len(rows) - 1:,} more such rows)" if len(rows) > 1 else ""
            raise InputError(f"{table.place(int(rows[0]))}: {what}{more}")
