"""Weightings of loss terms."""

from __future__ import annotations

import pytest
import torch

from project.contract import InputError
from project.loss.weighting import Fixed


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
        ({"ctc": 1.0, "maks": 1.0}, r"no weight for mask; maks is no term.*one weight each for ctc, mask$"),
    ],
)
def test_names_must_match(weights: dict[str, float], words: str) -> None:
    with pytest.raises(InputError, match=words):
        Fixed(**weights)({"ctc": torch.tensor(1.0), "mask": torch.tensor(1.0)})
