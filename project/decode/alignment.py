"""Forced alignment: in which frames the likeliest CTC path says each symbol of a text that is known.

It does not ask whether the text is what was said. Shapes as in `lattice`.
"""

from __future__ import annotations

import numpy as np

from project.decode.frames import Ints
from project.decode.lattice import IMPOSSIBLE, Lattice

Spans = list[tuple[int, int]]  # frames [start, end) of each symbol, in their order


def align(lattice: Lattice) -> list[Spans | None]:
    """The spans of each example's symbols, blanks left out; None where it has too few frames to spell them."""
    best_TBS = lattice.forward(np.maximum)
    totals_B = lattice.total(best_TBS)
    state_B = 2 * lattice.sizes_B + 2  # of each example's path, from its last edge back to its first
    rows_B = lattice.rows
    is_possible_B = totals_B > IMPOSSIBLE
    path_TB = np.zeros(best_TBS.shape[:2], dtype=np.int64)
    for frame in range(len(best_TBS) - 2, 0, -1):
        back_B3 = state_B[:, None] - np.arange(3)  # stay, step, skip
        scores_B3 = best_TBS[frame, rows_B[:, None], back_B3.clip(min=0)]
        scores_B3[back_B3 < 0] = IMPOSSIBLE
        scores_B3[~lattice.may_skip_BS[rows_B, state_B], 2] = IMPOSSIBLE
        on_path_B = is_possible_B & (frame <= lattice.lengths_B)
        state_B = np.where(on_path_B, state_B - scores_B3.argmax(axis=1), state_B)
        path_TB[frame] = np.where(on_path_B, state_B, 0)
    return [
        spans_of(path_TB[1 : length + 1, row], size) if is_possible_B[row] else None
        for row, length, size in zip(rows_B, lattice.lengths_B.tolist(), lattice.sizes_B.tolist(), strict=True)
    ]


def spans_of(path_T: Ints, size: int) -> Spans:
    """Where a path is in the state of each symbol: a path goes forwards, so that is one stretch of frames.

    >>> spans_of(np.array([1, 2, 2, 3, 4, 5]), 2)
    [(1, 3), (4, 5)]
    """
    states = 2 * np.arange(1, size + 1)
    starts, ends = np.searchsorted(path_T, states, side="left"), np.searchsorted(path_T, states, side="right")
    return list(zip(starts.tolist(), ends.tolist(), strict=True))
