"""Uncertainty weightings, against the formula, the analytic optimum and the step limit of Adam."""

from __future__ import annotations

import math

import pytest
import torch

from project.contract import InputError
from project.loss.uncertainty import AnalyticUncertainty, RunningMeans, Uncertainty

LOSSES = {"kind": 0.7, "countdown": 15.7, "span": 0.28}


def terms(losses: dict[str, float] = LOSSES) -> dict[str, torch.Tensor]:
    return {name: torch.tensor(loss, requires_grad=True) for name, loss in losses.items()}


def weights() -> dict[str, float | None]:
    return dict.fromkeys(LOSSES, 1.0)


def descend(weighting: Uncertainty, steps: int, rate: float = 1e-3) -> None:
    """Adam at that rate, where the sigmas have none of their own."""
    optimizer = torch.optim.Adam([weighting.parameter_group()], lr=rate)
    for _ in range(steps):
        total, _ = weighting(terms())
        optimizer.zero_grad()
        total.backward()
        optimizer.step()


def test_the_formula_and_its_gradients() -> None:
    weighting = Uncertainty(kind=1.0, countdown=0.5, span=1.0)
    with torch.no_grad():
        weighting.log_sigma.copy_(torch.tensor([0.3, 1.2, -0.4]))
    given = terms()
    total, weighted = weighting(given)
    sigmas = {"kind": math.exp(0.3), "countdown": math.exp(1.2), "span": math.exp(-0.4)}
    by_hand = {name: loss / (2 * sigmas[name] ** 2) for name, loss in LOSSES.items()}
    by_hand["countdown"] *= 0.5
    assert {name: one.item() for name, one in weighted.items()} == pytest.approx(by_hand)
    assert total.item() == pytest.approx(sum(by_hand.values()) + 0.3 + 0.5 * 1.2 - 0.4)
    total.backward()
    assert given["countdown"].grad is not None
    assert given["countdown"].grad.item() == pytest.approx(0.5 / (2 * sigmas["countdown"] ** 2))
    assert weighting.weights()["countdown"] == pytest.approx(0.5 / (2 * sigmas["countdown"] ** 2))
    assert weighting.log_sigma.grad is not None
    expected = [
        1 - 0.7 / sigmas["kind"] ** 2,
        0.5 * (1 - 15.7 / sigmas["countdown"] ** 2),
        1 - 0.28 / sigmas["span"] ** 2,
    ]
    assert weighting.log_sigma.grad.tolist() == pytest.approx(expected, rel=1e-5)


def test_descent_finds_the_roots_of_the_losses() -> None:
    weighting = Uncertainty(lr=0.03, **weights())
    descend(weighting, 600)
    assert weighting.log_sigma.tolist() == pytest.approx([math.log(loss) / 2 for loss in LOSSES.values()], abs=1e-3)
    figures = weighting.figures()
    for name, loss in LOSSES.items():
        assert figures[f"sigma/{name}"] == pytest.approx(math.sqrt(loss), rel=1e-3)
        assert figures[f"sigma/{name}/optimal"] == pytest.approx(math.sqrt(loss), rel=1e-5)
        assert weighting.weights()[name] == pytest.approx(1 / (2 * loss), rel=3e-3)


def test_the_trap_of_one_learning_rate_for_all() -> None:
    """The countdown of the first experiment needed log sigma 1.38; 600 steps of Adam at 1e-3 cannot bring it there."""
    source = Uncertainty(lr=None, low=None, high=None, **weights())
    assert "lr" not in source.parameter_group()
    descend(source, 600)
    assert source.log_sigma.abs().max() <= 0.6 + 1e-4
    assert source.weights()["countdown"] > 3 * 1 / (2 * 15.7), "it still counts several times what it should"
    own = Uncertainty(lr=30e-3, **weights())
    descend(own, 600)
    assert own.weights()["countdown"] == pytest.approx(1 / (2 * 15.7), rel=1e-2)


def test_sigmas_stay_within_limits_and_can_return() -> None:
    weighting = Uncertainty(lr=0.5, low=-0.2, high=0.2, **weights())
    descend(weighting, 5)
    assert weighting.figures()["sigma/countdown"] == pytest.approx(math.exp(0.2))
    assert weighting.figures()["sigma/span"] == pytest.approx(math.exp(-0.2))
    total, _ = weighting(terms({"kind": 0.7, "countdown": 1e-3, "span": 100.0}))
    assert weighting.log_sigma.min() >= -0.2
    assert weighting.log_sigma.max() <= 0.2
    total.backward()
    assert weighting.log_sigma.grad is not None
    assert (weighting.log_sigma.grad != 0).all(), "at a limit the gradient is not lost"


def test_a_group_of_their_own() -> None:
    weighting = Uncertainty(**weights())
    group = weighting.parameter_group()
    assert group["params"] == list(weighting.parameters())
    assert group["weight_decay"] == 0.0
    assert group["lr"] == 0.03


def test_the_analytic_one_is_where_the_learned_one_arrives() -> None:
    learned, analytic = Uncertainty(**weights()), AnalyticUncertainty(**weights())
    descend(learned, 600)
    total, weighted = analytic(terms())
    assert {name: one.item() for name, one in weighted.items()} == pytest.approx(dict.fromkeys(LOSSES, 0.5))
    assert total.item() == pytest.approx(learned(terms())[0].item(), rel=1e-4)
    assert not list(analytic.parameters())
    assert analytic.figures()["sigma/countdown"] == pytest.approx(math.sqrt(15.7))


def test_the_analytic_one_follows_running_means() -> None:
    weighting = AnalyticUncertainty(decay=0.75, kind=2.0)
    given = [3.0, 1.0, 2.0]
    for loss in given:
        (_, weighted) = weighting({"kind": torch.tensor(loss)})
    parts = [0.75**2 * 0.25, 0.75 * 0.25, 0.25]
    mean = sum(part * loss for part, loss in zip(parts, given, strict=True)) / sum(parts)
    assert weighted["kind"].item() == pytest.approx(2 * 2.0 / (2 * mean))
    assert weighting.weights()["kind"] == pytest.approx(2 / (2 * mean))


def test_without_memory_it_is_the_sum_of_logarithms() -> None:
    weighting, given = AnalyticUncertainty(decay=0.0, low=None, high=None, **weights()), terms()
    total, _ = weighting(given)
    assert total.item() == pytest.approx(sum(0.5 + math.log(loss) / 2 for loss in LOSSES.values()), rel=1e-5)
    total.backward()
    for name, one in given.items():
        assert one.grad is not None
        assert one.grad.item() == pytest.approx(1 / (2 * LOSSES[name]))


def test_means_forget_what_is_not_finite() -> None:
    means = RunningMeans(2, 0.5)
    assert means().isnan().all()
    means.add(torch.tensor([1.0, 2.0]))
    means.add(torch.tensor([float("nan"), 4.0]))
    assert means().tolist() == pytest.approx([1.0, (0.25 * 2 + 0.5 * 4) / 0.75])


@pytest.mark.parametrize("settings", [{"decay": 1.0}, {"low": 2.0, "high": 1.0}])
def test_settings_that_cannot_be(settings: dict[str, float]) -> None:
    for kind in (Uncertainty, AnalyticUncertainty):
        with pytest.raises(InputError, match="weighting"):
            kind(kind=1.0, **settings)
