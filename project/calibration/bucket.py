"""Lengths that share a budget, and the examples by which a budget is tried. It knows no model and no device."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from project.contract import Batch

LONGEST = 4  # examples of greatest length, and as many of longest text, that a batch is made of
LOOKED_AT = 1000  # texts of a bucket
VARIANTS = 4  # padded lengths of a bucket that a rehearsal has


@dataclass(frozen=True, slots=True)
class Bucket:
    """Examples above the bucket before, up to a length in the unit of the manifest."""

    length: float
    rows: tuple[int, ...]  # of the training examples, by falling length


def buckets_of(lengths: NDArray[np.float32], count: int) -> list[Bucket]:
    """So many buckets of about equally many examples, by rising length; fewer where lengths are equal.

    >>> [(one.length, one.rows) for one in buckets_of(np.array([1, 9, 2, 2, 5, 2], dtype=np.float32), 3)]
    [(2.0, (2, 3, 5, 0)), (9.0, (1, 4))]
    """
    order = np.argsort(lengths, kind="stable")
    ends = [order[math.ceil(len(order) * part / count) - 1] for part in range(1, count + 1)]
    bounds = sorted({rounded_up(float(lengths[end])) for end in ends})
    places = np.searchsorted(np.array(bounds) * (1 + 1e-6), lengths)
    found = []
    for place, bound in enumerate(bounds):
        rows = np.flatnonzero(places == place)
        if len(rows):
            found.append(Bucket(bound, tuple(rows[np.argsort(-lengths[rows], kind="stable")].tolist())))
    return found


def rounded_up(length: float) -> float:
    """A length as it may stand in a configuration, no shorter than it is.

    >>> rounded_up(3.14159), rounded_up(0.10000000149), rounded_up(120.0)
    (3.142, 0.1, 120.0)
    """
    return math.ceil(round(1000 * length, 3)) / 1000


def representatives(bucket: Bucket, text_length: Callable[[int], int] | None) -> list[int]:
    """The rows that a batch of the bucket is made of: its longest examples, and those with the longest texts.

    Together they are padded to what the worst batch of the bucket is padded to. The first two are the longest and the
    one with the longest text.
    """
    longest = list(bucket.rows[:LONGEST])
    if text_length is None:
        return longest
    step = max(1, len(bucket.rows) // LOOKED_AT)
    texts = sorted(bucket.rows[::step], key=text_length, reverse=True)[:LONGEST]
    return list(dict.fromkeys([longest[0], *texts, *longest]))


def spread(bucket: Bucket) -> list[int]:
    """Rows from the longest to the shortest of a bucket, at even steps.

    >>> spread(Bucket(9.0, (7, 3, 8, 1, 2, 6, 5, 4)))
    [7, 8, 2, 5]
    """
    step = max(1, len(bucket.rows) // VARIANTS)
    return list(bucket.rows[::step][:VARIANTS])


def batch_of(samples: Sequence[Any], size: int, collate: Callable[[Sequence[Any]], Batch]) -> Batch:
    """A batch of that many examples, the same ones again and again where there are not so many."""
    return collate([samples[place % len(samples)] for place in range(size)])
