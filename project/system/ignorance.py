"""Ignorance: what one says of a window who knows all training windows and does not look at this one.

The measure of skill: a head or a term that is no better than this has learned nothing from its input.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from project.contract import SpanOutput

_FIELDS = {  # of an output -> of a guess
    "inside_BT": "inside_T",
    "starts_BT": "starts_T",
    "ends_BT": "ends_T",
    "countdown_BT": "countdown_T",
    "kinds_BV": "kinds_V",
    "pointers_BP": "pointers_P",
}


class Ignorance:
    """The constants that make a loss smallest, in place of what a model says.

    Windows longer than any in training get the last position's value from there on.
    """

    def __init__(self, guess: Mapping[str, Tensor], base_rate: float | None = None) -> None:
        self.guess = {name: value.detach().float() for name, value in guess.items()}
        self.base_rate = base_rate  # part of the training windows' frames that lie inside a span

    def instead_of(self, output: SpanOutput) -> SpanOutput:
        """An output with the same heads, each at its constant; a head that has none stays as it is."""
        changes: dict[str, Any] = {}
        for name, source in _FIELDS.items():
            said = getattr(output, name)
            if said is None or source not in self.guess:
                continue
            value = self.guess[source].to(said.device)
            if name.endswith("_BT"):
                places_T = torch.arange(said.shape[1], device=said.device).clamp(max=len(value) - 1)
                value = value[places_T]
            changes[name] = value.expand_as(said).masked_fill(said == -torch.inf, -torch.inf)  # no bar: no start
        return replace(output, **changes)
