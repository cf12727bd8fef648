"""Groups of parameters: kinds, rates that a model asks for, and a head that learns first."""

from __future__ import annotations

import functools

import pytest
import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

from project.contract import InputError
from project.optimizer.muon import Muon
from project.system.parameters import delayed, grouped


class Layered(nn.Module):
    """A backbone of two layers and a head, with half the rate a layer down."""

    edges = ("head",)
    head_steps = 3

    def __init__(self) -> None:
        super().__init__()
        self.backbone = nn.Sequential(nn.Linear(2, 2, bias=False), nn.Linear(2, 2))
        self.head = nn.Linear(2, 3)

    def rate_of(self, name: str) -> float:
        return {"backbone.0": 0.25, "backbone.1": 0.5}.get(name.rpartition(".")[0], 1.0)


def named(model: nn.Module) -> list[tuple[str, nn.Parameter]]:
    return [(f"model.{name}", parameter) for name, parameter in model.named_parameters()]


def test_each_parameter_is_in_one_group_with_its_rate() -> None:
    model = Layered()
    groups = grouped(named(model), model, {"lr": 0.1})
    rates = {id(one): (group.get("lr", 0.1), group.get("begins", 0)) for group in groups for one in group["params"]}
    assert len(rates) == sum(len(group["params"]) for group in groups) == len(list(model.parameters()))
    expected = {"backbone.0": (0.025, 3), "backbone.1": (0.05, 3), "head": (0.1, 0)}
    for name, parameter in model.named_parameters():
        assert rates[id(parameter)] == pytest.approx(expected[name.rpartition(".")[0]])
    vectors = [group for group in groups if group.get("weight_decay") == 0.0]
    assert {one.ndim for group in vectors for one in group["params"]} == {1}
    assert [one.shape for group in groups if group.get("inner") for one in group["params"]] == [(2, 2), (2, 2)]


def test_muons_second_rate_is_that_of_what_is_no_inner_matrix() -> None:
    model = Layered()
    optimizer = Muon(grouped(named(model), model, {"lr": 0.4, "other_lr": 0.2}), lr=0.4, other_lr=0.2)
    rates = {tuple(one.shape): group["lr"] for group in optimizer.param_groups for one in group["params"]}
    assert rates == {(2, 2): 0.1, (2,): 0.1, (3, 2): 0.2, (3,): 0.2}


def test_rates_of_a_models_own_need_a_rate_to_multiply() -> None:
    model = Layered()
    with pytest.raises(InputError, match=r"optimizer\.lr"):
        grouped(named(model), model, functools.partial(torch.optim.SGD).keywords)


def test_the_head_learns_first() -> None:
    model = Layered()
    optimizer = torch.optim.SGD(grouped(named(model), model, {"lr": 0.1}), lr=0.1)
    LambdaLR(optimizer, [delayed(lambda _step: 1.0, group.get("begins", 0)) for group in optimizer.param_groups])
    before = [parameter.clone() for parameter in model.parameters()]
    model.head(model.backbone(torch.ones(1, 2))).square().sum().backward()
    optimizer.step()
    moved = {name for (name, now), then in zip(model.named_parameters(), before, strict=True) if not now.equal(then)}
    assert moved == {"head.weight", "head.bias"}


def test_adapters_do_not_wait_for_the_head() -> None:
    """They begin at no change at all, and a check would say that they do nothing."""
    model = Layered()
    weight = nn.Parameter(torch.zeros(2, 2))
    groups = grouped([("model.backbone.0.lora_A.default.weight", weight), *named(model)], model, {"lr": 0.1})
    (found,) = [group for group in groups if any(one is weight for one in group["params"])]
    assert "begins" not in found
