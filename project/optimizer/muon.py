"""Muon: matrices inside a network are turned, not only nudged; everything else is changed by Adam.

Muon makes each step of a matrix nearly orthogonal, so that rare directions learn as fast as frequent ones. It is meant
for matrices between hidden layers: what enters and leaves a network, biases and gains go to AdamW. Both are torch's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch.optim import AdamW, Optimizer


class Muon(Optimizer):
    """torch.optim.Muon for groups that are called inner, torch.optim.AdamW for the others, as one optimizer.

    Groups hold `params` and may hold `inner` (false if absent) and `weight_decay`. A schedule scales both rates.
    """

    def __init__(
        self,
        params: Iterable[Mapping[str, Any]],
        lr: float = 0.006,
        other_lr: float = 0.003,
        momentum: float = 0.95,
        betas: Sequence[float] = (0.9, 0.98),
        weight_decay: float = 0.01,
    ) -> None:
        groups = [dict(group) for group in params]
        inner = [group for group in groups if group.pop("inner", False)]
        outer = [group for group in groups if not any(group is one for one in inner)]
        super().__init__([dict(group) for group in (*inner, *outer)], {"lr": lr, "weight_decay": weight_decay})
        self._parts: list[Optimizer] = []
        if inner:
            # rates as large as Adam's: a step's mean square is matched to it
            self._parts.append(
                torch.optim.Muon(
                    inner, lr=lr, weight_decay=weight_decay, momentum=momentum, adjust_lr_fn="match_rms_adamw"
                )
            )
        if outer:
            self._parts.append(AdamW(outer, lr=other_lr, betas=(betas[0], betas[1]), weight_decay=weight_decay))
        self.param_groups = [group for part in self._parts for group in part.param_groups]
        self._share()

    def _share(self) -> None:
        """Parts work on this optimizer's own state and groups, so that schedules and checkpoints see one optimizer."""
        start = 0
        for part in self._parts:
            end = start + len(part.param_groups)
            part.state, part.param_groups = self.state, self.param_groups[start:end]
            start = end

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """What a checkpoint holds, for both parts."""
        super().load_state_dict(state_dict)
        self._share()

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """One change of all weights."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for part in self._parts:
            part.step()
        return loss
