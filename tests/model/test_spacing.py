"""Spaces where letters are far apart: made emissions of known gaps, and pieces that see enough."""

from __future__ import annotations

import pytest
import torch

from project.contract import Emissions
from project.decode.greedy import Greedy
from project.model.spacing import Spacing
from project.text.alphabet import Alphabet
from project.text.morse import num_units

ALPHABET = Alphabet((*"AEINOSTUX", " "))
DIT = 3.0  # frames
RULE = "TEN SEATS ON IT"


def heard(text: str, stretch: float, dit: float = DIT, spaces: str = "all", lead: int = 30) -> torch.Tensor:
    """(1, T, V) what a network says: the letters of a text, and a space in each gap, in none, or in the right ones.

    Before a text that comes `lead` frames after another it says a space.
    """
    at, places, tokens = float(lead), [lead // 2] * (lead > 100), [ALPHABET.space] * (lead > 100)
    for number, symbol in enumerate(text):
        if symbol == " ":
            continue
        parts = number > 0 and text[number - 1] == " "
        if number:
            gap = stretch * dit * (7 if parts else 3)
            if spaces == "all" or (spaces == "right" and parts):
                places.append(round(at + gap / 2))
                tokens.append(ALPHABET.space)
            at += gap
        at += (num_units(symbol) - 3) * dit
        places.append(round(at))
        tokens.append(ALPHABET.encode(symbol)[0])
    chances_TV = torch.full((round(at) + 60, len(ALPHABET)), 1e-4)
    chances_TV[:, ALPHABET.blank] = 1.0
    for place, token in zip(places, tokens, strict=True):
        chances_TV[place, ALPHABET.blank] = 0.1
        chances_TV[place, token] = 0.9
    return chances_TV.log().log_softmax(dim=1)[None]


def written(log_probs_BTV: torch.Tensor, dit: float = DIT) -> str:
    batch, frames, _ = log_probs_BTV.shape
    spaced_BTV = Spacing(ALPHABET)(log_probs_BTV, torch.full((batch, frames), dit), torch.ones(batch, frames, 1))
    torch.testing.assert_close(spaced_BTV.logsumexp(dim=2), torch.zeros(batch, frames), atol=1e-5, rtol=0)
    return Greedy(ALPHABET)(Emissions(spaced_BTV, torch.tensor([frames])))[0].text


@pytest.mark.parametrize("spaces", ["all", "none", "right"])
@pytest.mark.parametrize(("stretch", "dit"), [(3.2, 3.0), (4.5, 3.0), (6.3, 2.4), (8.0, 1.2), (5.0, 4.0)])
def test_long_gaps_are_told_by_those_around_them(stretch: float, dit: float, spaces: str) -> None:
    """Whatever the network says of spaces there, and however long the letters are beside their gaps."""
    assert written(heard(RULE, stretch, dit, spaces), dit) == RULE


@pytest.mark.parametrize("stretch", [0.7, 1.0, 2.0])
def test_what_the_network_knows_is_left_alone(stretch: float) -> None:
    log_probs_BTV = heard(RULE, stretch, spaces="right")
    frames = log_probs_BTV.shape[1]
    left_BTV = Spacing(ALPHABET)(log_probs_BTV, torch.full((1, frames), DIT), torch.ones(1, frames, 1))
    assert torch.equal(left_BTV, log_probs_BTV)


def test_letters_sent_one_by_one_keep_their_spaces() -> None:
    """As practice of single letters has them, with the rule book's gap between words."""
    single = heard(" ".join("SETNAX"), 1.0)
    assert written(single) == "S E T N A X"


def test_a_pause_parts_words_and_says_nothing_of_others() -> None:
    """Two texts with ten seconds between them; the rule needs three gaps that say what is usual."""
    both_BTV = torch.cat([heard("TEN SEATS", 5.0), heard("IT IS", 5.0, lead=500)], dim=1)
    assert written(both_BTV).split() == ["TEN", "SEATS", "IT", "IS"]
    assert written(heard("IT", 5.0)) == "I T"


def test_a_change_of_hand_changes_the_rule() -> None:
    """One who gives time, then one who does not: each by their own gaps."""
    both_BTV = torch.cat([heard(RULE, 5.0), heard(RULE, 1.0, spaces="right", lead=300)], dim=1)
    assert written(both_BTV).split() == [*RULE.split(), *RULE.split()]


def test_padding_and_neighbours_in_a_batch_do_not_count() -> None:
    short_BTV, long_BTV = heard("TEN SEATS", 5.0), heard(RULE, 4.0)
    frames = long_BTV.shape[1]
    noise_BTV = torch.randn(1, frames - short_BTV.shape[1], len(ALPHABET)).mul(3).log_softmax(dim=2)
    batch_BTV = torch.cat([torch.cat([short_BTV, noise_BTV], dim=1), long_BTV])
    mask_BT1 = (torch.arange(frames) < torch.tensor([[short_BTV.shape[1]], [frames]])).float()[..., None]
    spaced_BTV = Spacing(ALPHABET)(batch_BTV, torch.full((2, frames), DIT), mask_BT1)
    lengths_B = torch.tensor([short_BTV.shape[1], frames])
    assert [one.text for one in Greedy(ALPHABET)(Emissions(spaced_BTV, lengths_B))] == ["TEN SEATS", RULE]


def test_no_letters_no_space_and_no_frames_are_no_trouble() -> None:
    silent_BTV = torch.zeros(1, 5, len(ALPHABET)).log_softmax(dim=2)
    assert torch.equal(Spacing(ALPHABET)(silent_BTV, torch.ones(1, 5), torch.ones(1, 5, 1)), silent_BTV)
    spaceless = Alphabet(tuple("AE"))
    bare_BTV = torch.zeros(1, 5, 3).log_softmax(dim=2)
    assert Spacing(spaceless)(bare_BTV, torch.ones(1, 5), torch.ones(1, 5, 1)) is bare_BTV
