"""Cutting at pauses: a recording of any length in pieces of bounded length, for recognizers whose texts cannot overlap.

It does not know what speech is: a pause is where the sound is quietest. All numbers are samples unless they say
otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from project.contract import InputError
from project.feature.waveform import Wave
from project.transcript.windows import Window

WINDOW_SECONDS = 30.0  # models that write token by token are taught on single utterances, hardly any of them longer
_AWAITED_SECONDS = 12.0  # of sound that is still to come: its text is waited for
_SHORTEST_SECONDS = 1.0
_STEPS_A_SECOND = 100  # places to cut at
_PAUSE_STEPS = 20  # how much of the sound around a place must be quiet


@dataclass(frozen=True, slots=True)
class Pauses:
    """Where recordings are cut: in the last third of a window; what is left for the last one is a sixth at least."""

    size: int  # of the longest window
    step: int  # between places to cut at

    @classmethod
    def of(
        cls, window: float | None, sample_rate: int, longest: float | None = None, is_awaited: bool = False
    ) -> Pauses:
        """Windows of so many seconds at most; None is the default, or what is `longest` of all that was learned from.

        `is_awaited`: sound is still to come, and somebody waits for its text: windows then are shorter.

        >>> Pauses.of(None, 100, 6.0).size, Pauses.of(None, 100).size, Pauses.of(9.0, 100, 6.0).size
        (600, 3000, 900)
        >>> Pauses.of(None, 100, 6.0, is_awaited=True).size, Pauses.of(None, 100, is_awaited=True).size
        (600, 1200)
        """
        if window is None:
            most = _AWAITED_SECONDS if is_awaited else WINDOW_SECONDS
            window = most if longest is None else max(_SHORTEST_SECONDS, min(most, longest))
        if not window >= _SHORTEST_SECONDS:
            raise InputError(
                f"window_seconds: {window:g} leaves nothing to recognize: give {_SHORTEST_SECONDS:g} or more"
            )
        return cls(round(window * sample_rate), sample_rate // _STEPS_A_SECOND)

    @property
    def rest(self) -> int:
        """How much is left behind a cut at least."""
        return self.size // 6

    def place(self, wave: Wave) -> int:
        """Where to cut what is longer than a window: the middle of the quietest 0.2 s, the last of several."""
        half = _PAUSE_STEPS // 2 * self.step
        low = self.size - self.size // 3
        places = (min(self.size, len(wave) - self.rest) - low) // self.step + 1
        near = wave[low - half : low + half + (places - 1) * self.step].astype(np.float64)
        energies = np.square(near).reshape(-1, self.step).sum(axis=1)
        around = np.lib.stride_tricks.sliding_window_view(energies, _PAUSE_STEPS).sum(axis=1)
        return low + (places - 1 - int(np.argmin(around[::-1]))) * self.step


def cut_at_pauses(blocks: Iterable[Wave], pauses: Pauses) -> Iterator[Window]:
    """The windows of a recording that comes in blocks, one after the other. No more than two windows of it are held.

    A recording no longer than a window is one.
    """
    pieces: list[Wave] = []
    start, count = 0, 0  # of what is held
    for block in blocks:
        pieces.append(block)
        count += len(block)
        while count >= pauses.size + pauses.rest:
            held = np.concatenate(pieces)
            end = pauses.place(held)
            yield Window(start, held[:end], is_last=False)
            pieces, start, count = [held[end:]], start + end, count - end
    held = np.concatenate(pieces)
    if count > pauses.size:
        end = pauses.place(held)
        yield Window(start, held[:end], is_last=False)
        held, start = held[end:], start + end
    yield Window(start, held, is_last=True)
