"""Units are read where they were hidden, with their places and what they are worth."""

from __future__ import annotations

import pytest
import torch

from project.contract import UnitOutput
from project.decode.units import Units
from project.text.units import UnitNotation


def test_hidden_frames_are_read_and_all_of_those_with_none_hidden() -> None:
    logits_BTK = torch.zeros(2, 5, 4)
    for row, units in enumerate(([3, 1, 0, 2, 2], [2, 0, 1, 3, 3])):
        logits_BTK[row, range(5), units] = 2.0
    hidden_BT = torch.zeros(2, 5, dtype=torch.bool)
    hidden_BT[0, [1, 3]] = True
    hidden_BT[1, 4] = True  # beyond its length
    alphabet = UnitNotation(4).alphabet
    one, other = Units(alphabet)(UnitOutput(logits_BTK, torch.tensor([5, 3]), hidden_BT))
    assert (one.text, one.tokens, one.spans) == ("1 2", (2, 3), ((1, 2), (3, 4)))
    assert (other.text, other.spans) == ("2 0 1", ((0, 1), (1, 2), (2, 3)))
    sure = torch.tensor([2.0, 0, 0, 0]).softmax(dim=0)[0]
    assert one.confidences == pytest.approx([float(sure)] * 2)
    assert other.score == pytest.approx(3 * float(sure.log()), rel=1e-5)
    assert alphabet.decode(one.tokens) == one.text
    assert Units(alphabet).settings == {"decode": "units@1"}
