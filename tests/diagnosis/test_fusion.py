"""Spikes of two recognizers: of networks that are made to say the same at other moments, and at the same ones."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from project.contract import Batch, Emissions
from project.diagnosis.evidence import Evidence
from project.diagnosis.fusion import SpikesApart, fusion_figures, spike_offset
from project.model.late_fusion import LateFusion

SYMBOLS = 6
SURE, BLANK = 0.7, 0.99  # of a symbol, and of none: as networks are


def emissions(*paths: str) -> Emissions:
    """A frame's likeliest symbol by frame: digits, 0 is blank."""
    best_BT1 = torch.tensor([[int(one) for one in path] for path in paths])[..., None]
    sure_BT1 = torch.where(best_BT1 == 0, BLANK, SURE)
    others_BTV = ((1 - sure_BT1) / (SYMBOLS - 1)).expand(-1, -1, SYMBOLS)
    probs_BTV = others_BTV.scatter(2, best_BT1, sure_BT1)
    return Emissions(probs_BTV.log(), torch.full((len(paths),), best_BT1.shape[1]))


def test_spikes_two_frames_apart_are_told() -> None:
    found = spike_offset(emissions("0100020003000"), emissions("0001000200030"))
    assert (found.agreed, found.disjoint, found.offset) == (3, 3, 2.0)


def test_the_same_frames_are_not_apart() -> None:
    found = spike_offset(emissions("0110020003000"), emissions("0010022003000"))
    assert (found.agreed, found.disjoint) == (3, 0)
    assert found.offset == pytest.approx((0.5 + 0.5 + 0) / 3)


def test_only_symbols_that_both_say_in_order_count() -> None:
    found = spike_offset(emissions("01000200030004"), emissions("00100500003004"))
    assert (found.agreed, found.disjoint) == (3, 2)  # 1, 3 and 4; of these the last is in one frame


def test_frames_beyond_a_length_are_not_looked_at() -> None:
    first, second = emissions("0102", "0102"), emissions("0102", "0102")
    short = Emissions(first.log_probs_BTV, torch.tensor([4, 2]))
    assert spike_offset(short, Emissions(second.log_probs_BTV, torch.tensor([4, 2]))).agreed == 3


class Says(nn.Module):
    """A recognizer whose answers stand written."""

    frame_rate = 50.0

    def __init__(self, *paths: str) -> None:
        super().__init__()
        self.said = emissions(*paths)

    def forward(self, batch: Batch) -> Emissions:
        return self.said

    def num_output_frames(self, num_frames: Tensor) -> Tensor:
        return num_frames


PATH = "010002000300040005000100020003000"
LATER = "00" + PATH[:-2]
BATCH = Batch(("a", "b", "c"), torch.zeros(3, len(PATH), 1), torch.full((3,), len(PATH)), {}, ("",) * 3)


def figures(first: str, second: str, alpha: float = 0.5) -> dict[str, float]:
    return fusion_figures(
        LateFusion(SYMBOLS, {"one": Says(*[first] * 3), "two": Says(*[second] * 3)}, alpha=alpha), [BATCH]
    )


def test_two_networks_with_spikes_apart_lose_symbols_to_blank_and_trip_the_check() -> None:
    found = figures(PATH, LATER)
    assert found == {"fusion/agreed": 24, "fusion/disjoint": 1, "fusion/lost": 1, "fusion/offset_ms": 40}
    (finding,) = SpikesApart()(Evidence({name: [(0, value)] for name, value in found.items()}))
    assert "40 ms apart" in finding.text
    assert "loses 100%" in finding.text
    assert finding.remedy


def test_networks_in_step_do_not_trip_it() -> None:
    found = figures(PATH, PATH)
    assert found["fusion/disjoint"] == found["fusion/lost"] == 0
    assert not list(SpikesApart()(Evidence({name: [(0, value)] for name, value in found.items()})))


def test_it_says_nothing_where_nothing_is_mixed() -> None:
    assert fusion_figures(Says(PATH), [BATCH]) == {}
    assert figures(PATH, LATER, alpha=0) == {}
    assert not list(SpikesApart()(Evidence({})))
