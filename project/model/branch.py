"""Branches: what a model makes of each kind of column by itself, and how kinds look at each other in one frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from project.contract import InputError

# N frames of all examples, K branches, C numbers of a branch, H heads, D numbers by which branches find each other


def pick(branches: Mapping[str, int | None], columns: Mapping[str, tuple[int, int]]) -> dict[str, int]:
    """The branches that are wanted, with the numbers that each is to give; the feature must have their columns.

    >>> pick({"hands": 8, "face": None}, {"hands": (0, 126), "face": (126, 1530)})
    {'hands': 8}
    """
    widths = {name: width for name, width in branches.items() if width is not None}
    for name, width in widths.items():
        if name not in columns:
            has = f"it has {', '.join(columns)}" if columns else "it names none"
            raise InputError(
                f"model.branches.{name}: the feature has no such columns, {has}: set model.branches.{name}=null, or "
                f"choose a feature that has them"
            )
        if width < 1:
            raise InputError(f"model.branches.{name} is {width}: give at least 1, or null to leave the branch out")
    if not widths:
        raise InputError("model.branches are all null: keep at least one")
    return widths


def encoder(num_columns: int, width: int, hidden: float, dropout: float) -> nn.Sequential:
    """From the columns of a frame to `width` numbers; at most `hidden * width` in between."""
    between = int(min((num_columns + width) // 2, max(1, hidden * width)))
    return nn.Sequential(
        nn.Linear(num_columns, between),
        nn.LayerNorm(between),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(between, width),
        nn.LayerNorm(width),
    )


class BranchAttention(nn.Module):
    """In each frame each branch adds what it finds in the others, hands in the face for instance; frames stay apart."""

    def __init__(self, widths: Sequence[int], dim: int, heads: int = 4) -> None:
        super().__init__()
        if len(widths) < 2:
            raise InputError(
                "model.sequence.attention is between branches: set it false, or keep two branches at least"
            )
        self._heads = heads
        self.ask = nn.ModuleList(nn.Linear(width, 3 * dim) for width in widths)  # for what, as what, and with what
        self.answer = nn.ModuleList(nn.Linear(dim, width) for width in widths)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for width in widths)

    def forward(self, branches_NC: Sequence[Tensor]) -> list[Tensor]:
        """The same branches, each as wide as before."""
        asked = [ask(one_NC) for ask, one_NC in zip(self.ask, branches_NC, strict=True)]
        asked_NKHD = torch.stack(asked, dim=1).reshape(len(asked[0]), len(asked), self._heads, -1)
        query, key, value = asked_NKHD.transpose(1, 2).chunk(3, dim=3)
        found_NKD = functional.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)
        answers = zip(branches_NC, self.answer, self.norms, found_NKD.unbind(dim=1), strict=True)
        return [norm(one_NC + answer(found_ND)) for one_NC, answer, norm, found_ND in answers]
