"""Who learns from which bars: stretches of train, dev and test that share no bar, and blocks of bars in them.

Windows of one stretch may share bars with each other, windows of two splits never: not even bars that a feature has
looked at before the window, or that its label was computed from, if `embargo` is at least as long as both together.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from project.contract import InputError
from project.corpus.splits import SPLITS

Times = Mapping[str, NDArray[np.float64]]  # of the bars of each instrument, in seconds since 1970


class Stretch(NamedTuple):
    """Bars of an instrument that belong to one split."""

    split: str
    bars: range


@dataclass(frozen=True, slots=True)
class Splits:
    """How bars are divided: at two dates, the same for all instruments as markets move together, or by instrument."""

    by: Literal["time", "instrument"] = "time"
    parts: Sequence[float] = (0.70, 0.15, 0.15)  # of all bars of all instruments; decides the two dates
    dates: Sequence[str] | None = None  # the two, as 2015-01-01, instead: dev begins at one, test at the other
    dev: Sequence[str] = ()  # by instrument: those of dev; all others are train's
    test: Sequence[str] = ()
    embargo: int = 256  # bars left out at each date: the feature's history, and the label's bars before and after
    block: int = 1000  # bars of a group

    def __post_init__(self) -> None:
        if self.by not in {"time", "instrument"}:
            raise InputError(f"corpus: splits.by is {self.by!r}: choose time or instrument")
        if len(self.parts) != 3 or min(self.parts) < 0 or not math.isclose(sum(self.parts), 1, abs_tol=1e-6):
            raise InputError(f"corpus: splits.parts is {list(self.parts)}: give three parts of which the sum is 1")
        if self.embargo < 0 or self.block < 1:
            raise InputError(f"corpus: splits.embargo {self.embargo}, block {self.block}: give 0 or more, 1 or more")
        if self.by == "time" and (self.dev or self.test):
            raise InputError("corpus: splits.dev and test name instruments: add corpus.splits.by=instrument")
        if self.dates is not None:
            first, second = _dates(self.dates)
            if self.by != "time" or first >= second:
                raise InputError(f"corpus: splits.dates is {list(self.dates)}: give two in order, with splits.by=time")

    def divide(self, times: Times, usable: Mapping[str, range]) -> dict[str, list[Stretch]]:
        """The stretches of each instrument, of the bars that may be used."""
        if self.by == "instrument":
            return {name: [Stretch(self._split_of(name, times), bars)] for name, bars in usable.items()}
        borders = self.borders(times)
        return {name: list(self._stretches(times[name], bars, borders)) for name, bars in usable.items()}

    def borders(self, times: Times) -> tuple[float, float]:
        """The seconds at which dev and test begin."""
        if self.dates is not None:
            return _dates(self.dates)
        pooled = np.sort(np.concatenate(list(times.values())))
        places = [round(len(pooled) * part) for part in accumulate(self.parts)]
        first, second = (float(pooled[place]) if place < len(pooled) else math.inf for place in places[:2])
        return first, second

    def groups(self, name: str, stretches: Sequence[Stretch]) -> list[tuple[range, str]]:
        """The blocks of an instrument, numbered in order of time; no stretch begins within one."""
        blocks = [
            range(first, min(first + self.block, stretch.bars.stop))
            for stretch in stretches
            for first in range(stretch.bars.start, stretch.bars.stop, self.block)
        ]
        return [(bars, f"{name} {number}") for number, bars in enumerate(blocks)]

    def _split_of(self, name: str, known: Times) -> str:
        for split in ("dev", "test"):
            for wanted in getattr(self, split):
                if wanted not in known:
                    raise InputError(f"corpus: splits.{split} names {wanted!r}: choose from {', '.join(sorted(known))}")
        if both := set(self.dev) & set(self.test):
            raise InputError(f"corpus: splits.dev and test both name {min(both)!r}: take it out of one of them")
        return "dev" if name in self.dev else "test" if name in self.test else "train"

    def _stretches(self, times_N: NDArray[np.float64], bars: range, borders: tuple[float, float]) -> Sequence[Stretch]:
        """Before, between and after the two dates; the embargo lies after them."""
        first, second = (int(place) for place in np.searchsorted(times_N, borders))
        behind = [0, *(place + self.embargo if place else 0 for place in (first, second))]
        cuts = zip(SPLITS, behind, (first, second, bars.stop), strict=True)
        return [
            Stretch(split, range(max(bars.start, begin), max(begin, bars.start, min(bars.stop, end))))
            for split, begin, end in cuts
        ]


def _dates(dates: Sequence[str]) -> tuple[float, float]:
    try:
        first, second = (datetime.fromisoformat(str(date)) for date in dates)
    except ValueError:
        raise InputError(f"corpus: splits.dates is {list(dates)}: give two as 2015-01-01") from None
    return _seconds(first), _seconds(second)


def _seconds(moment: datetime) -> float:
    """Since 1970; a time without a zone is taken as it stands, as those of bars are."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
