"""The best path of a tone through frequencies, in torch: what `project.feature.tone` finds, for an exported graph.

Each step depends on the one before, so in a graph it is a loop: a Scan in ONNX, a loop in TorchScript.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import cast

import torch
from torch import Tensor
from torch.nn import functional

from project.feature import tone

# B examples, S steps, K frequencies, R steps around one

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


def leaping(path_BS: Tensor, reach: int) -> Tensor:
    """(B, S) as `tone.leaping` of each example: all glides at once. Nothing moves beyond an example's length."""
    steps = path_BS.shape[1]
    ways_BS = functional.pad((path_BS[:, 1:] - path_BS[:, :-1]).sign(), (0, 1))  # from each step to the next
    before_BS, after_BS = functional.pad(ways_BS[:, :-1], (1, 0)), functional.pad(ways_BS[:, 1:], (0, 1))
    ways_BS = torch.where((ways_BS == 0) & (before_BS == after_BS), before_BS, ways_BS)
    begin_BS = (ways_BS != 0) & (functional.pad(ways_BS[:, :-1], (1, 0)) != ways_BS)
    away_R = torch.arange(reach + 1)
    near_BSR, _ = around(ways_BS, away_R, steps)
    long_BS = (near_BSR == ways_BS[..., None]).long().argmin(dim=2)  # steps that a glide takes; 0: more than `reach`
    end_BS = path_BS.gather(1, (torch.arange(steps) + long_BS).clamp(max=steps - 1))
    leaps_BS = begin_BS & (long_BS > 0) & ((end_BS - path_BS).abs() >= tone._LEAP)
    begun_BSR, is_there_SR = around(leaps_BS, -away_R, steps)
    (first_BSR, _), (last_BSR, _), (long_BSR, _) = (around(x, -away_R, steps) for x in (path_BS, end_BS, long_BS))
    leapt_BSR = torch.where(away_R > long_BSR // 2, last_BSR, first_BSR)
    is_within_BSR = begun_BSR & is_there_SR & (away_R <= long_BSR)
    return path_BS + torch.where(is_within_BSR, leapt_BSR - path_BS[..., None], 0).sum(dim=2)


def around(x_BS: Tensor, away_R: Tensor, steps: int) -> tuple[Tensor, Tensor]:
    """(B, S, R) what lies so many steps away from each, and (S, R) whether there is such a step."""
    near_SR = torch.arange(steps)[:, None] + away_R
    rows_SR = near_SR.clamp(0, x_BS.shape[1] - 1)
    return x_BS[:, rows_SR], rows_SR == near_SR


def on_time(path_BS: Tensor, score_BSK: Tensor, lengths_B: Tensor, reach: int) -> Tensor:
    """(B, S) as `tone.on_time`, of each example up to its length: all jumps at once."""
    steps = path_BS.shape[1]
    at_S = torch.arange(steps)
    before_BS = torch.cat([path_BS[:, :1], path_BS[:, :-1]], dim=1)
    jumps_BS = (path_BS - before_BS).abs() > 1
    begins_BS = _begins(path_BS, before_BS, jumps_BS, score_BSK, lengths_B, reach)
    since_R = -torch.arange(-reach, reach)  # from a step to the jumps that it may lie beside
    near_BSR, is_there_SR = around(jumps_BS, since_R, steps)
    (begin_BSR, _), (from_BSR, _), (to_BSR, _) = (around(x, since_R, steps) for x in (begins_BS, before_BS, path_BS))
    near_BSR, began_BSR = near_BSR & is_there_SR, begin_BSR <= at_S[:, None]
    after_BSR = torch.where(near_BSR & began_BSR & (since_R > 0), to_BSR - path_BS[..., None], 0)
    before_BSR = torch.where(near_BSR & ~began_BSR & (since_R <= 0), from_BSR - path_BS[..., None], 0)
    return path_BS + (after_BSR + before_BSR).sum(dim=2)


def _begins(
    path_BS: Tensor, before_BS: Tensor, jumps_BS: Tensor, score_BSK: Tensor, lengths_B: Tensor, reach: int
) -> Tensor:
    """(B, S) for each step at which a path jumps, the one at which it should."""
    steps, count = score_BSK.shape[1:]
    at_S, wide_R = torch.arange(steps), torch.arange(-2 * reach, 2 * reach + 1)
    others_BSR, is_there_SR = around(jumps_BS, wide_R, steps)
    others_BSR = others_BSR & is_there_SR
    last_BS = torch.where(others_BSR & (wide_R < 0), wide_R, -2 * reach).amax(dim=2)
    following_BS = torch.where(others_BSR & (wide_R > 0), wide_R, 2 * reach).amin(dim=2)
    starts_BS = (2 * at_S + last_BS + 1).clamp(min=0) // 2
    ends_BS = torch.minimum(lengths_B[:, None], (2 * at_S + following_BS) // 2)
    near_SR = at_S[:, None] + torch.arange(-reach, reach)
    inside_BSR = (near_SR >= starts_BS[..., None]) & (near_SR < ends_BS[..., None])
    firsts_SR = count * near_SR.clamp(0, steps - 1)
    before_BSR, after_BSR = (
        score_BSK.flatten(1).gather(1, (firsts_SR + to_BS[..., None]).flatten(1)).reshape(inside_BSR.shape)
        for to_BS in (before_BS, path_BS)
    )
    gains_BSR = functional.pad(torch.where(inside_BSR, before_BSR - after_BSR, 0).cumsum(dim=2), (1, 0))
    best_BS1 = gains_BSR.argmax(dim=2, keepdim=True)
    worse_BSR = gains_BSR < gains_BSR.gather(2, best_BS1) - tone._ALIKE
    parts_BSR = worse_BSR.long().cumsum(dim=2)  # what lies between two worse moments is a part
    alike_BSR = (~worse_BSR & (parts_BSR == parts_BSR.gather(2, best_BS1))).long()
    firsts_BS = torch.maximum(at_S - reach + alike_BSR.argmax(dim=2), starts_BS)
    lasts_BS = torch.minimum(at_S + reach - alike_BSR.flip(2).argmax(dim=2), ends_BS)
    return (firsts_BS + lasts_BS) // 2
