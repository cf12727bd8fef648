"""Goodness of pronunciation (GOP): how well each phone of a known text was said, as a CTC model hears it.

It does not know people's judgements, nor which value is too low: that is learned elsewhere. Two kinds of it:

`aligned`  In the frames where the likeliest path says the phone (forced alignment), the mean of its log-probability
           less that of the best other phone; blank is no competitor. Above 0 where the phone is the best one. Frames in
           which that path says blank belong to no phone: there the model says that it has said all it has to, and how
           it ranks phones meanwhile is nothing that it was taught.
`free`     Without alignment: log p(text) less the logarithm of the sum of p(text) and of p of all texts in which this
           one phone is left out or is another one, each over all ways to place it in time. So it is the log-probability
           of this phone here, given all others: 0 at most, and about 0 for one that was well said.

Both stay within LIMIT, and are - LIMIT where the frames are too few to spell the text. Natural logarithms throughout.

Shapes as in `lattice`, N' the symbols without the edges; K what is put in a symbol's place, V' the alphabet's symbols.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from project.contract import Emissions, InputError
from project.decode.alignment import Spans, align
from project.decode.frames import BLANK, Bools, Floats
from project.decode.lattice import IMPOSSIBLE, Lattice, lattice

LIMIT = 100.0  # of a log-probability ratio: beyond, it says no more
CELLS = 1 << 20  # frames times states of the examples in hand at once: some 100 MB in all
_LARGE = 700.0  # whose exponential is still a number


@dataclass(frozen=True, slots=True)
class Goodness:
    """How well the phones of one example were said."""

    log_prob: float  # of the text, over all ways to place it in time, divided by its number of symbols
    aligned: tuple[float, ...]
    free: tuple[float, ...]


def assess(output: Emissions, symbols: Sequence[Sequence[int]]) -> list[Goodness]:
    """The goodness of each example's symbols, ids in the alphabet."""
    num_symbols = output.log_probs_BTV.shape[2]
    if num_symbols < 3:
        raise InputError("goodness of pronunciation: the alphabet has one phone: it needs others to compare it with")
    num_states = 2 * max(map(len, symbols), default=0) + 3
    at_once = max(1, CELLS // (num_states * (output.log_probs_BTV.shape[1] + 2)))
    found = []
    for start in range(0, len(symbols), at_once):
        rows = slice(start, start + at_once)
        lengths_B = output.lengths_B[rows]
        log_probs_BTV = output.log_probs_BTV[rows, : int(lengths_B.max())]
        found += _assessed(lattice(Emissions(log_probs_BTV, lengths_B), symbols[rows]))
    return found


def _assessed(rows: Lattice) -> list[Goodness]:
    forward_TBS, backward_TBS = rows.forward(), rows.backward()
    totals_B = rows.total(forward_TBS)
    free_BN = free(rows, forward_TBS, backward_TBS, totals_B)
    found = []
    for row, spans in enumerate(align(rows)):
        size = int(rows.sizes_B[row])
        per_symbol = max(-LIMIT, float(totals_B[row]) / max(1, size))
        if spans is None:
            found.append(Goodness(per_symbol, (-LIMIT,) * size, (-LIMIT,) * size))
        else:
            found.append(Goodness(per_symbol, aligned(rows, row, spans), tuple(free_BN[row, :size].tolist())))
    return found


def aligned(rows: Lattice, row: int, spans: Spans) -> tuple[float, ...]:
    """Each symbol of one example against the best other one, where it was found."""
    phones_TV = rows.frames_TBV[1:, row, BLANK + 1 : -1]
    found = []
    for symbol, (start, end) in zip(rows.symbols_BN[row, 1:].tolist(), spans, strict=False):
        said_TV = phones_TV[start:end]
        others_TV = np.delete(said_TV, symbol - BLANK - 1, axis=1)
        ratios_T = said_TV[:, symbol - BLANK - 1] - others_TV.max(axis=1).clip(min=-1e6)  # where all is ruled out
        found.append(float(np.clip(ratios_T.mean(), -LIMIT, LIMIT)))
    return tuple(found)


def free(rows: Lattice, forward_TBS: Floats, backward_TBS: Floats, totals_B: Floats) -> Floats:
    """(B, N') Each symbol against all others, or none, in its place; meaningless behind an example's last.

    Of the lattice with another symbol in this place only one state differs, and the skips into and out of it. So what
    leads to that state and what follows it are those of the text itself, and all variants of all places are reckoned in
    one pass over the frames.
    """
    variants_BNK = np.concatenate(
        [
            _replaced(rows, forward_TBS, backward_TBS),
            _replaced_by_neighbours(rows, forward_TBS, backward_TBS),
            _left_out(rows, forward_TBS, backward_TBS)[..., None],
        ],
        axis=2,
    )
    is_possible_B = totals_B > IMPOSSIBLE
    others_BN = np.logaddexp.reduce(variants_BNK, axis=2) - np.where(is_possible_B, totals_B, 0)[:, None]
    return np.where(is_possible_B[:, None], -np.logaddexp(0, others_BN), -LIMIT).clip(min=-LIMIT)


def _replaced(rows: Lattice, forward_TBS: Floats, backward_TBS: Floats) -> Floats:
    """(B, N', V') log p with each symbol in each place; impossible for the text's own and its two neighbours."""
    into_TBN = np.logaddexp(forward_TBS[:-2, :, 1:-2:2], forward_TBS[:-2, :, :-4:2])
    out_of_TBN = np.logaddexp(backward_TBS[2:, :, 3::2], backward_TBS[2:, :, 4::2])
    probs_TBV = np.exp(rows.frames_TBV[1:-1, :, BLANK + 1 : -1])
    found_BNV = _through(into_TBN[..., None], out_of_TBN[..., None], probs_TBV[:, :, None])
    places_BN3 = np.stack([rows.symbols_BN[:, side : side - 2 or None] for side in range(3)], axis=2) - BLANK - 1
    num_symbols = found_BNV.shape[2]
    is_taken_BNV = np.zeros((*found_BNV.shape[:2], num_symbols + 1), dtype=np.bool_)  # the last is of the edges
    np.put_along_axis(is_taken_BNV, places_BN3, True, axis=2)
    found_BNV[is_taken_BNV[..., :num_symbols]] = IMPOSSIBLE
    return found_BNV


def _replaced_by_neighbours(rows: Lattice, forward_TBS: Floats, backward_TBS: Floats) -> Floats:
    """(B, N', 2) log p with the symbol before, or behind, said once more: that needs a blank between the two."""
    before_BN, own_BN, behind_BN = rows.symbols_BN[:, :-2], rows.symbols_BN[:, 1:-1], rows.symbols_BN[:, 2:]
    is_same_BN = before_BN == behind_BN
    neighbours_BN2 = np.stack([before_BN, behind_BN], axis=2)
    must_part_BN2 = np.stack([np.ones_like(is_same_BN), is_same_BN], axis=2)  # from what is before it, by a blank
    into_TBN2 = _joined(forward_TBS[:-2, :, 1:-2:2, None], forward_TBS[:-2, :, :-4:2, None], must_part_BN2)
    out_of_TBN2 = _joined(backward_TBS[2:, :, 3::2, None], backward_TBS[2:, :, 4::2, None], must_part_BN2[..., ::-1])
    rows_B11 = rows.rows[:, None, None]
    probs_TBN2 = np.exp(rows.frames_TBV[1:-1, rows_B11, neighbours_BN2])
    found_BN2 = _through(into_TBN2[..., None], out_of_TBN2[..., None], probs_TBN2[..., None])[..., 0]
    edge = rows.frames_TBV.shape[2] - 1
    is_counted_BN2 = (neighbours_BN2 != own_BN[..., None]) & (neighbours_BN2 != edge)
    is_counted_BN2[..., 1] &= ~is_same_BN
    return np.where(is_counted_BN2, found_BN2, IMPOSSIBLE)


def _left_out(rows: Lattice, forward_TBS: Floats, backward_TBS: Floats) -> Floats:
    """(B, N') log p without each symbol: from what is before it straight to the next one."""
    is_same_BN = rows.symbols_BN[:, :-2] == rows.symbols_BN[:, 2:]
    into_TBN = _joined(forward_TBS[:-1, :, 1:-2:2], forward_TBS[:-1, :, :-4:2], is_same_BN)
    return _log_sum(into_TBN + backward_TBS[1:, :, 4::2])


def _joined(blank_TBN: Floats, symbol_TBN: Floats, needs_blank_BN: Bools) -> Floats:
    """Ways by the blank, and by the symbol where that is allowed."""
    return np.logaddexp(blank_TBN, np.where(needs_blank_BN, IMPOSSIBLE, symbol_TBN))


def _through(into_T: Floats, out_of_T: Floats, probs_T: Floats) -> Floats:
    """Logarithms of the sums, over all stretches of frames, of the ways into a state, through it and out of it.

    The last axis of the probabilities, K, is that of the states that may stand in one place; ways in and out are the
    same for all of these. The ways are kept as numbers, not as logarithms, with one scale for each place: what gets
    lost is less than 1e-300 of the likeliest state's, and all of them are summed in the end.
    """
    shape = np.broadcast_shapes(into_T.shape[1:], probs_T.shape[1:])
    ways_K, sums_K = np.zeros(shape), np.zeros(shape)
    peak, reached, done = (np.full((*shape[:-1], 1), IMPOSSIBLE) for _ in range(3))
    with np.errstate(divide="ignore"):  # the logarithm of no way at all
        for into, out_of, probs_K in zip(into_T, out_of_T, probs_T, strict=True):
            scale = np.maximum(peak, into)
            scale[scale == IMPOSSIBLE] = 0
            ways_K *= np.exp(np.minimum(reached - scale, _LARGE))
            ways_K += np.exp(into - scale)
            ways_K *= probs_K
            reached = scale
            peak = np.log(ways_K.max(axis=-1, keepdims=True)) + scale
            before, done = done, np.maximum(done, peak + out_of)
            top = np.where(done == IMPOSSIBLE, 0, done)
            sums_K *= np.exp(before - top)
            sums_K += ways_K * np.exp(np.minimum(scale + out_of - top, _LARGE))
        return np.asarray(np.log(sums_K) + np.where(done == IMPOSSIBLE, 0, done))


def _log_sum(values_TBN: Floats) -> Floats:
    """The logarithm of a sum over frames."""
    top_BN = values_TBN.max(axis=0)
    top_BN[top_BN == IMPOSSIBLE] = 0
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(np.exp(values_TBN - top_BN).sum(axis=0)) + top_BN)
