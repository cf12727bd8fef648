"""The pace as a term: against a plain loop, and what happens where it is not known."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from project.contract import Batch, Emissions, InputError, Pace
from project.loss.ctc import CTC
from project.loss.paced import Paced, pacing

FRAMES_K = torch.tensor([1.0, 1.1, 1.21, 2.0])
LENGTHS = torch.tensor([4, 2])
PACE = torch.tensor([[2.2] * 8, [4.0] * 4 + [0.0] * 4])  # input frames; output frames hold two each


def pace() -> Pace:
    scores_BTK = torch.randn(2, 4, 4, generator=torch.Generator().manual_seed(1))
    return Pace(scores_BTK.log_softmax(dim=2), FRAMES_K)


def emissions() -> Emissions:
    scores_BTV = torch.randn(2, 4, 5, generator=torch.Generator().manual_seed(0))
    return Emissions(scores_BTV.log_softmax(dim=2), LENGTHS, pace=pace())


def batch() -> Batch:
    targets = {"symbols": torch.tensor([[1, 2], [3, 0]]), "symbol_lengths": torch.tensor([2, 1]), "pace": PACE}
    return Batch(("a", "b"), torch.zeros(2, 8, 1), torch.tensor([8, 4]), targets, ("", ""))


def test_it_is_what_a_plain_loop_gives() -> None:
    by_hand = []
    for row, (frames, wanted) in enumerate(((4, 1.1), (2, 2.0))):
        near = [math.exp(-0.5 * (math.log(wanted / float(one)) / 0.06) ** 2) for one in FRAMES_K]
        target = [one / sum(near) for one in near]
        said = pace().log_probs_BTK[row, :frames].tolist()
        by_hand.append(-sum(part * log for frame in said for part, log in zip(target, frame, strict=True)) / frames)
    assert pacing(pace(), PACE, LENGTHS, torch.tensor([2.0, 2.0])).item() == pytest.approx(sum(by_hand) / 2, rel=1e-5)


def test_other_terms_stay_as_they_are() -> None:
    terms = Paced(CTC())(emissions(), batch())
    assert set(terms) == {"ctc", "pace"}
    assert terms["ctc"].item() == CTC()(emissions(), batch())["ctc"].item()


def test_without_labels_training_refuses_and_evaluation_goes_on() -> None:
    whole = batch()
    bare = replace(whole, targets={name: target for name, target in whole.targets.items() if name != "pace"})
    with torch.no_grad():
        assert set(Paced(CTC())(emissions(), bare)) == {"ctc"}
    with pytest.raises(InputError, match=r"one of a, b does not say it: give labels\.pace"):
        Paced(CTC())(emissions(), bare)


def test_a_model_that_says_nothing_of_the_pace_is_refused() -> None:
    with pytest.raises(InputError, match="model=paced_envelope"):
        Paced(CTC())(replace(emissions(), pace=None), batch())
