"""Schedules, against their definitions and torch's own."""

from __future__ import annotations

import math

import pytest
import torch
from torch.optim.lr_scheduler import CosineAnnealingLR, LambdaLR

from project.contract import InputError
from project.scheduler.warmup import Constant, Cosine, InverseSqrt


def rates(schedule: Constant | Cosine | InverseSqrt, steps: int) -> list[float]:
    """Learning rates that torch applies, step by step."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=2.0)
    scheduler = LambdaLR(optimizer, schedule)
    found = []
    for _ in range(steps):
        found.append(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()
    return found


@pytest.mark.parametrize("schedule", [Constant(5), Cosine(5, 50), InverseSqrt(5)])
def test_the_first_step_already_learns_and_the_warm_up_ends_at_the_full_rate(
    schedule: Constant | Cosine | InverseSqrt,
) -> None:
    assert rates(schedule, 5) == pytest.approx([0.4, 0.8, 1.2, 1.6, 2.0])


def test_the_cosine_is_torchs() -> None:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=2.0)
    reference = CosineAnnealingLR(optimizer, T_max=40, eta_min=0.5)
    for rate in rates(Cosine(0, 40, floor=0.25), 40):
        assert rate == pytest.approx(reference.get_last_lr()[0])
        optimizer.step()
        reference.step()
    assert Cosine(0, 40, floor=0.25)(1000) == 0.25


def test_the_inverse_square_root_meets_the_warm_up() -> None:
    schedule = InverseSqrt(100)
    assert schedule(99) == 1.0
    assert schedule(399) == pytest.approx(0.5)
    assert InverseSqrt(0)(3) == pytest.approx(1 / math.sqrt(4))


def test_without_warm_up_the_first_step_has_the_full_rate() -> None:
    assert [Constant(0)(0), Cosine(0, 10)(0), InverseSqrt(0)(0)] == [1.0, 1.0, 1.0]


def test_a_cosine_shorter_than_its_warm_up_is_refused() -> None:
    with pytest.raises(InputError, match="warmup_steps"):
        Cosine(100, 100)
