"""Heads that say yes or no: figures against loops, and one that found nothing at a base rate of 7.2 %."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from project.contract import Answers, Batch, Emissions, Output, Terms
from project.diagnosis.evidence import Evidence
from project.diagnosis.head import HeadSums
from project.loss.ctc import CTC
from project.system.base import Checked, System

Watch = Callable[..., Any]


def random_answers(seed: int, count: int) -> Answers:
    generator = torch.Generator().manual_seed(seed)
    targets_N = (torch.rand(count, generator=generator) < 0.3).float()
    return Answers((0.4 * targets_N + 0.6 * torch.rand(count, generator=generator)).clamp(0.01, 0.99), targets_N)


PARTS = [random_answers(seed, count) for seed, count in ((0, 50), (1, 3), (2, 20))]


def summed(parts: list[Answers]) -> HeadSums:
    sums = HeadSums()
    for part in parts:
        sums.add({"event": part})
    return sums


def test_figures_against_numpy() -> None:
    probs = np.concatenate([part.probabilities_N.double().numpy() for part in PARTS])
    yes = np.concatenate([part.targets_N.numpy() for part in PARTS]) > 0.5
    rate = yes.mean()
    entropy = -np.mean([math.log(p if right else 1 - p) for p, right in zip(probs, yes, strict=True)])
    prior = -np.mean([math.log(rate if right else 1 - rate) for right in yes])
    assert summed(PARTS).figures() == pytest.approx(
        {
            "head/event/mean": probs.mean(),
            "head/event/spread": probs.std(),
            "head/event/rate": rate,
            "head/event/yes": (probs > 0.5).mean(),
            "head/event/separation": probs[yes].mean() - probs[~yes].mean(),
            "skill/event": 1 - entropy / prior,
        }
    )


def test_halves_merged_are_the_whole() -> None:
    first = summed(PARTS[:2])
    first.merge(summed(PARTS[2:]).state())
    assert first.figures() == pytest.approx(summed(PARTS).figures(), rel=1e-12)
    assert HeadSums().figures() == {}


def test_where_only_no_is_right_there_is_nothing_to_separate() -> None:
    figures = summed([Answers(torch.tensor([0.1, 0.2]), torch.zeros(2))]).figures()
    assert "head/event/separation" not in figures
    assert "skill/event" not in figures
    assert summed([Answers(torch.zeros(0), torch.zeros(0))]).figures() == {}


class EventLoss:
    """The symbols, and where events are."""

    def __call__(self, output: Output, batch: Batch) -> Terms:
        assert output.states_BT is not None
        inside_BT = torch.arange(output.states_BT.shape[1]) < batch.lengths_B[:, None]
        event = functional.binary_cross_entropy_with_logits(
            output.states_BT[inside_BT], batch.targets["events"][inside_BT]
        )
        return CTC()(output, batch) | {"event": event}


class EventSystem(System):
    """A recognizer with a head that tells events."""

    def check(self, output: Output, batch: Batch) -> Checked:
        assert output.states_BT is not None
        inside_BT = torch.arange(output.states_BT.shape[1]) < batch.lengths_B[:, None]
        heads = {"event": Answers(output.states_BT[inside_BT].sigmoid(), batch.targets["events"][inside_BT])}
        return Checked(self.loss(output, batch), {}, heads)


def with_events(toy: type[nn.Module]) -> nn.Module:
    class Telling(toy):  # type: ignore[misc, valid-type]
        def __init__(self) -> None:
            super().__init__()
            self.event = nn.Linear(8, 1)

        def forward(self, batch: Batch) -> Emissions:
            return replace(super().forward(batch), states_BT=self.event(batch.signals_BTF)[..., 0])

    return Telling()


def in_the_signal(batch: Batch) -> Batch:
    """Events where the signal says A."""
    return replace(batch, targets={**batch.targets, "events": (batch.signals_BTF[..., 1] > 0.5).float()})


@pytest.fixture
def telling(watch: Watch, toy: Any) -> Watch:
    weights = {"ctc": 1.0, "event": 1.0}
    return lambda **parts: watch(with_events(toy), loss=EventLoss(), kind=EventSystem, weights=weights, **parts)


def test_a_head_that_cannot_know_stays_at_the_base_rate(telling: Watch, batch_of: Any) -> None:
    """F1 of 0: 7.2 % of the frames are events, and nothing tells which."""
    train = [batch_of(seed, events=0.072) for seed in range(20)]
    run = telling(train=train, dev=[batch_of(98, 30, events=0.072), batch_of(99, 30, events=0.072)])
    assert {"head_collapse", "prior_only"} <= run.findings.keys()
    assert run.findings["head_collapse"].subject == run.findings["prior_only"].subject == "event"
    assert run.curves["head/event/mean"][-1][1] == pytest.approx(0.072, abs=0.03)
    assert run.curves["head/event/yes"][-1][1] == 0, "a threshold of 0.5 finds nothing"
    assert run.curves["skill/ctc"][-1][1] > 0.9, "the symbols were learned meanwhile"


def test_a_head_that_learns_is_not_told(telling: Watch, batch_of: Any) -> None:
    train = [in_the_signal(batch_of(seed)) for seed in range(20)]
    run = telling(train=train, dev=[in_the_signal(batch_of(98)), in_the_signal(batch_of(99))])
    assert run.told == set()
    assert run.curves["skill/event"][-1][1] > 0.5


def test_a_perfect_head_for_what_is_very_rare_is_not_told(checks: Any) -> None:
    """One frame in ten thousand: the spread of right answers is a hundredth."""
    yes_N = torch.zeros(10_000)
    yes_N[77] = 1
    curves = {name: [(1, value), (2, value)] for name, value in summed([Answers(yes_N, yes_N)]).figures().items()}
    assert curves["head/event/spread"][0][1] < 0.011
    assert list(checks["head_collapse"](Evidence(curves))) == []


def test_a_head_that_is_of_many_minds_and_never_right(checks: Any) -> None:
    generator = torch.Generator().manual_seed(0)
    blind = Answers(torch.rand(5000, generator=generator), (torch.rand(5000, generator=generator) < 0.072).float())
    curves = {name: [(1, value), (2, value)] for name, value in summed([blind]).figures().items()}
    (finding,) = checks["head_collapse"](Evidence(curves))
    assert "hardly more where yes is right" in finding.text
