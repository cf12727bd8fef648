"""Distances between outputs, against plain loops over frames and against torch's own distributions."""

from __future__ import annotations

import pytest
import torch

from project.contract import Emissions
from project.loss.divergence import divergence, matched, mean_of_frames, nearest
from project.padding import inside


def emissions(lengths: list[int], frames: int, symbols: int = 4, seed: int = 0) -> Emissions:
    scores_BTV = torch.randn(len(lengths), frames, symbols, generator=torch.Generator().manual_seed(seed))
    return Emissions(scores_BTV.log_softmax(dim=2), torch.tensor(lengths))


@pytest.mark.parametrize(("own", "length"), [(1, 7), (2, 5), (3, 12), (5, 5), (26, 101)])
def test_the_nearest_frame_is_the_one_that_holds_the_middle(own: int, length: int) -> None:
    found = nearest(torch.tensor([own]), torch.tensor([length]), length)[0].tolist()
    for frame, partner in enumerate(found):
        middle = (frame + 0.5) / length
        assert partner / own <= middle <= (partner + 1) / own
    assert set(found) == set(range(own))  # none is passed over


def test_a_quarter_of_the_frames_is_each_of_them_four_times() -> None:
    found = nearest(torch.tensor([6]), torch.tensor([24]), 24)[0]
    assert found.tolist() == [frame // 4 for frame in range(24)]


def test_both_stand_on_the_finer_frames_example_by_example() -> None:
    coarse, fine = emissions([2, 3, 0], 3), emissions([4, 2, 0], 5, seed=1)
    one_BTV, other_BTV, lengths_B = matched(coarse, fine)
    assert lengths_B.tolist() == [4, 3, 0]
    assert one_BTV.shape == other_BTV.shape == (3, 5, 4)
    assert torch.equal(one_BTV[0, :4], coarse.log_probs_BTV[0, [0, 0, 1, 1]])
    assert torch.equal(other_BTV[0, :4], fine.log_probs_BTV[0, :4])
    assert torch.equal(one_BTV[1, :3], coarse.log_probs_BTV[1])
    assert torch.equal(other_BTV[1, :3], fine.log_probs_BTV[1, [0, 1, 1]])


@pytest.mark.parametrize("temperature", [1.0, 2.0, 8.0])
def test_it_is_that_of_a_library(temperature: float) -> None:
    one, other = emissions([3, 3], 3), emissions([3, 3], 3, seed=1)
    found_BT = divergence(one.log_probs_BTV, other.log_probs_BTV, temperature)
    for row in range(2):
        for frame in range(3):
            p, q = (
                torch.distributions.Categorical(logits=each.log_probs_BTV[row, frame] / temperature)
                for each in (one, other)
            )
            expected = torch.distributions.kl_divergence(p, q).item() * temperature**2
            assert found_BT[row, frame].item() == pytest.approx(expected, rel=1e-4, abs=1e-6)


def test_what_is_impossible_to_the_teacher_is_no_nan() -> None:
    sure_BTV = torch.tensor([[[0.0, -torch.inf]]])
    assert divergence(sure_BTV, torch.tensor([[[0.5, 0.5]]]).log(), 1.0).item() == pytest.approx(0.6931, abs=1e-4)


def test_the_gradient_is_of_one_size_at_high_temperatures() -> None:
    one, other = emissions([3], 3), emissions([3], 3, seed=1)
    norms = []
    for temperature in (20.0, 40.0):
        student_BTV = other.log_probs_BTV.clone().requires_grad_()
        divergence(one.log_probs_BTV, student_BTV, temperature).sum().backward()
        assert student_BTV.grad is not None
        norms.append(student_BTV.grad.norm().item())
    assert norms[0] == pytest.approx(norms[1], rel=0.05)


def test_means_are_over_frames_and_then_over_examples() -> None:
    values_BT = torch.tensor([[1.0, 3.0, 99.0], [5.0, 99.0, 99.0]])
    assert mean_of_frames(values_BT, inside(torch.tensor([2, 1]), 3).float()).item() == pytest.approx(3.5)
