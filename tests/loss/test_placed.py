"""CTC with places: the frame term against a plain loop, and what happens where places are not known."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from project.contract import Batch, Emissions, InputError
from project.loss.ctc import CTC
from project.loss.placed import PlacedCTC, placing

PLACES = torch.tensor([[0, 1, 0, 0, 2, 0, 0], [3, 0, 0, 0, 0, 0, 0]])  # input frames; output frames hold two each
LENGTHS = torch.tensor([4, 2])


def emissions() -> Emissions:
    scores_BTV = torch.randn(2, 4, 5, generator=torch.Generator().manual_seed(0))
    return Emissions(scores_BTV.log_softmax(dim=2), LENGTHS)


def batch() -> Batch:
    targets = {
        "symbols": torch.tensor([[1, 2], [3, 0]]),
        "symbol_lengths": torch.tensor([2, 1]),
        "places": PLACES,
    }
    return Batch(("a", "b"), torch.zeros(2, 7, 1), torch.tensor([7, 3]), targets, ("", ""))


def test_the_frame_term_is_what_a_plain_loop_gives() -> None:
    output = emissions()
    wanted = [[1, 0, 2, 0], [3, 0]]
    by_hand = [
        -sum(float(output.log_probs_BTV[row, frame, symbol]) for frame, symbol in enumerate(symbols)) / count
        for row, (symbols, count) in enumerate(zip(wanted, (2, 1), strict=True))
    ]
    assert placing(output, PLACES, torch.tensor([2, 1])).item() == pytest.approx(sum(by_hand) / 2, rel=1e-6)


def test_ctc_is_that_of_ctc() -> None:
    terms = PlacedCTC(CTC())(emissions(), batch())
    assert set(terms) == {"ctc", "place"}
    assert terms["ctc"].item() == CTC()(emissions(), batch())["ctc"].item()


def test_without_places_training_refuses_and_evaluation_goes_on() -> None:
    whole = batch()
    targets = {name: target for name, target in whole.targets.items() if name != "places"}
    bare = replace(whole, targets=targets)
    with torch.no_grad():
        assert set(PlacedCTC(CTC())(emissions(), bare)) == {"ctc"}
    with pytest.raises(InputError, match=r"labels\.places: use loss=ctc"):
        PlacedCTC(CTC())(emissions(), bare)
