"""Sums by name, over the batches and the ranks of a validation."""

from __future__ import annotations

from collections.abc import Sequence

Columns = dict[str, list[float]]


def add_up(shares: Sequence[Columns]) -> dict[str, float]:
    """Sums by name over ranks and batches; a rank that had no batch has no names.

    >>> add_up([{"ctc": [1.0, 2.0]}, {}, {"ctc": [3.0]}])
    {'ctc': 6.0}
    """
    names = dict.fromkeys(name for share in shares for name in share)
    return {name: sum(sum(share.get(name, ())) for share in shares) for name in names}
