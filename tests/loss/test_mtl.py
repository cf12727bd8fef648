"""TorchJD's weightings behind our interface, against TorchJD's own; the cone against all choices of held weights."""

from __future__ import annotations

import importlib.util
import itertools
import sys
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from project.contract import InputError, Terms
from project.loss.mtl import Aggregated, Scalarized, dual_cone

NAMES = ("kind", "pointers", "span")
needs_torchjd = pytest.mark.skipif(
    importlib.util.find_spec("torchjd") is None, reason="torchjd is not installed: scansion[mtl]"
)
AGGREGATORS = ["UPGrad", "DualProj", "PCGrad", "MGDA", "IMTLG", "AlignedMTL", "FairGrad"]


def ones() -> dict[str, float | None]:
    return dict.fromkeys(NAMES, 1.0)


class Model(nn.Module):
    """An encoder under three heads; terms that pull it to different sides."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(3, 6), nn.Tanh(), nn.Linear(6, 4))
        self.heads = nn.ModuleDict({name: nn.Linear(4, 1) for name in NAMES})

    def forward(self, signals_BF: Tensor) -> Terms:
        hidden_BC = self.encoder(signals_BF)
        said = {name: head(hidden_BC).mean() for name, head in self.heads.items()}
        targets = {"kind": 5.0, "pointers": -3.0, "span": 0.5}
        return {name: (said[name] - targets[name]).pow(2) for name in NAMES}


class Loose(nn.Module):
    """The same model, whose encoder is called otherwise."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.body, self.heads = model.encoder, model.heads


def example() -> tuple[Model, Tensor]:
    torch.manual_seed(3)
    return Model(), torch.randn(7, 3)


def own_gradients(model: Model, signals_BF: Tensor) -> Tensor:
    """(K, P) gradients of the terms on the encoder."""
    rows = [
        torch.autograd.grad(term, list(model.encoder.parameters()), retain_graph=True)
        for term in model(signals_BF).values()
    ]
    return torch.stack([torch.cat([one.flatten() for one in row]) for row in rows])


def gradient(module: nn.Module) -> Tensor:
    return torch.cat([one.grad.flatten() for one in module.parameters() if one.grad is not None])


@needs_torchjd
@pytest.mark.parametrize("name", AGGREGATORS)
class TestAggregated:
    def weighting(self, name: str, model: nn.Module, **weights: float | None) -> Aggregated:
        return Aggregated(model, name, {"alpha": 1.0} if name == "FairGrad" else None, **ones() | weights)  # type: ignore[arg-type]

    def test_shared_weights_get_the_aggregate_of_the_whole_gradients(self, name: str) -> None:
        """Against TorchJD's aggregator over the matrix of gradients; heads get their own gradients as they are."""
        import torchjd.aggregation

        model, signals_BF = example()
        jacobian_KP = own_gradients(model, signals_BF)
        assert (jacobian_KP @ jacobian_KP.T).min() < 0, "an example without conflict shows nothing"
        options: dict[str, Any] = {"alpha": 1.0} if name == "FairGrad" else {}
        if name in {"UPGrad", "DualProj"} and importlib.util.find_spec("quadprog") is None:
            options["projector"] = dual_cone
        torch.manual_seed(0)
        expected_P = getattr(torchjd.aggregation, name)(**options)(jacobian_KP)
        torch.manual_seed(0)
        terms = model(signals_BF)
        total, weighted = self.weighting(name, model)(terms)
        total.backward()
        assert torch.allclose(gradient(model.encoder), expected_P, rtol=1e-3, atol=1e-3 * float(expected_P.norm()))
        assert total.item() == pytest.approx(sum(one.item() for one in weighted.values()), rel=1e-5)
        for head, term in zip(model.heads.values(), model(signals_BF).values(), strict=True):
            own = torch.autograd.grad(term, list(head.parameters()))
            assert torch.allclose(gradient(head), torch.cat([one.flatten() for one in own]))

    def test_without_an_encoder_it_finds_what_is_shared(self, name: str) -> None:
        model, signals_BF = example()
        torch.manual_seed(0)
        self.weighting(name, model)(model(signals_BF))[0].backward()
        expected = gradient(model)
        model.zero_grad()
        torch.manual_seed(0)
        self.weighting(name, Loose(model))(model(signals_BF))[0].backward()
        assert torch.equal(gradient(model), expected)

    def test_a_weight_scales_a_term_and_constants_do_no_harm(self, name: str) -> None:
        model, signals_BF = example()
        terms = model(signals_BF)
        torch.manual_seed(0)
        scaled = self.weighting(name, model)({**terms, "kind": 0.25 * terms["kind"]})
        torch.manual_seed(0)
        given = self.weighting(name, model, kind=0.25)(terms)
        assert given[0].item() == pytest.approx(scaled[0].item(), rel=1e-5)
        total, _ = self.weighting(name, model)({**terms, "span": torch.tensor(0.5)})
        total.backward()
        assert torch.isfinite(gradient(model)).all()

    def test_accumulated_gradients_are_sums_of_aggregates(self, name: str) -> None:
        model, signals_BF = example()
        weighting = self.weighting(name, model)
        parts = []
        for half in signals_BF.split(4):
            torch.manual_seed(0)
            model.zero_grad()
            weighting(model(half))[0].backward()
            parts.append(gradient(model).clone())
        model.zero_grad()
        for half in signals_BF.split(4):
            torch.manual_seed(0)
            weighting(model(half))[0].backward()
        assert torch.allclose(gradient(model), parts[0] + parts[1], rtol=1e-5, atol=1e-5)


@needs_torchjd
def test_the_model_stays_the_system_s() -> None:
    model, _ = example()
    weighting = Aggregated(model, **ones())
    assert not list(weighting.parameters())
    assert list(weighting.state_dict()) == ["factors_K"]


@needs_torchjd
def test_terms_that_share_nothing() -> None:
    model, signals_BF = example()
    model.encoder.requires_grad_(False)
    with pytest.raises(InputError, match="share no weights"):
        Aggregated(model, **ones())(model(signals_BF))


@needs_torchjd
@pytest.mark.parametrize("name", ["GeometricMean", "IMTLL", "STCH", "UW", "Random"])
def test_scalarizers_are_torchjd_s(name: str) -> None:
    import torchjd.scalarization

    options = {"mu": 0.5} if name == "STCH" else None
    sizes = {"shape": 3} if name in {"IMTLL", "UW"} else {}
    theirs = getattr(torchjd.scalarization, name)(**(options or {}), **sizes)
    weighting = Scalarized(name, lr=0.03, options=options, **ones() | {"kind": 2.0})  # type: ignore[arg-type]
    values = [torch.tensor(value, requires_grad=True) for value in (0.5, 3.0, 0.1)]
    torch.manual_seed(0)
    total, weighted = weighting(dict(zip(NAMES, values, strict=True)))
    torch.manual_seed(0)
    expected = theirs(torch.stack([2 * values[0], *values[1:]]))
    assert total.item() == pytest.approx(expected.item())
    slopes = torch.autograd.grad(expected, values)
    assert list(weighting.weights().values()) == pytest.approx([slope.item() for slope in slopes])
    by_hand = [slope.item() * value.item() for slope, value in zip(slopes, values, strict=True)]
    assert [one.item() for one in weighted.values()] == pytest.approx(by_hand)
    total.backward()
    assert [one.grad.item() for one in values if one.grad is not None] == pytest.approx([s.item() for s in slopes])
    assert len(weighting.parameter_group()["params"]) == (1 if sizes else 0)


@needs_torchjd
def test_a_slope_without_end_is_seen() -> None:
    """The geometric mean of a term that is 0 is 0, and would spoil the model in silence."""
    weighting = Scalarized("GeometricMean", kind=1.0, span=1.0)
    terms = {"kind": torch.tensor(0.0, requires_grad=True), "span": torch.tensor(2.0, requires_grad=True)}
    assert not torch.isfinite(weighting(terms)[0])
    assert weighting.weights()["kind"] == 1.0, "the factor of the step before"


@needs_torchjd
def test_options_are_checked() -> None:
    with pytest.raises(InputError, match=r"weighting\.options: STCH"):
        Scalarized("STCH", **ones())


def test_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "torchjd"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torchjd", None)
    with pytest.raises(InputError, match=r"pip install 'scansion\[mtl\]'"):
        Aggregated(nn.Linear(1, 1), **ones())
    with pytest.raises(InputError, match=r"pip install 'scansion\[mtl\]'"):
        Scalarized(**ones())


@pytest.mark.parametrize("size", [2, 3, 4])
def test_the_cone_s_nearest_point(size: int) -> None:
    """Least v G v over v >= u, against all choices of which of them are equal; a single vector as well as rows."""
    generator = np.random.default_rng(size)
    for _ in range(20):
        rows = generator.normal(size=(size, 6)) * 10.0 ** generator.integers(-3, 3)
        gramian, given = rows @ rows.T, np.eye(size) / size
        found = dual_cone(torch.from_numpy(given), torch.from_numpy(gramian)).numpy()
        solid = gramian / np.trace(gramian) + 1e-4 * np.eye(size)
        for u, v in zip(given, found, strict=True):
            assert (v >= u - 1e-9).all()
            assert v @ solid @ v == pytest.approx(least(solid, u), rel=1e-6)
        assert dual_cone(torch.from_numpy(given[0]), torch.from_numpy(gramian)).numpy() == pytest.approx(found[0])


def least(gramian: np.ndarray, u: np.ndarray) -> float:
    best, size = float("inf"), len(u)
    for fixed in itertools.product([True, False], repeat=size):
        held, free = np.flatnonzero(fixed), np.flatnonzero(~np.array(fixed))
        v = u.copy()
        if len(free):
            v[free] = -np.linalg.solve(gramian[np.ix_(free, free)], gramian[np.ix_(free, held)] @ u[held])
        if (v >= u - 1e-9).all():
            best = min(best, float(v @ gramian @ v))
    return best
