"""The tables of a beam search: which beam may grow by which symbol, and the beams themselves.

Shape suffixes beyond those of the contract: L live rows, N beams, K symbols kept in a step, G pairs of beam and symbol,
C candidates of a step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from project.decode.frames import Floats, Ints


@dataclass(frozen=True, slots=True)
class Candidates:
    """Which beam may grow by which of a step's symbols, as a list of candidates."""

    width: int  # symbols in the step
    row_G: Ints  # beam of each pair
    rank_G: Ints  # and symbol
    place_NK: Ints  # flat, K + 1 a beam: place of a pair among all candidates; the spare last one if it is none
    source_C: Ints  # of all candidates, those that stay first: the beam they come from
    rank_C: Ints  # and the symbol it grows by; 0 where it stays
    bits: int  # that number the candidates


@lru_cache(maxsize=256)
def candidates(size: int, width: int, everything: bool) -> Candidates:
    """All pairs of beam and symbol; where both come sorted, only those with fewer than `size` better ones.

    A pair (i, k), numbered from the best, has (i+1)(k+1)-1 pairs above it. In each of the i+1 beams one symbol may be
    worth less than it seems, the repeat of its last. (i+1)k-1 remain; if these fill the beam, the pair is not needed.
    """
    rows, ranks = np.divmod(np.arange(size * width), max(width, 1))
    chosen = np.ones(len(rows), bool) if everything else (rows + 1) * ranks <= size
    rows, ranks = rows[chosen], ranks[chosen]
    spare = size + len(rows)
    place = np.full((size, width + 1), spare)
    place[rows, ranks] = np.arange(size, spare)
    source = np.concatenate([np.arange(size), rows, [0]])
    rank = np.concatenate([np.zeros(size, np.int64), ranks, [0]])
    return Candidates(width, rows, ranks, place.ravel(), source, rank, int(spare).bit_length())


def rounded(width: int) -> int:
    """A little more than a width, so that few widths occur and their grids are kept: four sizes from one power of two.

    >>> [rounded(width) for width in (3, 16, 17, 33, 1000)]
    [3, 16, 20, 40, 1024]
    """
    step = 1 << (width.bit_length() - 3) if width > 16 else 1
    return -(-width // step) * step


@dataclass(frozen=True, slots=True)
class Beams:
    """The beams of some rows, best first. Where a probability is 0 there is no beam."""

    blank_LN: Floats  # probability of the alignments that end in blank
    symbol_LN: Floats  # and of those that end in the last symbol
    last_LN: Ints
    hash_LN: NDArray[np.uint64]  # of the whole prefix
    parent_LN: NDArray[np.uint64]  # hash of the prefix without its last symbol; 0 for none
    factor_LN: Floats  # of the last symbol, by the scorer
    state_LN: Ints  # the scorer's

    def part(self, start: int, stop: int) -> Beams:
        """Some of the rows."""
        return Beams(*(getattr(self, one.name)[start:stop] for one in fields(self)))


def joined(parts: Sequence[Beams]) -> Beams:
    """Rows of several parts, one after another."""
    return Beams(*(np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(Beams)))


def first_beams(rows: int, size: int, start: int) -> Beams:
    """The empty prefix in each row."""
    empty = np.zeros((rows, size))
    blank = empty.copy()
    blank[:, 0] = 1
    hashes = np.zeros((rows, size), np.uint64)
    hashes[:, 0] = 1
    numbers = np.zeros((rows, size), np.int64)
    return Beams(blank, empty, numbers, hashes, hashes * np.uint64(0), empty + 1, numbers + start)
