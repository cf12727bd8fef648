"""The visual alignment constraint: its terms against plain loops, and who learns from whom."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch.distributions import Categorical, kl_divergence

from project.build.bind import make
from project.build.compose import compose
from project.contract import Batch, Emissions, InputError
from project.loss.ctc import CTC
from project.loss.vac import VisualAlignmentCTC

LENGTHS, SHORT = torch.tensor([8, 5]), torch.tensor([2, 2])


def batch() -> Batch:
    targets = {"symbols": torch.tensor([[1, 2], [3, 0]]), "symbol_lengths": torch.tensor([2, 1])}
    return Batch(("a", "b"), torch.zeros(2, 8, 1), LENGTHS, targets, ("", ""))


def leaves(frames: tuple[int, int] = (8, 2)) -> tuple[torch.Tensor, torch.Tensor]:
    """Scores of the sequence head and of the auxiliary head."""
    generator = torch.Generator().manual_seed(0)
    return tuple(torch.randn(2, count, 4, generator=generator).requires_grad_() for count in frames)  # type: ignore[return-value]


def output_of(sequence: torch.Tensor, auxiliary: torch.Tensor, short: torch.Tensor = SHORT) -> Emissions:
    below = Emissions(auxiliary.log_softmax(dim=2), short)
    return Emissions(sequence.log_softmax(dim=2), LENGTHS, auxiliary=below)


@pytest.mark.parametrize("blank", [False, True])
def test_its_terms_are_those_of_plain_loops(blank: bool) -> None:
    output = output_of(*leaves())
    assert output.auxiliary is not None
    terms = VisualAlignmentCTC(CTC(), temperature=4.0, blank=blank)(output, batch())
    assert set(terms) == {"ctc", "auxiliary", "alignment"}
    assert terms["ctc"].item() == CTC()(output, batch())["ctc"].item()
    assert terms["auxiliary"].item() == CTC()(output.auxiliary, batch())["ctc"].item()
    first, means = 0 if blank else 1, []
    for row, partners in enumerate([[0, 0, 0, 0, 1, 1, 1, 1], [0, 0, 1, 1, 1]]):
        values = []
        for frame, partner in enumerate(partners):
            teacher = Categorical(logits=output.log_probs_BTV[row, frame, first:] / 4)
            student = Categorical(logits=output.auxiliary.log_probs_BTV[row, partner, first:] / 4)
            values.append(kl_divergence(teacher, student).item() * 16)
        means.append(sum(values) / len(values))
    assert terms["alignment"].item() == pytest.approx(sum(means) / 2, rel=1e-5)


def test_heads_that_agree_are_aligned() -> None:
    sequence, _ = leaves((8, 8))
    terms = VisualAlignmentCTC(CTC(), blank=True)(output_of(sequence, sequence.clone(), LENGTHS), batch())
    assert terms["alignment"].item() == pytest.approx(0, abs=1e-5)
    assert terms["auxiliary"].item() == terms["ctc"].item()


def test_the_head_below_learns_from_the_sequence_head_and_not_the_other_way() -> None:
    sequence, auxiliary = leaves()
    terms = VisualAlignmentCTC(CTC())(output_of(sequence, auxiliary), batch())
    found = torch.autograd.grad(terms["alignment"], (sequence, auxiliary), allow_unused=True, retain_graph=True)
    assert found[0] is None
    assert found[1] is not None
    assert found[1].abs().sum() > 0
    assert torch.autograd.grad(terms["auxiliary"], sequence, allow_unused=True) == (None,)


def test_padding_does_not_matter() -> None:
    sequence, auxiliary = (scores.detach() for scores in leaves())
    before = VisualAlignmentCTC(CTC())(output_of(sequence, auxiliary, torch.tensor([2, 1])), replace_second(batch()))
    sequence[1, 5:], auxiliary[1, 1:] = 7.0, -7.0
    after = VisualAlignmentCTC(CTC())(output_of(sequence, auxiliary, torch.tensor([2, 1])), replace_second(batch()))
    assert {name: term.item() for name, term in before.items()} == {name: term.item() for name, term in after.items()}


def replace_second(whole: Batch) -> Batch:
    """Nothing was signed in the second: one frame is enough for it."""
    targets = {"symbols": torch.tensor([[1, 2], [0, 0]]), "symbol_lengths": torch.tensor([2, 0])}
    return replace(whole, targets=targets)


def test_a_model_without_the_second_head_is_told_how_to_get_one() -> None:
    bare = replace(output_of(*leaves()), auxiliary=None)
    with pytest.raises(InputError, match=r"set model\.auxiliary=true"):
        VisualAlignmentCTC(CTC())(bare, batch())
    with pytest.raises(InputError, match=r"loss\.temperature is 0"):
        VisualAlignmentCTC(CTC(), temperature=0.0)


@pytest.mark.parametrize(
    "extra",
    [[], ["loss.ctc.regularize=[smoothing,confidence]", "+weighting.smoothing=0.05", "+weighting.confidence=0.1"]],
)
def test_its_weighting_names_its_terms_with_and_without_smoothing(extra: list[str]) -> None:
    config = compose("train", ["loss=ctc_vac", "weighting=vac", *extra])
    terms = make(config["loss"], "loss")(output_of(*leaves()), batch())
    total, parts = make(config["weighting"], "weighting")(terms)
    assert set(parts) == set(terms)
    assert total.item() == pytest.approx(sum(config["weighting"][name] * term.item() for name, term in terms.items()))
