"""Spaces where letters are far apart: made emissions of known gaps, in torch, in a model and in a graph."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional

from project.build.assemble import build_recognizer
from project.build.compose import compose
from project.contract import Batch, Emissions
from project.decode.greedy import Greedy
from project.exporting.onnx_file import write_onnx
from project.model.spacing import Spacing
from project.padding import inside
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
    """As practice of single letters has them, with the rule book's gap between words; farther apart they are a word."""
    assert written(heard(" ".join("SETNAX"), 1.0)) == "S E T N A X"
    assert written(heard(" ".join("SETNAX"), 1.5)) == "SETNAX"


def test_a_pause_parts_words_and_says_nothing_of_others() -> None:
    """Two texts with twelve seconds between them; the rule needs three gaps that say what is usual."""
    both_BTV = torch.cat([heard("TEN SEATS", 5.0), heard("IT IS", 5.0, lead=600)], dim=1)
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


def test_a_doubtful_letter_and_one_without_code_are_no_silence() -> None:
    """A greedy path writes both; where they stand no space is granted."""
    for symbol, chance in (("E", 0.29), ("Ä", 0.9)):
        alphabet = Alphabet((*ALPHABET.symbols, "Ä"))
        log_probs_BTV = functional.pad(heard("TEN SEATS ON", 5.0, spaces="right"), (0, 1), value=-20.0)
        place = int((log_probs_BTV[0, :, ALPHABET.encode("E")[0]] > -1).nonzero()[1])  # of SEATS
        others = (1 - chance) / len(alphabet)
        log_probs_BTV[0, place] = others
        log_probs_BTV[0, place, alphabet.encode(symbol)[0]] = chance + others
        log_probs_BTV[0, place] = log_probs_BTV[0, place].log()
        frames = log_probs_BTV.shape[1]
        spaced_BTV = Spacing(alphabet)(log_probs_BTV, torch.full((1, frames), DIT), torch.ones(1, frames, 1))
        found = Greedy(alphabet)(Emissions(spaced_BTV, torch.tensor([frames])))[0].text
        assert found == f"TEN S{symbol}ATS ON"


def test_one_space_in_each_gap_and_a_loss_that_stays_small() -> None:
    """A network's own space off the middle is moved, not doubled."""
    log_probs_BTV = heard(RULE, 5.0, spaces="right")
    shifted_BTV = log_probs_BTV.clone()
    shifted_BTV[:, 10:, ALPHABET.space] = log_probs_BTV[:, :-10, ALPHABET.space]
    shifted_BTV = shifted_BTV.log_softmax(dim=2)
    frames, wanted = shifted_BTV.shape[1], torch.tensor([ALPHABET.encode(RULE)])
    spaced_BTV = Spacing(ALPHABET)(shifted_BTV, torch.full((1, frames), DIT), torch.ones(1, frames, 1))
    losses = [
        functional.ctc_loss(one[0][:, None], wanted, torch.tensor([frames]), torch.tensor([len(RULE)]))
        for one in (log_probs_BTV, spaced_BTV)
    ]
    assert losses[1] < losses[0] + 0.01


def test_it_acts_where_a_model_recognizes_and_not_where_it_learns() -> None:
    """A model that is built from the experiment has it, and says the same with and without it while it learns."""
    config = compose("train", ["experiment=morse/baseline"])
    model = build_recognizer(config, training=False).system.model
    assert isinstance(model.spacing, Spacing)
    batch = Batch(("a",), torch.rand(1, 80, model.enter.in_channels), torch.tensor([80]), {}, ("",))
    calls: list[bool] = []
    model.spacing.register_forward_hook(lambda module, *_: calls.append(module.training))
    model.train()(batch)
    assert not calls
    model.eval()(batch)
    assert calls == [False]


class Whole(nn.Module):
    """The rule with one pace for all frames."""

    def __init__(self) -> None:
        super().__init__()
        self.spacing = Spacing(ALPHABET)

    def forward(self, *inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        log_probs_BTV, lengths_B = inputs
        mask_BT1 = inside(lengths_B, log_probs_BTV.shape[1])[..., None]
        pace_BT = torch.full_like(log_probs_BTV[..., 0], DIT)
        return self.spacing(log_probs_BTV, pace_BT, mask_BT1), lengths_B


def test_a_graph_moves_the_same_spaces(tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: pip install -e .[onnx]")
    texts = [heard(RULE, 5.0), heard("TEN SEATS", 4.0), heard(RULE, 1.0, spaces="right")]
    one, *others = [{"emissions": x_BTV, "lengths": torch.tensor([x_BTV.shape[1]])} for x_BTV in texts]
    write_onnx(Whole(), one, ["spaced", "frames"], tmp_path / "m.onnx")
    graph = onnxruntime.InferenceSession(tmp_path / "m.onnx")
    moved = []
    for given in (one, *others):
        wanted_BTV, _ = Whole()(*given.values())
        found_BTV, _ = graph.run(None, {name: value.numpy() for name, value in given.items()})
        torch.testing.assert_close(torch.from_numpy(found_BTV), wanted_BTV, atol=1e-4, rtol=1e-4)
        moved.append(not torch.equal(wanted_BTV, given["emissions"]))
    assert moved == [True, True, False]


def test_no_letters_and_no_space_are_no_trouble() -> None:
    silent_BTV = torch.zeros(1, 5, len(ALPHABET)).log_softmax(dim=2)
    assert torch.equal(Spacing(ALPHABET)(silent_BTV, torch.ones(1, 5), torch.ones(1, 5, 1)), silent_BTV)
    spaceless = Alphabet(tuple("AE"))
    bare_BTV = torch.zeros(1, 5, 3).log_softmax(dim=2)
    assert Spacing(spaceless)(bare_BTV, torch.ones(1, 5), torch.ones(1, 5, 1)) is bare_BTV
