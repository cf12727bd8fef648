"""Hiding frames of a sound from an encoder: which ones, and how it is kept from seeing them.

It does not know what the encoder is asked about them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Generator, Tensor, nn

# B examples, T frames, D features of a frame


def hidden_spans(frames: int, starts: float, span: int, generator: Generator | None = None) -> Tensor:
    """(T,) bool: True where one of the spans lies that begin at that part of the frames; at least one does.

    Where they begin is drawn without replacement, so they overlap: of starts=0.08 and span=10 a bit more than half of
    the frames are hidden. Without a generator it is torch's own.

    >>> hidden_spans(12, 0.1, 3, torch.Generator().manual_seed(0)).int().tolist()
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1]
    """
    chance = torch.rand((), generator=generator)  # drawn always, so that all else is the same at any length
    count = max(1, int(starts * frames + float(chance)))
    places = max(1, frames - span + 1)
    begins_N = torch.randperm(places, generator=generator)[:count]
    hidden_T = torch.zeros(frames, dtype=torch.bool)
    hidden_T[(begins_N[:, None] + torch.arange(min(span, frames))).flatten()] = True
    return hidden_T


def generator_of(name: str) -> Generator:
    """The random numbers of an example, the same whenever it is asked about."""
    digest = hashlib.blake2b(name.encode(), digest_size=8).digest()
    return Generator().manual_seed(int.from_bytes(digest, "little") >> 1)


@contextmanager
def hiding(entrance: nn.Module, hidden_BT: Tensor, instead_D: Tensor) -> Iterator[None]:
    """While this holds, rows that a module gives are replaced where they are hidden; so what follows never sees them.

    A module that gives several things gives its rows first.
    """

    def replace(_module: nn.Module, _inputs: Any, said: Any) -> Any:
        rows_BTD, *others = said if isinstance(said, tuple) else (said,)
        shown_BTD = torch.where(hidden_BT[..., None], instead_D.to(rows_BTD.dtype), rows_BTD)
        return (shown_BTD, *others) if isinstance(said, tuple) else shown_BTD

    handle = entrance.register_forward_hook(replace)
    try:
        yield
    finally:
        handle.remove()
