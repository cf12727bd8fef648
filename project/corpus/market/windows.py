"""Which windows are cut out of a series: each span of its own in one, at a place that chance decides.

A window never cuts a span: what it touches, it holds whole. With each window goes its room, the first bars with which
it would hold the same spans. It does not know bars or dates, only their numbers.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from project.contract import InputError
from project.corpus.market.label import Expansion


class Window(NamedTuple):
    """A stretch of a series and what is in it; all numbers count bars of the series."""

    name: str  # its own among those of the series
    first: int
    spans: Sequence[Expansion]
    room: tuple[int, int]  # the least and the greatest first bar with which it holds the same spans


@dataclass(frozen=True, slots=True)
class Windows:
    """How windows are chosen."""

    bars: int = 105
    start: Sequence[int] = (15, 85)  # where in the window its span starts, drawn evenly from what is possible
    spans: Literal["one", "any"] = "one"  # hold one span and touch no other, or hold others, too
    without: float = 0.0  # windows without a span, as a part of the number of those with one

    def __post_init__(self) -> None:
        if self.bars < 1:
            raise InputError(f"corpus: windows.bars is {self.bars}: give at least 1")
        if len(self.start) != 2 or not 0 <= self.start[0] <= self.start[1] < self.bars:
            raise InputError(
                f"corpus: windows.start is {list(self.start)}: give [least, greatest], from 0 to {self.bars - 1}"
            )
        if self.spans not in {"one", "any"}:
            raise InputError(f"corpus: windows.spans is {self.spans!r}: choose one or any")
        if not 0 <= self.without <= 100:
            raise InputError(f"corpus: windows.without is {self.without}: give a part, 0 or more")


class Cutter:
    """Cuts windows out of one series, whose spans it is given in order of time."""

    def __init__(self, spans: Sequence[Expansion], windows: Windows, series: str, seed: int) -> None:
        self._spans = spans
        self._starts_S = np.array([span.start for span in spans], dtype=np.int64)
        self._ends_S = np.array([span.end for span in spans], dtype=np.int64)
        self._windows = windows
        self._key = (seed, zlib.crc32(series.encode()))

    def around_spans(self, bars: range) -> list[Window]:
        """A window for each span that has one within these bars; two spans that would share a window get one."""
        found: dict[int, Window] = {}
        for number, span in enumerate(self._spans):
            least, most = self._windows.start
            firsts_F = np.arange(
                max(bars.start, span.start - most), min(bars.stop - self._windows.bars, span.start - least) + 1
            )
            held_F2, is_whole_F = self._held(firsts_F)
            is_right_F = is_whole_F & (held_F2[:, 0] <= number) & (number < held_F2[:, 1])
            if self._windows.spans == "one":
                is_right_F &= held_F2[:, 1] - held_F2[:, 0] == 1
            possible = np.flatnonzero(is_right_F)
            if not len(possible):
                continue
            place = int(np.random.default_rng([*self._key, span.start]).choice(possible))
            low, high = _run_of((held_F2 == held_F2[place]).all(axis=1) & is_right_F, place)
            first, (begin, end) = int(firsts_F[place]), held_F2[place]
            room = (int(firsts_F[low]), int(firsts_F[high]))
            found.setdefault(first, Window(str(span.start), first, self._spans[begin:end], room))
        return list(found.values())

    def between_spans(self, bars: range) -> list[Window]:
        """As many windows as there is space for that touch no span and not each other."""
        edges = [bars.start, *(bar for span in self._spans for bar in (span.start, span.end)), bars.stop]
        found = []
        for begin, end in zip(edges[::2], edges[1::2], strict=True):
            start, stop = max(begin, bars.start), min(end, bars.stop)
            count = max(0, stop - start) // self._windows.bars
            spare = stop - start - count * self._windows.bars
            rng = np.random.default_rng([*self._key, 1, start])
            shifts = np.sort(rng.integers(0, spare + 1, count)) if count else ()
            for number, shift in enumerate(shifts):
                first = start + number * self._windows.bars + int(shift)
                found.append(Window(f"{first}-without", first, (), (start, stop - self._windows.bars)))
        return found

    def _held(self, firsts_F: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Of windows that begin there: the first and one behind the last span in them, and whether none is cut."""
        lasts_F = firsts_F + self._windows.bars
        begin_F, end_F = np.searchsorted(self._starts_S, firsts_F), np.searchsorted(self._ends_S, lasts_F, "right")
        is_whole_F = begin_F == np.searchsorted(self._ends_S, firsts_F, "right")
        is_whole_F &= end_F == np.searchsorted(self._starts_S, lasts_F)
        return np.stack([begin_F, end_F], axis=1), is_whole_F


def _run_of(is_right_F: NDArray[np.bool_], place: int) -> tuple[int, int]:
    """The first and last of the places around one that are all right."""
    wrong = np.flatnonzero(~is_right_F)
    number = int(np.searchsorted(wrong, place))
    low = int(wrong[number - 1]) + 1 if number else 0
    high = int(wrong[number]) - 1 if number < len(wrong) else len(is_right_F) - 1
    return low, high
