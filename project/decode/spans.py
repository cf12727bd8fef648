"""Spans by a threshold: every stretch of frames that are likely enough to lie inside one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from project.contract import Hypothesis, InputError, SpanOutput
from project.decode.span_answer import Places, check_lengths, check_threshold, read_inside, write_answers
from project.text.alphabet import Alphabet


class Spans:
    """Says each stretch of frames whose probability of lying inside a span is the threshold or more.

    Gaps of at most `close_gap` frames are closed; then stretches shorter than `min_length` are left out. The threshold
    is the one stored with the weights, unless one is given. A window's spans are all of the kind that its kind head
    finds likeliest: it does not know several kinds in one window. Without a kind head it is the alphabet's first.
    """

    settings: Mapping[str, Any]

    def __init__(
        self, alphabet: Alphabet, threshold: float | None = None, close_gap: int = 0, min_length: int = 1
    ) -> None:
        check_threshold(threshold)
        check_lengths(min_length, None)
        if close_gap < 0:
            raise InputError(f"decode.close_gap: {close_gap} is no length: give 0 or more")
        self._alphabet = alphabet
        self._threshold = threshold
        self._close_gap = close_gap
        self._min_length = min_length
        self.settings = {
            "decode": "spans@1", "threshold": threshold, "close_gap": close_gap, "min_length": min_length,
        }  # fmt: skip

    def __call__(self, output: SpanOutput) -> list[Hypothesis]:
        inside = read_inside(output, self._threshold)
        held_BT = (inside.probabilities_BT >= inside.threshold) & inside.true_BT
        places = drop_short(close_gaps(stretches(held_BT.numpy()), self._close_gap), self._min_length)
        return write_answers(output, inside, places, self._alphabet)


def stretches(held_BT: NDArray[np.bool_]) -> Places:
    """All stretches of frames that are held.

    >>> [part.tolist() for part in stretches(np.array([[True, True, False, True], [False, True, True, False]]))]
    [[0, 0, 1], [0, 3, 1], [2, 4, 3]]
    """
    padded = np.pad(held_BT, ((0, 0), (1, 1)))
    rows_N, starts_N = np.nonzero(padded[:, 1:] & ~padded[:, :-1])
    _, ends_N = np.nonzero(padded[:, :-1] & ~padded[:, 1:])
    return Places(rows_N, starts_N, ends_N)


def close_gaps(places: Places, most: int) -> Places:
    """The same stretches, those of one row as one that have no more than `most` frames between them.

    >>> places = Places(np.array([0, 0, 0, 1]), np.array([1, 4, 9, 9]), np.array([3, 6, 10, 10]))
    >>> [part.tolist() for part in close_gaps(places, most=1)]
    [[0, 0, 1], [1, 9, 9], [6, 10, 10]]
    """
    rows_N, starts_N, ends_N = places
    if not len(rows_N):
        return places
    is_apart = (rows_N[1:] != rows_N[:-1]) | (starts_N[1:] - ends_N[:-1] > most)
    is_first, is_last = np.append(True, is_apart), np.append(is_apart, True)
    return Places(rows_N[is_first], starts_N[is_first], ends_N[is_last])


def drop_short(places: Places, least: int) -> Places:
    """The stretches of at least so many frames."""
    kept_N = places.ends_N - places.starts_N >= least
    return Places(*(part_N[kept_N] for part_N in places))
