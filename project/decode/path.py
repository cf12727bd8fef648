"""From a search's history to answers: which symbols, in which frames, and how sure the recognizer was of each.

Shape suffixes beyond those of the contract: A steps of the search, M answers of a row, S symbols of all rows' answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from project.decode.frames import BLANK, Floats, Frames, Ints, LogProbs
from project.decode.prefix_search import Step


@dataclass(frozen=True, slots=True)
class Symbols:
    """The symbols of several rows' answers, row after row."""

    row_S: Ints
    start_S: Ints  # frame in which the likeliest alignments begin the symbol
    token_S: Ints

    def cuts(self, rows: int) -> list[int]:
        """Where each row begins, and the end."""
        return np.searchsorted(self.row_S, np.arange(rows + 1)).tolist()  # type: ignore[no-any-return]


def trace(steps: Sequence[Step], slots_BM: Ints) -> tuple[NDArray[np.int32], Ints]:
    """(A, B, M) symbols by which the beams in these places grew in each step, 0 for none; and where they began."""
    slots_BM = slots_BM.copy()
    grown_ABM = np.zeros((len(steps), *slots_BM.shape), np.int32)
    for number in range(len(steps) - 1, -1, -1):
        step = steps[number]
        live, size = step.source_LN.shape
        flat_LM = slots_BM[:live] + np.arange(0, live * size, size)[:, None]
        grown_ABM[number, :live] = step.symbol_LN.take(flat_LM)
        slots_BM[:live] = step.source_LN.take(flat_LM)
    return grown_ABM, slots_BM


def symbols_of(grown_AB: NDArray[np.int32], frames: Frames) -> Symbols:
    """The symbols of one answer a row, each where it begins, in the rows of the emissions."""
    grown_BA = np.empty(grown_AB.shape[::-1], np.int32)
    grown_BA[frames.order_B] = grown_AB.T
    row_S, step_S = np.nonzero(grown_BA)
    place_B = np.argsort(frames.order_B)
    return Symbols(row_S, frames.frame_AB[step_S, place_B[row_S]], grown_BA[row_S, step_S].astype(np.int64))


def ends_of(symbols: Symbols, log_probs_BTV: LogProbs, ends_B: Ints) -> tuple[Ints, Floats]:
    """Where each symbol ends, and its mean probability until there.

    It holds on until blank is likelier than it, or the next symbol begins, or the row ends at `ends_B`; before a repeat
    one frame is left for the blank between.
    """
    if not len(symbols.row_S):
        return np.zeros(0, np.int64), np.zeros(0)
    next_S = ends_B[symbols.row_S]
    follows = symbols.row_S[1:] == symbols.row_S[:-1]
    repeats = symbols.token_S[1:] == symbols.token_S[:-1]
    next_S[:-1] = np.where(follows, symbols.start_S[1:] - repeats, next_S[:-1])
    sizes_S = np.ones_like(next_S)
    holding = np.flatnonzero(next_S > symbols.start_S + 1)
    sums_S = np.exp(log_probs_BTV[symbols.row_S, symbols.start_S, symbols.token_S], dtype=np.float64)
    while len(holding):
        row, frame, token = (
            symbols.row_S[holding],
            symbols.start_S[holding] + sizes_S[holding],
            symbols.token_S[holding],
        )
        held = log_probs_BTV[row, frame, token]
        on = held > log_probs_BTV[row, frame, BLANK]
        holding = holding[on]
        sums_S[holding] += np.exp(held[on], dtype=np.float64)
        sizes_S[holding] += 1
        holding = holding[symbols.start_S[holding] + sizes_S[holding] < next_S[holding]]
    return symbols.start_S + sizes_S, sums_S / sizes_S
