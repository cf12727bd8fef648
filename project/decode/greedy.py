"""Greedy decoding: the likeliest symbol of each frame, repeats and blanks left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from project.contract import Emissions, Hypothesis
from project.padding import inside
from project.text.alphabet import Alphabet


class Greedy:
    """Writes what the single likeliest path through the frames spells.

    Several spaces in a row are one. Its score is the log-probability of that path, a confidence the mean probability of
    a symbol in its frames. It does not know that several paths spell one text and may together be likelier: that is a
    beam search.
    """

    settings: Mapping[str, Any]

    def __init__(self, alphabet: Alphabet) -> None:
        self._alphabet = alphabet
        self.space = alphabet.space
        self.settings = {"decode": "greedy@2"}

    def __call__(self, output: Emissions) -> list[Hypothesis]:
        log_probs_BT, path_BT = best_paths(output)
        rows, starts, ends, tokens = runs(path_BT.numpy(), self._alphabet.blank)
        told = once(rows, tokens, self.space)
        rows, starts, ends, tokens = rows[told], starts[told], ends[told], tokens[told]
        sums = np.pad(log_probs_BT.double().exp().numpy(), ((0, 0), (1, 0))).cumsum(axis=1)
        sure = ((sums[rows, ends] - sums[rows, starts]) / (ends - starts)).clip(0, 1).tolist()
        spans, ids = list(zip(starts.tolist(), ends.tolist(), strict=True)), tokens.tolist()
        cuts = np.searchsorted(rows, np.arange(len(path_BT) + 1)).tolist()
        scores = log_probs_BT.double().sum(dim=1).tolist()
        return [
            Hypothesis(tuple(ids[a:b]), self._alphabet.decode(ids[a:b]), score, tuple(spans[a:b]), tuple(sure[a:b]))
            for a, b, score in zip(cuts[:-1], cuts[1:], scores, strict=True)
        ]


def best_paths(output: Emissions) -> tuple[Tensor, Tensor]:
    """Log-probabilities and symbols (B, T) of each likeliest path, on the CPU; 0 and -1 beyond a length."""
    log_probs_BT, path_BT = output.log_probs_BTV.detach().float().max(dim=2)
    beyond_BT = ~inside(output.lengths_B, path_BT.shape[1])
    return log_probs_BT.masked_fill(beyond_BT, 0).cpu(), path_BT.masked_fill(beyond_BT, -1).cpu()


def once(rows: NDArray[np.int64], symbols: NDArray[np.int64], space: int | None) -> NDArray[np.bool_]:
    """Which symbols are not a space that comes after a space.

    >>> once(np.array([0, 0, 0, 1]), np.array([3, 3, 2, 3]), space=3).tolist()
    [True, False, True, True]
    """
    told = np.ones(len(symbols), dtype=bool)
    if space is not None:
        told[1:] = (rows[1:] != rows[:-1]) | (symbols[1:] != space) | (symbols[:-1] != space)
    return told


def runs(
    path_BT: NDArray[np.int64], blank: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Rows, starts, ends and symbols of all runs of one symbol, in order; blank and -1 are none.

    >>> rows, starts, ends, symbols = runs(np.array([[0, 2, 2, 0, 2], [1, 1, 3, -1, -1]]), blank=0)
    >>> rows.tolist(), starts.tolist(), ends.tolist(), symbols.tolist()
    ([0, 0, 1, 1], [1, 4, 0, 2], [3, 5, 2, 3], [2, 2, 1, 3])
    """
    padded = np.pad(path_BT, ((0, 0), (1, 1)), constant_values=-1)
    changes = padded[:, 1:] != padded[:, :-1]
    held = (path_BT != blank) & (path_BT >= 0)
    rows, starts = np.nonzero(changes[:, :-1] & held)
    _, lasts = np.nonzero(changes[:, 1:] & held)
    return rows, starts, lasts + 1, path_BT[rows, starts]
