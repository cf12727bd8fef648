"""Dynamic weight average, against its formula reckoned by hand."""

from __future__ import annotations

import importlib.util
import math

import pytest
import torch

from project.contract import InputError
from project.loss.dynamic import DynamicAverage


def run(weighting: DynamicAverage, rows: list[tuple[float, float]]) -> list[dict[str, float]]:
    """The factors that each batch was weighted with."""
    found: list[dict[str, float]] = []
    for kind, span in rows:
        given = {"kind": torch.tensor(kind), "span": torch.tensor(span)}
        total, weighted = weighting(given)
        assert total.item() == pytest.approx(sum(one.item() for one in weighted.values()))
        found.append({name: weighted[name].item() / given[name].item() for name in given})
    return found


ROWS = [(4.0, 2.0), (2.0, 2.0), (1.0, 1.8), (2.0, 1.8), (1.0, 1.0), (0.5, 1.5)]  # windows of two: means 3|2, 1.5|1.8


def test_the_formula() -> None:
    factors = run(DynamicAverage(window=2, temperature=2.0, kind=1.0, span=1.0), ROWS)
    assert factors[:4] == [pytest.approx({"kind": 1.0, "span": 1.0})] * 4
    rates = {"kind": 1.5 / 3.0, "span": 1.8 / 2.0}
    exponentials = {name: math.exp(rate / 2.0) for name, rate in rates.items()}
    expected = {name: 2 * value / sum(exponentials.values()) for name, value in exponentials.items()}
    assert factors[4:] == [pytest.approx(expected, rel=1e-5)] * 2
    assert expected["span"] > expected["kind"], "what falls slower counts more"


def test_weights_come_on_top_and_heat_makes_alike() -> None:
    weighting = DynamicAverage(window=1, temperature=1e6, kind=3.0, span=1.0)
    run(weighting, ROWS)
    assert weighting.weights() == pytest.approx({"kind": 3.0, "span": 1.0}, rel=1e-5)


def test_a_term_that_was_zero_has_no_rate() -> None:
    weighting = DynamicAverage(window=1, kind=1.0, span=1.0)
    for kind, span in [(0.0, 1.0), (1.0, 1.0), (1.0, 1.0)]:
        weighting({"kind": torch.tensor(kind), "span": torch.tensor(span)})
    assert weighting.weights() == pytest.approx({"kind": 1.0, "span": 1.0})


@pytest.mark.skipif(importlib.util.find_spec("torchjd") is None, reason="torchjd is not installed: scansion[mtl]")
def test_as_torchjd_has_it() -> None:
    from torchjd.scalarization import DWA

    theirs, ours = DWA(temperature=1.3), DynamicAverage(window=2, temperature=1.3, kind=1.0, span=1.0)
    for place, (kind, span) in enumerate([*ROWS, *ROWS]):
        total, _ = ours({"kind": torch.tensor(kind), "span": torch.tensor(span)})
        assert total.item() == pytest.approx(theirs(torch.tensor([kind, span])).item())
        if place % 2:
            theirs.step()


@pytest.mark.parametrize("settings", [{"window": 0}, {"temperature": 0.0}])
def test_settings_that_cannot_be(settings: dict[str, float]) -> None:
    with pytest.raises(InputError, match="weighting"):
        DynamicAverage(kind=1.0, **settings)
