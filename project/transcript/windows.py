"""Windows: a recording of any length as overlapping pieces of bounded length.

It does not know what is done with them. All numbers are samples unless they say otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from project.contract import InputError
from project.feature.waveform import Wave

WINDOW_SECONDS = 120.0
_SETTLING_SECONDS = 3.0  # how much a feature that follows tone and level should hear beside what the model sees
_ROOM_SECONDS = 2.0  # where the cut between two windows may fall
_AWAITED_SETTLING_SECONDS, _AWAITED_ROOM_SECONDS = 2.0, 1.0  # where text is waited for
_AWAITED_CONTEXT_SECONDS = 8.0  # to either side that a model sees there at most: text that comes sooner is worth more
_AWAITED_STEP_SECONDS = 3.0  # from window to window there
_UNBOUNDED_SECONDS = 5.0  # for models that do not say how far they look


@dataclass(frozen=True, slots=True)
class Plan:
    """How recordings are cut. All begin at multiples of `grain`, the samples of one output frame."""

    size: int
    overlap: int
    grain: int
    margin: int  # output frames at the inner ends of a window that see too little to be used

    @classmethod
    def of(
        cls,
        window: float | None,
        overlap: float | None,
        *,
        sample_rate: int,
        grain: int,
        context: float | None,
        is_awaited: bool = False,
    ) -> Plan:
        """A plan in seconds; None is the default.

        `context`: how far the model looks to either side. `is_awaited`: sound is still to come, and somebody waits for
        its text: windows then are short, and overlap less.
        """
        settling = _AWAITED_SETTLING_SECONDS if is_awaited else _SETTLING_SECONDS
        room = _AWAITED_ROOM_SECONDS if is_awaited else _ROOM_SECONDS
        if overlap is None:
            seen = _UNBOUNDED_SECONDS if context is None else context
            overlap = 2 * (settling + (min(seen, _AWAITED_CONTEXT_SECONDS) if is_awaited else seen)) + room
        elif overlap < 0:
            raise InputError(f"overlap_seconds: {overlap:g} is negative: give 0 or more, or null")
        if window is None:
            window = overlap + _AWAITED_STEP_SECONDS if is_awaited else WINDOW_SECONDS
        if window <= overlap:
            raise InputError(
                f"window_seconds: {window:g} is no longer than the overlap of {overlap:g} s: "
                f"set window_seconds={2 * overlap:.0f} or more, or a shorter overlap_seconds"
            )
        grains_a_second = sample_rate / grain
        inside = max(1, round(overlap * grains_a_second))
        margin = round((overlap - min(room, overlap / 2)) / 2 * grains_a_second)
        size = max(inside + 1, round(window * grains_a_second))
        return cls(size * grain, inside * grain, grain, margin)

    @property
    def step(self) -> int:
        """From the beginning of a window to that of the next."""
        return self.size - self.overlap


@dataclass(frozen=True, slots=True)
class Window:
    """A piece of a recording."""

    start: int
    wave: Wave
    is_last: bool

    @property
    def is_whole(self) -> bool:
        """Whether it is all of the recording."""
        return self.is_last and self.start == 0


def windows(blocks: Iterable[Wave], plan: Plan) -> Iterator[Window]:
    """The windows of a recording that comes in blocks. No more than two windows of it are held.

    The last one ends with the recording and is as long as the others, to within a grain: it overlaps more. A recording
    no longer than that is one window.
    """
    pieces: list[Wave] = []
    begin, end, start = 0, 0, 0  # of what is held, and of the next window
    for block in blocks:
        pieces.append(block)
        end += len(block)
        while end >= start + plan.size + plan.grain:
            held = np.concatenate(pieces)
            yield Window(start, held[start - begin : start - begin + plan.size], is_last=False)
            pieces, begin = [held[start - begin :]], start
            start += plan.step
    held = np.concatenate(pieces)
    last = (end - plan.size) // plan.grain * plan.grain if start else 0
    yield Window(last, held[last - begin :], is_last=True)
