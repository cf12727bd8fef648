"""Muon and AdamW as one optimizer: the same steps as torch's two, through checkpoints and schedules as well."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR

from project.optimizer.muon import Muon


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 3))


def groups(net: nn.Sequential) -> list[dict[str, Any]]:
    inner = [net[2].weight]
    outer = [net[0].weight, net[4].weight]
    biases = [layer.bias for layer in (net[0], net[2], net[4])]
    return [{"params": inner, "inner": True}, {"params": outer}, {"params": biases, "weight_decay": 0.0}]


def train(net: nn.Sequential, optimizers: list[torch.optim.Optimizer], steps: range) -> None:
    for step in steps:
        x = torch.randn(16, 5, generator=torch.Generator().manual_seed(step))
        for optimizer in optimizers:
            optimizer.zero_grad()
        net(x).square().sum().backward()
        for optimizer in optimizers:
            optimizer.step()


def assert_same(net: nn.Module, other: nn.Module) -> None:
    for name, weight in net.state_dict().items():
        torch.testing.assert_close(weight, other.state_dict()[name], rtol=0, atol=0, msg=name)


def test_it_makes_the_steps_of_torchs_two_optimizers() -> None:
    net, other = network(), network()
    inner, outer, biases = groups(other)
    reference: list[torch.optim.Optimizer] = [
        torch.optim.Muon(inner["params"], lr=0.02, weight_decay=0.1, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW([outer, biases], lr=0.01, betas=(0.9, 0.98), weight_decay=0.1),
    ]
    train(net, [Muon(groups(net), lr=0.02, other_lr=0.01, weight_decay=0.1)], range(5))
    train(other, reference, range(5))
    assert_same(net, other)


def test_it_continues_from_a_checkpoint_as_if_nothing_had_happened() -> None:
    net, other = network(), network()
    optimizer = Muon(groups(net))
    train(net, [optimizer], range(3))
    saved, weights = copy.deepcopy(optimizer.state_dict()), copy.deepcopy(net.state_dict())
    train(net, [optimizer], range(3, 6))
    other.load_state_dict(weights)
    continued = Muon(groups(other))
    continued.load_state_dict(saved)
    train(other, [continued], range(3, 6))
    assert_same(net, other)


def test_a_schedule_scales_both_rates() -> None:
    optimizer = Muon(groups(network()), lr=0.02, other_lr=0.01)
    schedule = LambdaLR(optimizer, lambda step: 0.5**step)
    assert [group["lr"] for group in optimizer.param_groups] == [0.02, 0.01, 0.01]
    optimizer.step()
    schedule.step()
    assert [group["lr"] for part in optimizer._parts for group in part.param_groups] == [0.01, 0.005, 0.005]


def test_without_inner_matrices_it_is_adam() -> None:
    net, other = network(), network()
    plain = [{"params": list(net.parameters())}]
    train(net, [Muon(plain, other_lr=0.01, weight_decay=0.0)], range(4))
    train(other, [torch.optim.AdamW(other.parameters(), lr=0.01, betas=(0.9, 0.98), weight_decay=0.0)], range(4))
    assert_same(net, other)
