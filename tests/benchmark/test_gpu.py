"""The benchmark of training at real size, here at the smallest: operations are counted right."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from project.benchmark.gpu import Gpu, cost_of, matrix_peak
from project.contract import Batch

pytestmark = pytest.mark.long


def test_a_row_of_a_small_recognizer() -> None:
    words = ["model=envelope_tiny", "feature=tone_envelope", "text=english", "data.batching.batch_length=12"]
    bench = Gpu({"tiny": words}, device="cpu", steps=10, rounds=1, clips=24, seconds=(1.0, 3.0))
    table = bench.run()
    row = dict(zip(table.columns, table.rows[0], strict=True))
    assert row["model"] == "tiny"
    assert 0 < row["padding %"] < 50
    assert row["examples/s"] == pytest.approx(row["by hand, examples/s"] * row["speed ratio"], rel=0.3)
    assert 0 < row["share of peak %"] < 100
    assert math.isnan(row["peak memory GiB"]), "there is no such figure on a CPU"


def test_operations_are_those_of_the_products() -> None:
    """A linear layer of N rows: 2NIO forward and 2NIO for its weights; inputs need no gradient."""
    rows, inputs, outputs = 12, 5, 7
    layer = nn.Linear(inputs, outputs, bias=False)
    system: Any = nn.Module()
    system.model = lambda batch: layer(batch.signals_BTF)
    system.loss = lambda output, batch: {"sum": output.float().sum()}
    system.weighting = lambda terms: (terms["sum"], terms)
    system.zero_grad = layer.zero_grad
    batch = Batch(("a", "b"), torch.randn(2, rows // 2, inputs), torch.tensor([6, 3]), {}, ("", ""))
    cost = cost_of(SimpleNamespace(system=system, device=torch.device("cpu")), [batch, batch])  # type: ignore[arg-type]
    assert cost.flops == 2 * 2 * 2 * rows * inputs * outputs
    assert cost.examples == 4
    assert cost.padding == pytest.approx(0.25)


def test_the_peak_is_a_speed() -> None:
    assert 1e9 < matrix_peak(torch.device("cpu")) < 1e15


def test_without_a_gpu_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    table = Gpu({"tiny": []}).run()
    assert table.rows == ()
    assert "no GPU" in table.notes[0]
