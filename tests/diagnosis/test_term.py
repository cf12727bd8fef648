"""How terms stand to each other: one that drowns the others, and a loss that falls for nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from project.contract import Answers, Batch, Emissions, Output, Terms
from project.diagnosis.evidence import Evidence
from project.loss.ctc import CTC
from project.system.base import Checked, System

Watch = Callable[..., Any]
EVENTS = 0.072


@dataclass(frozen=True, slots=True)
class Counted(Emissions):
    """Emissions, and how many frames are said to be left."""

    left_BT: Tensor | None = None


class CountdownLoss:
    """The symbols, the events, and the frames that are left: a sum of squares of large numbers."""

    def __call__(self, output: Output, batch: Batch) -> Terms:
        assert isinstance(output, Counted)
        assert output.states_BT is not None
        assert output.left_BT is not None
        places_T = torch.arange(output.states_BT.shape[1])
        inside_BT = places_T < batch.lengths_B[:, None]
        left_BT = (batch.lengths_B[:, None] - places_T).float()
        return CTC()(output, batch) | {
            "event": functional.binary_cross_entropy_with_logits(
                output.states_BT[inside_BT], batch.targets["events"][inside_BT]
            ),
            "countdown": functional.mse_loss(output.left_BT[inside_BT], left_BT[inside_BT]),
        }


class BarSystem(System):
    """Symbols, events and a countdown."""

    def check(self, output: Output, batch: Batch) -> Checked:
        assert isinstance(output, Counted)
        assert output.states_BT is not None
        heads = {"event": Answers(output.states_BT.sigmoid().flatten(), batch.targets["events"].flatten())}
        return Checked(self.loss(output, batch), {}, heads)


def with_countdown(toy: type[nn.Module]) -> nn.Module:
    class Counting(toy):  # type: ignore[misc, valid-type]
        def __init__(self) -> None:
            super().__init__()
            self.event = nn.Linear(16, 1)
            self.left = nn.Linear(16, 1)

        def forward(self, batch: Batch) -> Emissions:
            said = super().forward(batch)
            states_BTC = self.encoder(batch.signals_BTF)
            event_BT, left_BT = self.event(states_BTC)[..., 0], self.left(states_BTC)[..., 0]
            return Counted(said.log_probs_BTV, said.lengths_B, event_BT, left_BT=left_BT)

    return Counting()


@pytest.fixture
def counting(watch: Watch, toy: Any) -> Watch:
    return lambda **parts: watch(with_countdown(toy), loss=CountdownLoss(), kind=BarSystem, **parts)


def test_a_countdown_drowns_the_rest_although_its_weight_is_small(counting: Watch, batch_of: Any) -> None:
    """A weight of a twentieth, and more than 91 % of the loss: squares of frames are large."""
    weights = {"ctc": 1.0, "event": 1.0, "countdown": 0.05}
    train, dev = ([batch_of(seed, events=EVENTS) for seed in seeds] for seeds in (range(20), (98, 99)))
    run = counting(weights=weights, train=train, dev=dev)
    assert run.findings["domination"].subject == "countdown"
    assert "event cannot be heard" in run.findings["domination"].text
    assert run.findings["domination"].figures["share"] > 0.91
    assert run.curves["gradient/share/countdown"][-1][1] > 0.85
    assert run.curves["weight/countdown"][-1][1] == 0.05
    assert "skill/countdown" not in run.curves, "what one says of it who has not listened is not known"


def test_terms_of_like_size_that_all_learn_are_not_told(counting: Watch, batch_of: Any) -> None:
    def in_the_signal(batch: Batch) -> Batch:
        return replace(batch, targets={**batch.targets, "events": (batch.signals_BTF[..., 1] > 0.5).float()})

    train, dev = ([in_the_signal(batch_of(seed)) for seed in seeds] for seeds in (range(20), (98, 99)))
    run = counting(weights={"ctc": 1.0, "event": 3.0, "countdown": 0.001}, train=train, dev=dev)
    assert run.told == set()


def points(*values: float) -> list[tuple[int, float]]:
    return list(enumerate(values))


SHARES = {"train/ctc/share": points(0.95, 0.9, 0.85), "train/mask/share": points(0.05, 0.1, 0.15)}


@pytest.mark.parametrize(
    ("others", "told"),
    [
        ({}, True),
        ({"skill/mask": points(0.01, 0.04)}, True),
        ({"skill/mask": points(0.01)}, False),  # there may be more to come
        ({"skill/mask": points(0.05, 0.2)}, False),  # it learns all the same
        ({"train/mask/share": points(0, 0, 0)}, False),  # its weight is 0
        ({"train/ctc/share": points(0.95, 0.79, 0.85)}, False),
        ({"train/ctc/share": points(0.95, 0.85)}, False),
    ],
)
def test_who_is_drowned(checks: Any, others: dict[str, list[tuple[int, float]]], told: bool) -> None:
    assert bool(list(checks["domination"](Evidence(SHARES | others)))) is told


def test_the_gradient_tells_too_and_regularizers_may_be_drowned(checks: Any) -> None:
    shares = {"gradient/share/ctc": points(0.99, 0.98, 0.97), "gradient/share/mask": points(0.01, 0.02, 0.03)}
    (finding,) = checks["domination"](Evidence(shares))
    assert finding.text.startswith("ctc makes up 97% of the gradient of what they share")
    smooth = {name.replace("mask", "smoothing"): curve for name, curve in (SHARES | shares).items()}
    assert list(checks["domination"](Evidence(smooth))) == []
    assert list(checks["domination"](Evidence({"train/ctc/share": points(1, 1, 1)}))) == [], "it has no others"


FALLING = {"dev/loss": points(4.0, 3.0, 2.0, 1.0)}


@pytest.mark.parametrize(
    ("curves", "better", "told"),
    [
        ({"dev/cer": points(0.9, 0.91, 0.9, 0.88)}, "lower", True),
        ({"dev/cer": points(0.9, 0.7, 0.6, 0.5)}, "lower", False),
        ({"dev/cer": points(0.9, 0.5, 0.9, 0.9)}, "lower", False),  # it did follow once
        ({"dev/cer": points(0.05, 0.05, 0.05, 0.05)}, "lower", False),  # solved
        ({"dev/cer": points(0.9, 0.9, 0.9)}, "lower", False),  # too few yet
        ({"dev/cer": points(0.2, 0.2, 0.21, 0.2)}, "higher", True),
        ({"dev/cer": points(0.2, 0.3, 0.5, 0.6)}, "higher", False),
        ({"dev/cer": points(0.9, 0.9, 0.9, 0.9), "dev/loss": points(4, 4, 4, 3.9)}, "lower", False),
        ({}, "lower", False),
    ],
)
def test_a_loss_that_falls_for_nothing(checks: Any, curves: Any, better: Any, told: bool) -> None:
    assert bool(list(checks["without_gain"](Evidence(FALLING | curves, better=better)))) is told
