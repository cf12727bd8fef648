"""What a beam search has to look at: the frames of a batch that say more than blank, and the symbols in them.

It does not search. Shape suffixes beyond those of the contract: A steps of a search, K symbols kept in a step, M frames
of all rows one after another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from project.contract import InputError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
LogProbs = NDArray[np.float32]
Values = TypeVar("Values", Floats, Ints, Bools)

BLANK = 0
_SYMBOL_BITS = 20  # of a key that sorts symbols by probability
_BLOCK = 1 << 18  # scores sorted at once: they stay in the cache


@dataclass(frozen=True, slots=True)
class Pruning:
    """What a search leaves out of each frame.

    A symbol less likely than `symbol` is impossible there; a frame's likeliest never is. A frame in which only blank is
    left, or blank is at least as likely as `blank`, costs no step. Both leave out alignments, so that a score can only
    fall, as a probability by at most the sum of all that was left out.
    """

    symbol: float = 1e-3
    blank: float = 0.999  # above 1 skips no frame
    symbols: int | None = None  # at most so many symbols a frame, the likeliest

    def __post_init__(self) -> None:
        if not 0 <= self.symbol < 1:
            raise InputError(f"decode.pruning.symbol: {self.symbol} is no probability below 1: give 0 to 0.1")
        if not self.blank > 0:
            raise InputError(f"decode.pruning.blank: {self.blank} would skip every frame: give 0.9 to 1, or 2 for none")
        if self.symbols is not None and self.symbols < 1:
            raise InputError(f"decode.pruning.symbols: {self.symbols} leaves nothing: give at least 1, or null for all")


@dataclass(frozen=True, slots=True)
class Frames:
    """Steps of a search over several rows at once; rows with most steps come first, so the live ones are a prefix."""

    order_B: Ints  # row of the emissions that each row here is
    live_A: Ints  # rows that take part in each step
    widths_A: Ints  # symbols kept in each step, most of any row
    frame_AB: Ints  # number of the frame
    offset_AB: Ints  # where its scores begin in the flat emissions
    gap_AB: Bools  # whether blank frames were skipped just before it
    blank_AB: Floats  # probability of blank, 0 if pruned
    least_AB: Floats  # smallest probability that is not pruned
    symbols_ABK: Ints  # likeliest first
    probs_ABK: Floats  # 0 where pruned
    skipped_B: Floats  # log-probability that all skipped frames are blank
    trailing_B: Bools  # whether frames were skipped after the last step


def prepare(log_probs_BTV: LogProbs, lengths_B: Ints, pruning: Pruning, widest: int) -> Frames:
    """The steps of a search that looks at no more than the `widest` likeliest symbols of a frame."""
    num_rows, num_frames, num_ids = log_probs_BTV.shape
    log_probs_FV = log_probs_BTV.reshape(-1, num_ids)
    blank_BT = log_probs_BTV[:, :, BLANK]
    inside_BT = np.arange(num_frames) < lengths_B[:, None]
    frames_M = _busy(log_probs_FV, np.flatnonzero(inside_BT), pruning)
    rows, times = np.divmod(frames_M, num_frames)
    width = min(num_ids - 1, widest if pruning.symbols is None else pruning.symbols)
    symbols_MK, probs_MK = _likeliest(log_probs_FV, frames_M, width)
    blank_M = np.exp(blank_BT[rows, times], dtype=np.float64)
    least_M = np.minimum(pruning.symbol, np.maximum(blank_M, probs_MK.max(axis=1, initial=0)))
    probs_MK[probs_MK < least_M[:, None]] = 0
    blank_M[blank_M < least_M] = 0
    if width == pruning.symbols:  # the others are impossible as repeats too
        least_M = np.maximum(least_M, probs_MK[:, -1])

    counts_B = np.bincount(rows, minlength=num_rows)
    order_B = np.argsort(-counts_B, kind="stable")
    place_B = np.empty_like(order_B)
    place_B[order_B] = np.arange(num_rows)
    steps = int(counts_B.max(initial=0))
    step_M = np.arange(len(rows)) - np.repeat(np.cumsum(counts_B) - counts_B, counts_B)
    number_AB = np.zeros((steps, num_rows), np.int64)  # which of all frames, from 1; 0 for none
    number_AB[step_M, place_B[rows]] = np.arange(1, len(rows) + 1)
    before_M = np.where(step_M > 0, np.roll(times, 1), -1)
    last_B = np.full(num_rows, -1)
    np.maximum.at(last_B, rows, times)
    skipped_BT = inside_BT
    skipped_BT[rows, times] = False

    def spread(values_M: Values) -> Values:
        nothing = np.zeros((1, *values_M.shape[1:]), values_M.dtype)
        return np.concatenate([nothing, values_M]).take(number_AB, axis=0)

    return Frames(
        order_B=order_B,
        live_A=np.searchsorted(-counts_B[order_B], -np.arange(steps), side="left"),
        widths_A=spread(np.count_nonzero(probs_MK, axis=1)).max(axis=1, initial=0),
        frame_AB=spread(times),
        offset_AB=spread(frames_M * num_ids),
        gap_AB=spread(times > before_M + 1),
        blank_AB=spread(blank_M),
        least_AB=spread(least_M),
        symbols_ABK=spread(symbols_MK),
        probs_ABK=spread(probs_MK),
        skipped_B=np.where(skipped_BT, blank_BT, 0).sum(axis=1, dtype=np.float64)[order_B],
        trailing_B=(last_B < lengths_B - 1)[order_B],
    )


def _busy(log_probs_FV: LogProbs, frames_M: Ints, pruning: Pruning) -> Ints:
    """The frames, of these, in which there is more than blank."""
    with np.errstate(divide="ignore"):
        symbol, blank = np.log(np.array([pruning.symbol, pruning.blank], np.float32))
    frames_M = frames_M[~(log_probs_FV[frames_M, BLANK] >= blank)]
    block = max(1, _BLOCK // log_probs_FV.shape[1])
    found = [np.zeros(0, np.int64)]
    for start in range(0, len(frames_M), block):
        frames = frames_M[start : start + block]
        kept_FV = log_probs_FV.take(frames, axis=0) >= symbol
        found.append(frames[kept_FV[:, 1:].any(axis=1) | ~kept_FV[:, BLANK]])
    return np.concatenate(found)


def _likeliest(log_probs_FV: LogProbs, frames_M: Ints, width: int) -> tuple[Ints, Floats]:
    """The likeliest symbols of some frames, blank left out, and their probabilities; equals by number."""
    num_ids = log_probs_FV.shape[1]
    symbols_MK = np.empty((len(frames_M), width), np.int64)
    scores_MK = np.empty((len(frames_M), width), np.float32)
    block = max(1, _BLOCK // num_ids)
    numbers_V = np.arange(1, num_ids)
    for start in range(0, len(frames_M), block):
        scores_FV = log_probs_FV.take(frames_M[start : start + block], axis=0)[:, 1:]
        # Magnitudes sort like their bits: below them the symbol's number, so that one sort of integers does it all.
        keys = np.abs(scores_FV).view(np.int32).astype(np.int64) << _SYMBOL_BITS | numbers_V
        if 4 * width < num_ids:
            keys = np.partition(keys, width, axis=1)[:, :width]
        keys = np.sort(keys, axis=1)[:, :width]
        symbols = keys & (1 << _SYMBOL_BITS) - 1
        symbols_MK[start : start + block] = symbols
        scores_MK[start : start + block] = np.take_along_axis(scores_FV, symbols - 1, axis=1)
    return symbols_MK, np.exp(scores_MK, dtype=np.float64)
