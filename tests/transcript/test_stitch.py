"""Stitching: each frame from exactly one window, cut where there is no symbol."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from project.contract import Emissions
from project.decode.greedy import Greedy
from project.text.alphabet import Alphabet
from project.transcript.stitch import Stitch

ABC = Alphabet(("A", "B", "C"))
SIZE, OVERLAP, MARGIN = 60, 30, 8


def emissions(places: dict[int, int], frames: int) -> Tensor:
    """(T, V) A symbol at each of some frames, blank at the others."""
    scores_TV = torch.zeros(frames, len(ABC))
    scores_TV[:, 0] = 8.0
    for frame, token in places.items():
        scores_TV[frame, token] = 16.0
    return scores_TV.log_softmax(dim=1)


def starts(frames: int) -> list[int]:
    """Where windows begin: one after the other, the last one at the end."""
    every = list(range(0, frames - SIZE, SIZE - OVERLAP))
    return [*every, frames - SIZE]


@pytest.mark.parametrize("step", [None, SIZE - OVERLAP])
@pytest.mark.parametrize("margin", [MARGIN, 100])
@pytest.mark.parametrize("frames", [61, 75, 90, 91, 300, 317])
def test_windows_of_one_whole_give_the_whole(frames: int, margin: int, step: int | None) -> None:
    whole_TV = torch.randn(frames, 4, generator=torch.Generator().manual_seed(0)).log_softmax(dim=1)
    stitch = Stitch(margin, step)
    pieces = [
        stitch.add(start, whole_TV[start : start + SIZE], is_last=start + SIZE == frames) for start in starts(frames)
    ]
    assert torch.equal(torch.cat(pieces), whole_TV)


@pytest.mark.parametrize("step", [None, SIZE - OVERLAP])
@pytest.mark.parametrize("frames", [300, 317])
def test_what_lies_in_a_margin_is_not_used(frames: int, step: int | None) -> None:
    """Windows whose inner ends are spoilt give the whole all the same."""
    whole_TV = emissions({frame: 1 + frame // 11 % 3 for frame in range(5, frames, 11)}, frames)
    stitch, pieces = Stitch(MARGIN, step), []
    for start in starts(frames):
        spoilt_TV = whole_TV[start : start + SIZE].clone()
        if start > 0:
            spoilt_TV[:MARGIN] = emissions(dict.fromkeys(range(MARGIN), 2), MARGIN)
        if start + SIZE < frames:
            spoilt_TV[-MARGIN:] = emissions(dict.fromkeys(range(MARGIN), 3), MARGIN)
        pieces.append(stitch.add(start, spoilt_TV, is_last=start + SIZE == frames))
    assert torch.equal(torch.cat(pieces), whole_TV)


@pytest.mark.parametrize("shift", [-2, -1, 1, 2])
@pytest.mark.parametrize("place", range(36, 54))
def test_a_symbol_that_two_windows_see_at_different_frames_is_there_once(place: int, shift: int) -> None:
    """Wherever it is in the overlap, from 30 to 60, that both have heard enough for."""
    others = {20: 1, 75: 3}
    first_TV = emissions(others | {place: 2}, 90)[:60]
    second_TV = emissions(others | {place + shift: 2}, 90)[30:]
    stitch = Stitch(6, 30)
    joined_TV = torch.cat([stitch.add(0, first_TV, is_last=False), stitch.add(30, second_TV, is_last=True)])
    assert joined_TV.shape == (90, 4)
    (found,) = Greedy(ABC)(Emissions(joined_TV[None], torch.tensor([90])))
    assert found.text == "ABC"


def test_what_no_later_window_can_give_is_settled_at_once() -> None:
    """The next one begins at frame 30, and its first eight frames are not used."""
    stitch = Stitch(MARGIN, SIZE - OVERLAP)
    whole_TV = emissions({40: 1, 50: 2, 100: 3}, 120)
    settled = [
        stitch.add(start, whole_TV[start : start + SIZE], is_last=start == 60) for start in range(0, 61, SIZE - OVERLAP)
    ]
    assert [len(piece_TV) for piece_TV in settled] == [38, 30, 52]
    assert torch.equal(torch.cat(settled), whole_TV)
    patient = Stitch(MARGIN)
    assert len(patient.add(0, whole_TV[:SIZE], is_last=False)) == 0


@pytest.mark.parametrize("step", [None, 40])
def test_without_room_the_cut_is_in_the_middle(step: int | None) -> None:
    stitch = Stitch(margin=100, step=step)
    first_TV, second_TV = emissions({}, 60), emissions({}, 60) - 1
    joined_TV = torch.cat([stitch.add(0, first_TV, is_last=False), stitch.add(40, second_TV, is_last=True)])
    assert torch.equal(joined_TV, torch.cat([first_TV[:50], second_TV[10:]]))
