"""Rescoring by pace: what stretches or squeezes time loses."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from project.contract import Emissions, InputError
from project.decode.beam import Beam
from project.decode.pace import Pace
from project.text.alphabet import Alphabet

ALPHABET = Alphabet(("E", "T", "0"))
UNITS = {"E": 4, "T": 6, "0": 22}


def emissions_of(text: str, frames_a_unit: int, doubtful: int, other: str) -> Emissions:
    """Each symbol a peak where its time begins; at one of them another is a little likelier."""
    path: list[int] = []
    peaks = {}
    for place, letter in enumerate(text):
        peaks[len(path)] = place
        path += [0] * (UNITS[letter] * frames_a_unit)
    scores_TV = torch.zeros(len(path), len(ALPHABET))
    scores_TV[:, 0] = 10.0
    for frame, place in peaks.items():
        scores_TV[frame, 0] = 0
        scores_TV[frame, ALPHABET.encode(text[place])[0]] = 10.0
        if place == doubtful:
            scores_TV[frame, ALPHABET.encode(other)[0]] = 10.5
    return Emissions(scores_TV.log_softmax(dim=1)[None], torch.tensor([len(path)]))


@pytest.mark.parametrize("frames_a_unit", [1, 3])
@pytest.mark.parametrize(("true", "other"), [("0", "E"), ("E", "0")])
def test_the_text_that_fits_the_time_wins(frames_a_unit: int, true: str, other: str) -> None:
    """The recognizer leans to the wrong symbol; how long it takes decides, at any speed."""
    text = f"ETTE{true}TETE"
    output = emissions_of(text, frames_a_unit, doubtful=4, other=other)
    assert Beam(ALPHABET)(output)[0].text == f"ETTE{other}TETE"
    assert Beam(ALPHABET, pace=Pace(1.0, UNITS))(output)[0].text == text


def test_penalties_are_what_they_say() -> None:
    units_V = np.array([1.0, 4, 6, 22])
    even = (np.array([1, 2, 2, 1]), np.array([0, 50, 110, 160]))  # 10 frames a unit, exactly
    late = (np.array([1, 2, 2, 1]), np.array([0, 50, 110, 210]))  # the last one twice as late
    penalties = Pace(2.0, UNITS).penalties(units_V, [even[0], late[0]], [even[1], late[1]])
    assert penalties == pytest.approx([0, 2 * np.log(2)])
    assert Pace(2.0, UNITS).penalties(units_V, [even[0][:3], late[0]], [even[1][:3], late[1]]) == [0, 0], "too short"


def test_alternatives_follow_in_order_with_their_scores() -> None:
    output = emissions_of("ETTE0TETE", 2, doubtful=4, other="E")
    plain = Beam(ALPHABET, nbest=5)(output)[0]
    paced = Beam(ALPHABET, pace=Pace(1.0, UNITS), nbest=5)(output)[0]
    scores = [one.score for one in (paced, *paced.alternatives)]
    assert scores == sorted(scores, reverse=True)
    before = {one.tokens: one.score for one in (plain, *plain.alternatives)}
    assert all(one.score <= before.get(one.tokens, np.inf) for one in (paced, *paced.alternatives))
    assert len(paced.spans) == len(paced.tokens)


def test_it_stands_in_the_settings_and_needs_every_symbol() -> None:
    assert Beam(ALPHABET, pace=Pace(1.0, UNITS)).settings["pace"]["units"] == UNITS
    assert "pace" not in Beam(ALPHABET, pace=Pace(0.0)).settings
    with pytest.raises(InputError, match="no length for '0'"):
        Beam(ALPHABET, pace=Pace(1.0, {"E": 4, "T": 6}))
