"""Putting together what a model says of overlapping windows: each frame comes from exactly one window.

The cut between two windows falls where both are sure that there is no symbol, as near as can be to the middle of what
both have heard enough for; nothing is merged by guess. It knows frames and blank, no text.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from project.text.alphabet import Alphabet

# T frames, V symbols (blank included)

_CALM = math.log(0.9)  # log-probability of blank from which a frame is as good a place to cut as any
_AROUND = 2  # frames to either side of the cut that should be calm too


class Stitch:
    """The emissions of one recording, in order and without overlaps."""

    def __init__(self, margin: int, step: int | None = None) -> None:
        """`margin`: frames at the inner ends of a window that are not used if there is a choice.

        `step`: frames from the beginning of a window to that of the next, of which the last may begin earlier. Where it
        is known, what no later window can give is settled at once.
        """
        self._margin = margin
        self._step = step
        self._held_TV: Tensor | None = None  # of the window before, from the frame on where it takes over
        self._from = 0

    def add(self, start: int, log_probs_TV: Tensor, *, is_last: bool) -> Tensor:
        """The next window, which begins in frame `start` of the recording; the frames that are settled by it."""
        settled = []
        if self._held_TV is not None:
            cut = self._cut(self._held_TV, start, log_probs_TV)
            settled.append(self._held_TV[: cut - self._from])
            self._from = cut
        end = start + len(log_probs_TV)
        before, self._from = self._from, end if is_last else max(self._from, self._next_cut(start, end))
        settled.append(log_probs_TV[before - start : self._from - start])
        self._held_TV = None if is_last else log_probs_TV[self._from - start :]
        return torch.cat(settled)

    def _next_cut(self, start: int, end: int) -> int:
        """The earliest frame that the window after this one may give."""
        if self._step is None:
            return self._from
        low = start + self._step
        return min(end, low + self._margin if end - low > 2 * self._margin else low)

    def _cut(self, held_TV: Tensor, start: int, log_probs_TV: Tensor) -> int:
        """The first frame that is taken from the new window."""
        low, high = max(start, self._from), self._from + len(held_TV)
        middle = (low + high) // 2
        low, high = max(self._from, start + self._margin), high - self._margin
        if high <= low:
            return middle
        before_T = held_TV[low - self._from : high - self._from, Alphabet.blank]
        after_T = log_probs_TV[low - start : high - start, Alphabet.blank]
        return low + calmest(torch.minimum(before_T, after_T), min(max(middle - low, 0), high - low - 1))


def calmest(blank_T: Tensor, wanted: int) -> int:
    """The frame nearest to the wanted one among those that are calm, with their neighbours; else the calmest.

    `blank_T`: log-probabilities of blank.

    >>> quiet = torch.tensor([0.01, 0.99, 0.98, 0.99, 0.97, 0.99, 0.01, 0.02]).log()
    >>> calmest(quiet, wanted=6), calmest(torch.tensor([0.1, 0.1, 0.1, 0.2, 0.3]).log(), wanted=0)
    (3, 4)
    """
    worst_T = -functional.max_pool1d(-blank_T[None], 2 * _AROUND + 1, stride=1, padding=_AROUND)[0]
    calm_K = torch.nonzero(worst_T >= _CALM)[:, 0]
    if not len(calm_K):
        return int(blank_T.argmax())
    return int(calm_K[(calm_K - wanted).abs().argmin()])
