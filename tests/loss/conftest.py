"""What tests of the losses of spans share."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch

from project.contract import Batch

Spans = Sequence[tuple[int, int, int]]  # kind, start, end of each


def windows_of(windows: Sequence[Spans], lengths: Sequence[int], features: int = 1) -> Batch:
    """Windows with these spans, as the notation and the collation make their targets."""
    frames, most = max(lengths), max(map(len, windows))
    columns = torch.zeros(3, len(windows), most, dtype=torch.int64)
    inside_BT = torch.zeros(len(windows), frames)
    for row, spans in enumerate(windows):
        for place, span in enumerate(spans):
            columns[:, row, place] = torch.tensor(span)
            inside_BT[row, span[1] : span[2]] = 1
    targets = {"kinds": columns[0], "starts": columns[1], "ends": columns[2], "inside": inside_BT}
    counts_B = torch.tensor([len(spans) for spans in windows])
    targets |= {f"{name}_lengths": counts_B for name in ("kind", "start", "end")}
    ids = tuple(f"window-{row}" for row in range(len(windows)))
    signals_BTF = torch.zeros(len(windows), frames, features)
    return Batch(ids, signals_BTF, torch.tensor(lengths), targets, ("",) * len(windows))


@pytest.fixture(scope="session")
def windows() -> Callable[..., Batch]:
    """Makes batches of spans."""
    return windows_of
