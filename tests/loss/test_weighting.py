"""Weightings of loss terms: what all of them must hold, and the fixed one."""

from __future__ import annotations

import copy
import functools
import importlib.util
from typing import Any

import pytest
import torch
from torch import nn

from project.build.bind import make
from project.build.compose import compose, options
from project.contract import InputError, Terms
from project.loss.weighting import Fixed, over_ranks

PRIORS = {"kind": 0.7, "pointers": 0.02, "span": 0.28, "countdown": 15.7, "ctc": 3.0}


class Heads(nn.Module):
    """An encoder and a head for each term; terms are squares, of different sizes."""

    def __init__(self, names: list[str]) -> None:
        super().__init__()
        self.names = names
        self.encoder = nn.Sequential(nn.Linear(3, 4), nn.Tanh())
        self.heads = nn.ModuleList([nn.Linear(4, 1) for _ in names])

    def forward(self, signals_BF: torch.Tensor) -> Terms:
        hidden_BC = self.encoder(signals_BF)
        return {
            name: (head(hidden_BC) * (3.0**place) - place).pow(2).mean() + 0.1
            for place, (name, head) in enumerate(zip(self.names, self.heads, strict=True))
        }


def node_of(name: str) -> dict[str, Any]:
    if name.startswith("mtl_") and importlib.util.find_spec("torchjd") is None:
        pytest.skip("torchjd is not installed: pip install 'scansion[mtl]'")
    return dict(composed(name))


@functools.cache
def composed(name: str) -> dict[str, Any]:
    return dict(compose("train", [f"weighting={name}"])["weighting"])


def terms_in(node: dict[str, Any]) -> list[str]:
    settings = {"_target_", "lr", "low", "high", "initial", "decay", "window", "temperature"}
    return [key for key in node if key not in settings | {"aggregator", "scalarizer", "options"}]


def built(node: dict[str, Any], model: nn.Module, priors: dict[str, float] | None = None) -> Any:
    return make(node, "weighting", model=model, prior_losses=priors)


def train(model: Heads, weighting: nn.Module, steps: range) -> list[float]:
    """Totals of some steps of Adam, whose state is that of a resumed run's first step: none."""
    optimizer = torch.optim.Adam([*model.parameters(), *weighting.parameters()], lr=0.01)
    totals: list[float] = []
    for step in steps:
        torch.manual_seed(step)
        total, _ = weighting(model(torch.randn(5, 3)))
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        totals.append(total.item())
    return totals


@pytest.mark.parametrize("name", options("weighting"))
class TestEveryWeighting:
    def prepared(self, name: str, **changes: Any) -> tuple[Heads, Any]:
        node = node_of(name)
        node |= {key: value for key, value in changes.items() if key in node}
        torch.manual_seed(1)
        model = Heads(terms_in(node))
        priors = dict.fromkeys(terms_in(node), 0.5) | PRIORS
        return model, built(node, model, priors)

    def test_terms_are_weighted_by_what_it_says(self, name: str) -> None:
        model, weighting = self.prepared(name)
        train(model, weighting, range(3))
        terms = model(torch.randn(5, 3))
        total, weighted = weighting(terms)
        assert total.dtype == torch.float32
        assert total.ndim == 0
        assert list(weighted) == list(terms)
        again = weighting.weights()
        if name != "dwa":  # its are those of the next step, here and everywhere the same
            assert {key: value.item() for key, value in weighted.items()} == pytest.approx(
                {key: again[key] * value.item() for key, value in terms.items()}, rel=1e-5
            )
        assert all(isinstance(value, float) for value in getattr(weighting, "figures", dict)().values())

    def test_it_goes_on_bit_for_bit_from_its_state(self, name: str) -> None:
        """Also in the middle of a window. Model and optimizer are not at issue."""
        model, weighting = self.prepared(name, window=3)
        train(model, weighting, range(8))
        twin = copy.deepcopy(model)
        _, resumed = self.prepared(name, window=3)
        if hasattr(resumed, "_models"):
            resumed._models = (twin,)
        resumed.load_state_dict(copy.deepcopy(weighting.state_dict()))
        assert train(twin, resumed, range(8, 15)) == train(model, weighting, range(8, 15))
        assert resumed.weights() == weighting.weights()

    def test_validation_changes_nothing_and_may_lack_terms(self, name: str) -> None:
        model, weighting = self.prepared(name)
        train(model, weighting, range(3))
        before = copy.deepcopy(weighting.state_dict())
        weighting.eval()
        with torch.no_grad():
            terms = model(torch.randn(5, 3))
            total, _ = weighting(terms)
            _, fewer = weighting({key: terms[key] for key in list(terms)[:1]})
        assert torch.isfinite(total)
        assert list(fewer) == list(terms)[:1]
        assert all(
            torch.equal(value.nan_to_num(), before[key].nan_to_num()) for key, value in weighting.state_dict().items()
        )
        weighting.train()
        with pytest.raises(InputError, match="one weight each for"):
            weighting({**terms, "surplus": torch.tensor(1.0)})

    def test_half_precision_is_reckoned_in_full(self, name: str) -> None:
        model, weighting = self.prepared(name)
        with torch.autocast("cpu", torch.bfloat16):
            total, weighted = weighting(model(torch.randn(5, 3)))
        if not isinstance(weighting, Fixed):  # which leaves terms as losses make them
            assert {one.dtype for one in (total, *weighted.values())} == {torch.float32}
        total.backward()
        assert all(torch.isfinite(one.grad).all() for one in model.parameters() if one.grad is not None)

    def test_a_term_that_is_not_finite_leaves_no_trace(self, name: str) -> None:
        """A step may be skipped: what is remembered must not be spoiled by it."""
        model, weighting = self.prepared(name)
        train(model, weighting, range(3))
        bad = model.names[0]
        terms = model(torch.randn(5, 3))
        total, _ = weighting({**terms, bad: terms[bad] * float("nan")})
        assert not torch.isfinite(total)
        train(model, weighting, range(3, 4))
        assert all(torch.isfinite(torch.tensor(list(weighting.weights().values()))))

    def test_null_leaves_a_term_out(self, name: str) -> None:
        node = node_of(name)
        left_out, *others = terms_in(node)
        if not others:
            return
        model = Heads(others)
        weighting = built({**node, left_out: None}, model, PRIORS | dict.fromkeys(others, 0.5))
        assert list(weighting(model(torch.randn(5, 3)))[1]) == others
        assert list(weighting.weights()) == others


def test_the_sum_and_its_parts() -> None:
    terms = {"ctc": torch.tensor(2.0, requires_grad=True), "mask": torch.tensor(3.0, requires_grad=True)}
    total, parts = Fixed(mask=0.5, ctc=1.0)(terms)
    assert total.item() == 3.5
    assert {name: part.item() for name, part in parts.items()} == {"ctc": 2.0, "mask": 1.5}
    total.backward()
    assert [term.grad.item() for term in terms.values() if term.grad is not None] == [1.0, 0.5]


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ({"ctc": 1.0}, "no weight for mask"),
        ({"ctc": 1.0, "mask": 1.0, "span": 1.0}, "span is no term"),
        ({"ctc": 1.0, "mask": None}, "no weight for mask"),
        ({"ctc": 1.0, "maks": 1.0}, r"no weight for mask; maks is no term.*one weight each for ctc, mask$"),
    ],
)
def test_names_must_match(weights: dict[str, float | None], words: str) -> None:
    with pytest.raises(InputError, match=words):
        Fixed(**weights)({"ctc": torch.tensor(1.0), "mask": torch.tensor(1.0)})


def test_equal_is_the_plain_sum() -> None:
    node = node_of("equal")
    terms = {name: torch.tensor(float(place)) for place, name in enumerate(terms_in(node))}
    assert built(node, nn.Linear(1, 1))(terms)[0].item() == sum(range(len(terms)))


def test_processes_that_train_together_take_the_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever weighs by what it saw must not weigh otherwise than the others."""
    other = torch.tensor([3.0, 5.0])
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 2)
    monkeypatch.setattr(torch.distributed, "all_reduce", lambda values: values.add_(other))
    mine = torch.tensor([1.0, 2.0])
    assert over_ranks(mine).tolist() == [2.0, 3.5]
    assert mine.tolist() == [1.0, 2.0]
