"""Terms over what the ignorant lose: 1 for the ignorant, whatever the unit."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from project.contract import InputError
from project.loss.prior_scaled import PriorScaled


def test_the_ignorant_lose_one_in_each_term() -> None:
    """A binary cross entropy and a Huber loss of targets with known distributions, each at its best constant."""
    torch.manual_seed(0)
    inside, start = (torch.rand(4000) < 0.072).float(), torch.randn(4000) * 20
    rate = torch.special.logit(inside.mean())

    def losses(span: torch.Tensor, countdown: torch.Tensor) -> dict[str, torch.Tensor]:
        return {
            "span": functional.binary_cross_entropy_with_logits(span.expand(4000), inside),
            "countdown": functional.huber_loss(countdown.expand(4000), start),
        }

    grid = torch.linspace(-3, 3, 601)
    best = grid[torch.stack([functional.huber_loss(one.expand(4000), start) for one in grid]).argmin()]
    priors = {name: term.item() for name, term in losses(rate, best).items()}
    total, weighted = PriorScaled(priors, span=1.0, countdown=1.0)(losses(rate, best))
    assert {name: one.item() for name, one in weighted.items()} == pytest.approx({"span": 1.0, "countdown": 1.0})
    assert total.item() == pytest.approx(2.0)
    _, worse = PriorScaled(priors, span=1.0, countdown=1.0)(losses(rate + 1, best + 1))
    assert all(one.item() > 1 for one in worse.values())


def test_weights_come_on_top() -> None:
    weighting = PriorScaled({"kind": 0.5, "span": 4.0, "other": 1.0}, kind=2.0, span=0.5)
    total, weighted = weighting({"kind": torch.tensor(1.0), "span": torch.tensor(8.0)})
    assert {name: one.item() for name, one in weighted.items()} == {"kind": 4.0, "span": 1.0}
    assert weighting.weights() == {"kind": 4.0, "span": 0.125}
    assert total.item() == 5.0


def test_evaluation_has_them_from_the_weights() -> None:
    state = PriorScaled({"kind": 0.5}, kind=1.0).state_dict()
    restored = PriorScaled(None, kind=1.0)
    restored.load_state_dict(state)
    assert restored({"kind": torch.tensor(1.0)})[0].item() == 2.0


@pytest.mark.parametrize(
    ("priors", "words"),
    [
        ({"kind": 0.0, "span": 1.0}, "prior loss of kind is 0"),
        ({"kind": float("nan"), "span": 1.0}, "prior loss of kind is nan"),
        ({"span": 1.0}, r"no prior loss is known for kind \(known: span\): set weighting.kind=null"),
    ],
)
def test_priors_that_cannot_be(priors: dict[str, float], words: str) -> None:
    with pytest.raises(InputError, match=words):
        PriorScaled(priors, kind=1.0, span=1.0)


def test_nothing_is_scaled_by_what_is_not_known() -> None:
    with pytest.raises(InputError, match="this loss cannot guess"):
        PriorScaled(kind=1.0)({"kind": torch.tensor(1.0)})
