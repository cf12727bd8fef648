"""Frames at other rates: against averages and interpolation by numpy, alone and padded."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch

from project.model.frame_rate import matched, num_matched, ratio_of, repeated

RATIOS = (Fraction(1), Fraction(1, 2), Fraction(1, 4), Fraction(2, 3), Fraction(5, 2), Fraction(3, 10))


@pytest.mark.parametrize("ratio", RATIOS)
def test_an_example_is_the_same_alone_and_padded(ratio: Fraction) -> None:
    torch.manual_seed(0)
    lengths_B = torch.tensor([23, 17, 8, 1])
    x_BTF = torch.randn(4, 23, 3)
    for change in (matched, repeated) if ratio >= 1 else (matched,):
        together_BTF, new_B = change(x_BTF, lengths_B, ratio)
        for row, length in enumerate(lengths_B.tolist()):
            alone_BTF, alone_B = change(x_BTF[row : row + 1, :length], lengths_B[row : row + 1], ratio)
            frames = int(new_B[row])
            assert alone_B.tolist() == [frames] == [alone_BTF.shape[1]]
            torch.testing.assert_close(together_BTF[row, :frames], alone_BTF[0], atol=0, rtol=0)


@pytest.mark.parametrize("ratio", RATIOS)
def test_lengths_are_those_that_are_told(ratio: Fraction) -> None:
    for length in range(1, 60):
        x_BTF, lengths_B = matched(torch.randn(1, length, 2), torch.tensor([length]), ratio)
        assert x_BTF.shape[1] == lengths_B.item() == num_matched(torch.tensor([length]), ratio).item()
        assert abs(lengths_B.item() - length * ratio) < 1 + float(ratio) * 4


@pytest.mark.parametrize("ratio", [Fraction(2, 3), Fraction(5, 2), Fraction(9, 10)])
def test_between_neighbours_it_is_a_straight_line(ratio: Fraction) -> None:
    x_BTF = torch.randn(1, 40, 1, dtype=torch.double)
    found_BTF, lengths_B = matched(x_BTF, torch.tensor([40]), ratio)
    middles = (np.arange(int(lengths_B)) + 0.5) / float(ratio) - 0.5
    expected = np.interp(middles, np.arange(40), x_BTF[0, :, 0].numpy())
    np.testing.assert_allclose(found_BTF[0, :, 0].numpy(), expected, atol=1e-12)


def test_many_frames_become_their_mean() -> None:
    x_BTF = torch.randn(2, 7, 3)
    found_BTF, lengths_B = matched(x_BTF, torch.tensor([7, 5]), Fraction(1, 2))
    assert lengths_B.tolist() == [4, 3]
    torch.testing.assert_close(found_BTF[0, 1], x_BTF[0, 2:4].mean(dim=0))
    torch.testing.assert_close(found_BTF[1, 2], x_BTF[1, 4])  # what is beyond the length does not enter


def test_a_stretched_path_collapses_to_the_same_symbols() -> None:
    path_BT1 = torch.tensor([[1, 0, 1, 2, 0, 0, 3]])[..., None]
    for ratio in (Fraction(2), Fraction(3, 2), Fraction(7, 5)):
        longer_BT1, lengths_B = repeated(path_BT1, torch.tensor([7]), ratio)
        kept = longer_BT1[0, : int(lengths_B), 0].unique_consecutive()
        assert kept[kept != 0].tolist() == [1, 1, 2, 3]


def test_rates_are_compared_in_small_numbers() -> None:
    assert ratio_of(12.5, 50.0) == Fraction(1, 4)
    assert ratio_of(50.0, 1 / 0.02) == 1
