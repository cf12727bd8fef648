"""Gradients: figures against loops and separate backward passes, and networks in which they vanish and explode."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from project.diagnosis.evidence import Evidence
from project.diagnosis.gradient import gradient_figures, parts_of, shares

Watch = Callable[..., Any]


class Two(nn.Module):
    """A trunk that both terms reach, a head each, a gain of its own and a frozen part."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(1))
        self.trunk = nn.ModuleList([nn.Linear(4, 4), nn.Linear(4, 4)])
        self.first = nn.Linear(4, 1)
        self.second = nn.Linear(4, 1)
        self.frozen = nn.Linear(4, 4).requires_grad_(False)

    def forward(self, x_BC: Tensor) -> dict[str, Tensor]:
        for layer in self.trunk:
            x_BC = layer(x_BC).tanh()
        x_BC = self.frozen(x_BC * self.gain)
        return {"first": self.first(x_BC).square().mean(), "second": 3 * self.second(x_BC).abs().mean()}


@pytest.fixture
def two() -> tuple[Two, Tensor]:
    torch.manual_seed(0)
    return Two(), torch.randn(5, 4)


def test_parts_are_children_blocks_and_what_is_left(two: tuple[Two, Tensor]) -> None:
    parts = parts_of(two[0])
    assert list(parts) == ["own", "trunk.0", "trunk.1", "first", "second"]
    assert sum(map(len, parts.values())) == sum(one.requires_grad for one in two[0].parameters())


def test_sizes_against_loops(two: tuple[Two, Tensor]) -> None:
    model, x_BC = two
    sum(model(x_BC).values()).backward()  # type: ignore[union-attr, arg-type]
    expected, squares = {}, 0.0
    for name, parameters in parts_of(model).items():
        norm = math.sqrt(sum(float(g) ** 2 for one in parameters for g in one.grad.flatten()))  # type: ignore[union-attr]
        size = math.sqrt(sum(float(w) ** 2 for one in parameters for w in one.detach().flatten()))
        expected |= {f"gradient/{name}/norm": norm, f"gradient/{name}/relative": norm / size}
        squares += norm**2
    assert gradient_figures(parts_of(model)) == pytest.approx(
        {"gradient/norm": math.sqrt(squares), **expected}, rel=1e-5
    )


def test_shares_against_separate_backward_passes(two: tuple[Two, Tensor]) -> None:
    """On the weights that both terms reach, heads left out."""
    model, x_BC = two
    common = ["gain", "trunk.0.weight", "trunk.0.bias", "trunk.1.weight", "trunk.1.bias"]
    norms = {}
    for name in ("first", "second"):
        model.zero_grad()
        model(x_BC)[name].backward()
        grads = dict(model.named_parameters())
        norms[name] = math.sqrt(sum(float(grads[one].grad.square().sum()) for one in common))  # type: ignore[union-attr]
    expected = {f"gradient/share/{name}": norm / sum(norms.values()) for name, norm in norms.items()}
    parameters = [one for one in model.parameters() if one.requires_grad]
    model.zero_grad()
    terms = model(x_BC)
    assert shares(terms, parameters) == pytest.approx(expected, rel=1e-5)
    assert all(one.grad is None for one in parameters), "what trains is untouched"
    sum(terms.values()).backward()  # the graph is still there


def test_a_constant_term_takes_no_share(two: tuple[Two, Tensor]) -> None:
    model, x_BC = two
    parameters = [one for one in model.parameters() if one.requires_grad]
    terms = model(x_BC)
    assert shares(terms | {"constant": torch.tensor(9.0)}, parameters) == pytest.approx(shares(terms, parameters))
    assert shares({"first": terms["first"], "constant": torch.tensor(9.0)}, parameters) == {}
    apart = {"first": model.first.weight.sum(), "second": model.second.weight.sum()}
    assert shares(apart, parameters) == {}, "nothing is shared"


def test_an_encoder_that_is_cut_off(watch: Watch, toy: Any) -> None:
    found = watch(toy(between=lambda x, _: x.detach())).findings
    assert found["gradient_size"].subject == "encoder"
    assert "has vanished" in found["gradient_size"].text


def test_an_encoder_that_is_saturated(watch: Watch, toy: Any) -> None:
    """Not cut off, but so far out on a flat curve that next to nothing comes back."""
    found = watch(toy(between=lambda x, _: (1e-9 * x).tanh())).findings
    assert found["gradient_size"].subject == "encoder"


def test_a_signal_that_nobody_scaled(watch: Watch, toy: Any) -> None:
    """Samples as whole numbers up to 32,768: gradients are as large, and clipping hides it."""
    finding = watch(toy(hear=lambda x, _: 32768 * x), lr=0.001).findings["gradient_size"]
    assert finding.subject == ""
    assert "explodes" in finding.text


@pytest.mark.parametrize(
    ("norms", "told"),
    [
        ([2.0] * 20, False),
        ([2.0] * 20 + [500.0], False),  # once
        ([2.0] * 20 + [500.0] * 3, True),
        ([2.0] * 20 + [500.0, 2.0, 2.0] * 3, True),  # now and again
        ([2.0] * 20 + [500.0] * 3 + [2.0] * 10, False),  # long ago
        ([2000.0] * 3, True),
        ([2.0] * 20 + [math.inf] * 3, True),
        ([2.0] * 20 + [math.nan] * 3, True),
        ([2000.0] * 2, False),  # too few yet
    ],
)
def test_when_a_gradient_explodes(checks: Any, norms: list[float], told: bool) -> None:
    assert bool(list(checks["gradient_size"](Evidence({"gradient/norm": list(enumerate(norms))})))) is told
