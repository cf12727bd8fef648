"""From recorded letters to a spelled word: parts of clips, faster or slower, with the hand's way from one to the next.

The way is a straight line for each point: nobody signed it. It does not know which letters make a word.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from project.feature.landmark_file import Points, at_times

_FEWEST_FRAMES = 3  # of a letter


@dataclass(frozen=True, slots=True)
class Part:
    """What is taken of a clip."""

    points_TPX: Points
    begin: float  # parts of the clip, 0 to 1
    end: float
    speed: float  # 1 as recorded, 2 twice as fast


def assemble(parts: Sequence[Part], transitions: Sequence[int]) -> Points:
    """The letters one after the other, with that many frames between each two."""
    pieces = [_cut(parts[0])]
    for part, frames in zip(parts[1:], transitions, strict=True):
        piece_TPX = _cut(part)
        way_T11 = (np.arange(1, frames + 1, dtype=np.float32) / (frames + 1))[:, None, None]
        pieces += [pieces[-1][-1] * (1 - way_T11) + piece_TPX[0] * way_T11, piece_TPX]
    return np.concatenate(pieces)


def _cut(part: Part) -> Points:
    """The part of its clip, at its speed."""
    frames = len(part.points_TPX)
    begin = min(round(part.begin * frames), frames - 1)
    kept_TPX = part.points_TPX[begin : max(begin + 2, round(part.end * frames))]
    wanted = max(_FEWEST_FRAMES, round(len(kept_TPX) / part.speed))
    return at_times(kept_TPX, np.linspace(0, len(kept_TPX) - 1, wanted))
