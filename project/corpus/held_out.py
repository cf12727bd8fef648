"""Speakers kept out of training for dev: the same ones on every machine, and of each kind as many as it has."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from math import floor

from project.contract import InputError


def held_out(kinds: Mapping[str, str], how_many: float) -> set[str]:
    """Some of the speakers, of each kind its share; `how_many` of them, or below 1 that part of all.

    Who they are is decided by a hash of the name alone: of two corpora with the same speakers they are the same.

    >>> sorted(held_out({"ann": "child", "bob": "adult", "cat": "child", "dan": "adult", "eve": "adult"}, 2))
    ['ann', 'bob']
    """
    number = round(how_many * len(kinds)) if how_many < 1 else how_many
    if not 0 <= number < len(kinds) or number != floor(number):
        raise InputError(
            f"corpus.dev_speakers is {how_many}: training has {len(kinds)} speakers; give fewer of them, or a part of 1"
        )
    sizes = {kind: list(kinds.values()).count(kind) for kind in sorted(set(kinds.values()))}
    exact = {kind: number * size / len(kinds) for kind, size in sizes.items()}
    shares = {kind: floor(share) for kind, share in exact.items()}
    for kind in sorted(sizes, key=lambda kind: shares[kind] - exact[kind])[: int(number) - sum(shares.values())]:
        shares[kind] += 1
    chosen: set[str] = set()
    for kind, share in shares.items():
        chosen.update(sorted((name for name in kinds if kinds[name] == kind), key=_lot)[:share])
    return chosen


def _lot(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()
