"""Sums of rows of a table, each with its weight, and their gradient as other sums of the same kind.

Torch has the sums; its gradients of them, and of plain indexing, add one row after the other to a table in memory. On a
processor that takes about twice as long. It does not know what the rows are.
"""

from __future__ import annotations

from typing import Any, final

import torch
from torch import Tensor
from torch.nn import functional

# R rows of the table, M sums, K rows in each, C channels


def weighted_rows(table_RC: Tensor, rows_MK: Tensor, weights_MK: Tensor) -> Tensor:
    """(M, C), of which the table learns; weights that want to learn are refused, for they could not.

    >>> weighted_rows(torch.tensor([[1.0], [2.0], [4.0]]), torch.tensor([[0, 2], [1, 1]]), torch.ones(2, 2)).tolist()
    [[5.0], [4.0]]
    """
    assert not weights_MK.requires_grad, "only the table learns: detach the weights"
    sums_MC: Tensor = _WeightedRows.apply(table_RC, rows_MK, weights_MK.to(table_RC.dtype))  # type: ignore[no-untyped-call]
    return sums_MC


@final
class _WeightedRows(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, table_RC: Tensor, rows_MK: Tensor, weights_MK: Tensor) -> Tensor:
        ctx.save_for_backward(rows_MK, weights_MK)
        ctx.height = len(table_RC)
        return functional.embedding_bag(rows_MK, table_RC, mode="sum", per_sample_weights=weights_MK)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        """Each row gets from all sums that it is in, which lie side by side once its places are sorted."""
        (gradient_MC,), (rows_MK, weights_MK) = gradients, ctx.saved_tensors
        rows, places = rows_MK.flatten().sort(stable=True)  # sums in one order, whatever sorts
        times_R = rows.new_zeros(ctx.height).scatter_add_(0, rows, torch.ones_like(rows))
        taught_RC = functional.embedding_bag(
            places.div(rows_MK.shape[1], rounding_mode="floor"),
            gradient_MC.contiguous(),
            times_R.cumsum(dim=0) - times_R,
            mode="sum",
            per_sample_weights=weights_MK.flatten()[places],
        )
        return taught_RC, None, None
