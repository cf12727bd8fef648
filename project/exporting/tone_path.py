"""The best path of a tone through frequencies, in torch: what `project.feature.tone` finds, for an exported graph.

Each step depends on the one before, so in a graph it is a loop: a Scan in ONNX, a loop in TorchScript.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import cast

import torch
from torch import Tensor

from project.feature import tone

# B examples, S steps, K frequencies

GLIDE, JUMP = tone._GLIDE, tone._JUMP


def best_path(score_BSK: Tensor, lengths_B: Tensor) -> Tensor:
    """(B, S) as `tone.best_path` without `causal`, of each example up to its length; beyond it the last place stays."""
    inside_SB1 = (torch.arange(score_BSK.shape[1])[:, None] < lengths_B)[..., None]
    start_BK = torch.zeros_like(score_BSK[:, 0])
    score_SBK = score_BSK.transpose(0, 1)
    if torch.compiler.is_exporting():
        from torch._higher_order_ops.scan import scan

        # torch's own function compiles what it is given before it runs; the operator takes it as it is
        total_BK, origins_SBK = scan(_forward_scan, start_BK, (score_SBK, inside_SB1))
        _, path_SB = scan(_backward, total_BK.argmax(dim=1), origins_SBK, reverse=True)
        return cast(Tensor, path_SB).transpose(0, 1)
    return _loop[-1](start_BK, score_SBK, inside_SB1, GLIDE, JUMP).transpose(0, 1)


def _forward_scan(total_BK: Tensor, step: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    return _forward(total_BK, step[0], step[1], GLIDE, JUMP)


def _forward(total_BK: Tensor, score_BK: Tensor, inside_B1: Tensor, glide: float, jump: float) -> tuple[Tensor, Tensor]:
    """What paths to each frequency are worth after one more step, and where the best of them came from."""
    places_K = torch.arange(total_BK.shape[1])
    best_B1 = total_BK.argmax(dim=1, keepdim=True)
    highest_B1 = total_BK.gather(1, best_B1)
    came_BK, from_BK = total_BK, places_K.expand_as(total_BK)
    outside_B1 = torch.full_like(highest_B1, float("-inf"))
    from_below_BK = torch.cat([outside_B1, total_BK[:, :-1] - glide], dim=1)
    from_above_BK = torch.cat([total_BK[:, 1:] - glide, outside_B1], dim=1)
    better_BK = from_below_BK > came_BK
    came_BK, from_BK = torch.where(better_BK, from_below_BK, came_BK), torch.where(better_BK, places_K - 1, from_BK)
    better_BK = from_above_BK > came_BK
    came_BK, from_BK = torch.where(better_BK, from_above_BK, came_BK), torch.where(better_BK, places_K + 1, from_BK)
    jumped_B1 = highest_B1 - jump
    better_BK = jumped_B1 > came_BK
    came_BK, from_BK = torch.where(better_BK, jumped_B1, came_BK), torch.where(better_BK, best_B1, from_BK)
    # beyond a length nothing changes: the best place stays the best
    after_BK = torch.where(inside_B1, came_BK + score_BK, total_BK)
    return after_BK, torch.where(inside_B1, from_BK, places_K)


def _backward(place_B: Tensor, origin_BK: Tensor) -> tuple[Tensor, Tensor]:
    """Where the path was a step before, and where it is."""
    return origin_BK.gather(1, place_B[:, None])[:, 0], place_B.clone()


def _looped(total_BK: Tensor, score_SBK: Tensor, inside_SB1: Tensor, glide: float, jump: float) -> Tensor:
    """(S, B) the path, step by step; TorchScript compiles this."""
    origins: list[Tensor] = []
    for step in range(score_SBK.shape[0]):
        total_BK, origin_BK = _forward(total_BK, score_SBK[step], inside_SB1[step], glide, jump)
        origins.append(origin_BK)
    place_B = total_BK.argmax(dim=1)
    path: list[Tensor] = []
    for step in range(len(origins) - 1, -1, -1):
        path.append(place_B)
        place_B = origins[step].gather(1, place_B[:, None])[:, 0]
    return torch.stack(path).flip(0)


_loop: list[Callable[..., Tensor]] = [_looped]


@contextmanager
def compiled() -> Iterator[None]:
    """While this holds, the loop is TorchScript: a trace of it would be as long as the example it was traced on."""
    _loop.append(torch.jit.script(_looped))
    try:
        yield
    finally:
        _loop.pop()
