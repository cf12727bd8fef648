"""The lattice of a known text: through which states a CTC path that spells it may go, and what each frame says of them.

It does not decode: the symbols are given. A path goes from one edge to the other, symbol by symbol, with blanks where
it likes; between two equal symbols it must go through a blank. The edges are states of their own, in a frame before the
first and in one behind the last, so that the first and the last symbol are like any other.

Shape suffixes beyond those of the contract: T frames with these two, N symbols with the two edges, S = 2 N - 1 states:
edge, blank, symbol, blank, ..., symbol, blank, edge. All in natural logarithms, float64, on the CPU: what is done a
frame at a time to a few hundred numbers takes a GPU longer to start than to do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from project.contract import Emissions, InputError
from project.decode.frames import BLANK, Bools, Floats, Ints

Join = Callable[..., Floats]  # np.logaddexp: all paths together; np.maximum: the best of them
IMPOSSIBLE = -np.inf


@dataclass(frozen=True, slots=True)
class Lattice:
    """The lattices of a batch, each in its own row; behind a row's own frames and symbols nothing is possible."""

    frames_TBV: Floats  # of all symbols and, last, of the edge
    symbols_BN: Ints
    lengths_B: Ints  # frames of each example: those from 1 to its length are real
    sizes_B: Ints  # symbols of each example: those from 1 to its size are real
    states_TBS: Floats
    may_skip_BS: Bools  # whether a state may be entered past the blank before it

    @property
    def rows(self) -> NDArray[np.intp]:
        """The numbers of the examples."""
        return np.arange(len(self.sizes_B))

    def forward(self, join: Join = np.logaddexp) -> Floats:
        """(T, B, S) of all ways (or the best) from the first edge to a state in a frame, that frame included."""
        trellis_TBS = np.full_like(self.states_TBS, IMPOSSIBLE)
        trellis_TBS[0, :, 0] = 0
        padded_BS = np.full((len(self.sizes_B), self.states_TBS.shape[2] + 2), IMPOSSIBLE)
        barred_BS = ~self.may_skip_BS
        for frame in range(1, len(trellis_TBS)):
            padded_BS[:, 2:] = trellis_TBS[frame - 1]
            skip_BS = np.where(barred_BS, IMPOSSIBLE, padded_BS[:, :-2])
            joined_BS = join(join(padded_BS[:, 2:], padded_BS[:, 1:-1]), skip_BS)
            np.add(joined_BS, self.states_TBS[frame], out=trellis_TBS[frame])
        return trellis_TBS

    def backward(self) -> Floats:
        """(T, B, S) of all ways from a state in a frame, that frame included, to the last edge."""
        trellis_TBS = np.full_like(self.states_TBS, IMPOSSIBLE)
        last_B, end_B = self.lengths_B + 1, 2 * self.sizes_B + 2
        padded_BS = np.full((len(self.sizes_B), self.states_TBS.shape[2] + 2), IMPOSSIBLE)
        barred_BS = np.ones_like(padded_BS, dtype=np.bool_)
        barred_BS[:, :-2] = ~self.may_skip_BS
        for frame in range(len(trellis_TBS) - 1, 0, -1):
            if frame + 1 < len(trellis_TBS):
                padded_BS[:, :-2] = trellis_TBS[frame + 1]
            skip_BS = np.where(barred_BS, IMPOSSIBLE, padded_BS)[:, 2:]
            joined_BS = np.logaddexp(np.logaddexp(padded_BS[:, :-2], padded_BS[:, 1:-1]), skip_BS)
            np.add(joined_BS, self.states_TBS[frame], out=trellis_TBS[frame])
            trellis_TBS[frame, self.rows[last_B == frame], end_B[last_B == frame]] = 0
        return trellis_TBS

    def total(self, forward_TBS: Floats) -> Floats:
        """(B,) of all ways (or the best) from edge to edge; minus infinity where there are too few frames."""
        totals_B: Floats = forward_TBS[self.lengths_B + 1, self.rows, 2 * self.sizes_B + 2]
        return totals_B


def lattice(output: Emissions, symbols: Sequence[Sequence[int]]) -> Lattice:
    """The lattice of each example's symbols, ids in the alphabet."""
    log_probs_BTV = output.log_probs_BTV.detach().double().cpu().numpy()
    lengths_B = output.lengths_B.cpu().numpy()
    sizes_B = np.array([len(row) for row in symbols], dtype=np.int64)
    batch, num_frames, edge = log_probs_BTV.shape
    frames_TBV = np.full((num_frames + 2, batch, edge + 1), IMPOSSIBLE)
    frames_TBV[1:-1, :, :edge] = log_probs_BTV.transpose(1, 0, 2)
    frames_TBV[np.arange(num_frames + 2)[:, None] > lengths_B] = IMPOSSIBLE
    frames_TBV[0, :, edge] = frames_TBV[lengths_B + 1, np.arange(batch), edge] = 0
    if np.isnan(frames_TBV).any():
        raise InputError("a model's log-probability is no number: it has diverged: train it with a lower lr")
    symbols_BN = np.full((batch, int(sizes_B.max()) + 2), edge, dtype=np.int64)
    for row_N, row in zip(symbols_BN, symbols, strict=True):
        row_N[1 : len(row) + 1] = row
    ids_BS = np.full((batch, 2 * symbols_BN.shape[1] - 1), BLANK, dtype=np.int64)
    ids_BS[:, ::2] = symbols_BN
    may_skip_BS = np.zeros_like(ids_BS, dtype=np.bool_)
    may_skip_BS[:, 2::2] = symbols_BN[:, 1:] != symbols_BN[:, :-1]
    states_TBS = np.take_along_axis(frames_TBV, ids_BS[None], axis=2)
    return Lattice(frames_TBV, symbols_BN, lengths_B, sizes_B, states_TBS, may_skip_BS)
