"""Sums of rows and their gradient, against plain indexing."""

from __future__ import annotations

import pytest
import torch

from project.model.weighted_rows import weighted_rows


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_sums_and_gradients_are_those_of_indexing(dtype: torch.dtype) -> None:
    """Some rows are in no sum, some in many, one twice in the same."""
    torch.manual_seed(0)
    rows_MK = torch.randint(0, 12, (30, 3))
    rows_MK[0] = 12
    weights_MK, wanted_MC = torch.rand(30, 3).to(dtype), torch.randn(30, 5).to(dtype)
    table_RC, plain_RC = (torch.ones(20, 5, dtype=dtype).cumsum(0).requires_grad_() for _ in range(2))
    sums_MC = weighted_rows(table_RC, rows_MK, weights_MK)
    plain_MC = (plain_RC[rows_MK].double() * weights_MK[..., None].double()).sum(dim=1).to(dtype)
    torch.testing.assert_close(sums_MC, plain_MC)
    (sums_MC * wanted_MC).sum().backward()
    expected_RC = torch.zeros(20, 5, dtype=torch.float64)
    expected_RC.index_add_(0, rows_MK.flatten(), (weights_MK[..., None].double() * wanted_MC[:, None]).flatten(0, 1))
    assert table_RC.grad is not None
    torch.testing.assert_close(table_RC.grad, expected_RC.to(dtype))
    assert table_RC.grad[13:].abs().max() == 0


def test_weights_that_could_not_learn_are_refused() -> None:
    with pytest.raises(AssertionError, match="detach the weights"):
        weighted_rows(torch.ones(3, 1), torch.zeros(1, 1, dtype=torch.long), torch.ones(1, 1, requires_grad=True))
