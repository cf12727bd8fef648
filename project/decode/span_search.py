"""The best single span: of all starts and ends that allow a length, the pair with the largest sum.

Shapes: B examples, T frames, K blocks of W frames.
"""

from __future__ import annotations

from math import inf

import torch
from torch import Tensor
from torch.nn.functional import pad


def best_spans(
    starts_BT: Tensor, lasts_BT: Tensor, min_length: int, max_length: int | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Starts, ends (exclusive) and values (B,) of the spans with the largest sum of a start's and a last frame's value.

    What must not be a last frame, as padding, has minus infinity. Where no span is short or long enough the value is
    minus infinity too. The work grows with T, whatever the lengths allowed.

    >>> starts, lasts = torch.tensor([[0.0, 3.0, 0.0, 1.0]]), torch.tensor([[5.0, 0.0, 1.0, 2.0]])
    >>> [part.tolist() for part in best_spans(starts, lasts, min_length=1, max_length=2)]
    [[0], [1], [5.0]]
    >>> [part.tolist() for part in best_spans(starts, lasts, min_length=2, max_length=2)]
    [[1], [3], [4.0]]
    """
    size, num_frames = starts_BT.shape
    most = num_frames if max_length is None else min(max_length, num_frames)
    if most < min_length:
        nowhere_B = torch.zeros(size, dtype=torch.int64)
        return nowhere_B, nowhere_B, starts_BT.new_full((size,), -inf)
    padded_BT = pad(starts_BT, (most - 1, 0), value=-inf)  # a last frame's earliest start is at its own place in this
    best_BT, at_BT = sliding_max(padded_BT, most - min_length + 1)
    values_B, lasts_B = (best_BT[:, :num_frames] + lasts_BT).max(dim=1)
    starts_B = at_BT.gather(1, lasts_B[:, None])[:, 0] - (most - 1)
    return starts_B, lasts_B + 1, values_B


def sliding_max(values_BT: Tensor, width: int) -> tuple[Tensor, Tensor]:
    """(B, T - width + 1) the largest of each `width` neighbours, and where it is.

    Two running maxima within blocks of that width, one forwards and one backwards, meet wherever neighbours lie in two
    blocks (van Herk 1992, Gil and Werman 1993): so a wide neighbourhood takes no longer than a narrow one.

    >>> [part.tolist() for part in sliding_max(torch.tensor([[1.0, 4.0, 2.0, 3.0, 0.0]]), width=2)]
    [[[4.0, 4.0, 3.0, 3.0]], [[1, 1, 3, 3]]]
    """
    size, num_frames = values_BT.shape
    num_blocks = -(-num_frames // width)
    blocks_BKW = pad(values_BT, (0, num_blocks * width - num_frames), value=-inf).view(size, num_blocks, width)
    offsets_K1 = torch.arange(num_blocks)[:, None] * width
    forward, forward_at = blocks_BKW.cummax(dim=2)
    backward, backward_at = (part.flip(2) for part in blocks_BKW.flip(2).cummax(dim=2))
    tails, tails_at = forward.flatten(1), (forward_at + offsets_K1).flatten(1)
    heads, heads_at = backward.flatten(1), (width - 1 - backward_at + offsets_K1).flatten(1)
    tails, tails_at = tails[:, width - 1 : num_frames], tails_at[:, width - 1 : num_frames]
    heads, heads_at = heads[:, : num_frames - width + 1], heads_at[:, : num_frames - width + 1]
    return torch.maximum(heads, tails), torch.where(heads >= tails, heads_at, tails_at)
