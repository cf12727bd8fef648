"""Distillation: its terms against plain loops, what blanks count, and that the teacher stays as it is."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Categorical, kl_divergence

from project.build.bind import make
from project.build.compose import compose
from project.contract import Batch, Emissions, Hypothesis, InputError
from project.loss.ctc import CTC
from project.loss.distill import Distill, taught

LENGTHS = torch.tensor([6, 3])


def scores(seed: int, frames: int = 6) -> Tensor:
    return torch.randn(2, frames, 4, generator=torch.Generator().manual_seed(seed))


def emissions(scores_BTV: Tensor, lengths_B: Tensor = LENGTHS) -> Emissions:
    return Emissions(scores_BTV.log_softmax(dim=2), lengths_B)


def batch() -> Batch:
    targets = {"symbols": torch.tensor([[1, 2], [3, 0]]), "symbol_lengths": torch.tensor([2, 1])}
    return Batch(("a", "b"), torch.zeros(2, 6, 1), LENGTHS, targets, ("", ""))


class Parrot(nn.Module):
    """A teacher that always says the same, and counts how often it was asked."""

    def __init__(self, scores_BTV: Tensor, lengths_B: Tensor = LENGTHS, answers: Any = ((1, 1), ())) -> None:
        super().__init__()
        self.scores = nn.Parameter(scores_BTV)
        self.lengths, self.answers, self.asked = lengths_B, answers, 0

    def listen(self, batch: Batch) -> Emissions:
        self.asked += 1
        assert not self.training
        return emissions(self.scores, self.lengths)

    def predict(self, batch: Batch) -> tuple[Emissions, list[Hypothesis]]:
        return self.listen(batch), [Hypothesis(tokens, "", 0.0) for tokens in self.answers]


def by_hand(teacher: Tensor, student: Tensor, partners: list[list[int]], temperature: float, blank: float) -> float:
    """Frame by frame; `partners` are the teacher's frames beside those of the student."""
    means = []
    for row, frames in enumerate(partners):
        total = weight = 0.0
        for frame, partner in enumerate(frames):
            p, q = (Categorical(logits=s / temperature) for s in (teacher[row, partner], student[row, frame]))
            counts = blank if int(teacher[row, partner].argmax()) == 0 else 1.0
            total, weight = total + counts * kl_divergence(p, q).item() * temperature**2, weight + counts
        means.append(total / weight if weight else 0.0)
    return sum(means) / len(means)


@pytest.mark.parametrize("blank_weight", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_the_term_is_that_of_a_plain_loop(temperature: float, blank_weight: float) -> None:
    teacher, student = scores(1), scores(2)
    assert {0} < set(teacher.argmax(dim=2)[0].tolist())  # blanks and others
    loss = Distill(CTC(), Parrot(teacher), temperature, blank_weight)
    terms = loss(emissions(student), batch())
    assert set(terms) == {"ctc", "distill"}
    assert terms["ctc"].item() == CTC()(emissions(student), batch())["ctc"].item()
    expected = by_hand(teacher, student, [[0, 1, 2, 3, 4, 5], [0, 1, 2]], temperature, blank_weight)
    assert terms["distill"].item() == pytest.approx(expected, rel=1e-4)


def test_a_teacher_of_fewer_frames_is_heard_in_each_of_them() -> None:
    teacher, student = scores(1, frames=2), scores(2)
    loss = Distill(CTC(), Parrot(teacher, torch.tensor([2, 1])), 1.0, 0.5)
    expected = by_hand(teacher, student, [[0, 0, 0, 1, 1, 1], [0, 0, 0]], 1.0, 0.5)
    assert loss(emissions(student), batch())["distill"].item() == pytest.approx(expected, rel=1e-4)


def test_who_is_as_the_teacher_has_nothing_to_learn() -> None:
    student = scores(1).requires_grad_()
    term = Distill(CTC(), Parrot(scores(1)))(emissions(student), batch())["distill"]
    assert term.item() == pytest.approx(0, abs=1e-6)
    term.backward()
    assert student.grad is not None
    assert student.grad.abs().max() < 1e-6


def test_a_teacher_that_says_nothing_teaches_nothing_where_blanks_do_not_count() -> None:
    silent = torch.zeros(2, 6, 4)
    silent[..., 0] = 5.0
    student = scores(2).requires_grad_()
    terms = Distill(CTC(), Parrot(silent), blank_weight=0.0)(emissions(student), batch())
    assert terms["distill"].item() == 0.0
    terms["distill"].backward()
    assert student.grad is not None
    assert torch.equal(student.grad, torch.zeros_like(student))


def test_padding_does_not_matter() -> None:
    found = []
    for padding in (-3.0, 9.0):
        teacher, student = scores(1), scores(2)
        teacher[1, 3:, 1], student[1, 3:, 2] = padding, -padding
        found.append(Distill(CTC(), Parrot(teacher))(emissions(student), batch())["distill"].item())
    assert found[0] == found[1]


def test_the_teacher_does_not_learn() -> None:
    teacher, student = Parrot(scores(1)).train(), scores(2).requires_grad_()
    loss = Distill(CTC(), teacher, sequence=True)
    terms = loss(emissions(student), batch())
    sum(terms.values(), torch.tensor(0.0)).backward()
    assert student.grad is not None
    assert student.grad.abs().sum() > 0
    assert teacher.scores.grad is None
    assert not isinstance(loss, nn.Module)  # or its weights would be among the student's


def test_its_answers_can_be_learned_as_references() -> None:
    student = emissions(scores(2))
    answers = ((1, 2, 3), ())
    terms = Distill(CTC(), Parrot(scores(1), answers=answers), sequence=True)(student, batch())
    asked = {"symbols": torch.tensor([[1, 2, 3], [0, 0, 0]]), "symbol_lengths": torch.tensor([3, 0])}
    other = Batch(("a", "b"), torch.zeros(2, 6, 1), LENGTHS, asked, ("", ""))
    assert terms["sequence"].item() == pytest.approx(CTC()(student, other)["ctc"].item(), rel=1e-6)


def test_of_an_answer_that_is_too_long_nothing_is_learned() -> None:
    answers = ((1, 1), (2, 2))  # the second wants three frames, and a fourth has none
    student = emissions(scores(2), torch.tensor([6, 2]))
    whole = Batch(("a", "b"), torch.zeros(2, 6, 1), torch.tensor([6, 2]), batch().targets, ("", ""))
    terms = Distill(CTC(), Parrot(scores(1), answers=answers), sequence=True)(student, whole)
    first = taught(whole, [Hypothesis(tokens, "", 0.0) for tokens in answers])
    alone = Batch(
        ("a",), whole.signals_BTF[:1], whole.lengths_B[:1], {k: v[:1] for k, v in first.targets.items()}, ("",)
    )
    expected = CTC()(Emissions(student.log_probs_BTV[:1], student.lengths_B[:1]), alone)["ctc"].item() / 2
    assert terms["sequence"].item() == pytest.approx(expected, rel=1e-6)


def test_a_batch_that_nobody_learns_from_is_heard_once() -> None:
    teacher, whole = Parrot(scores(1)), batch()
    loss = Distill(CTC(), teacher)
    with torch.no_grad():
        first = loss(emissions(scores(2)), whole)["distill"]
        assert loss(emissions(scores(2)), whole)["distill"].item() == first.item()
        assert teacher.asked == 1
        loss(emissions(scores(2)), batch())
    assert teacher.asked == 2
    loss(emissions(scores(2)), whole)
    loss(emissions(scores(2)), whole)
    assert teacher.asked == 4


def test_without_a_teacher_evaluation_goes_on_and_training_is_refused() -> None:
    loss = Distill(CTC())
    with torch.no_grad():
        assert set(loss(emissions(scores(2)), batch())) == {"ctc"}
    with pytest.raises(InputError, match="set teacher=<run folder>"):
        loss(emissions(scores(2)), batch())


def test_settings_that_make_no_sense_are_refused() -> None:
    with pytest.raises(InputError, match=r"loss\.temperature is 0"):
        Distill(CTC(), temperature=0.0)
    with pytest.raises(InputError, match=r"loss\.blank_weight is -1"):
        Distill(CTC(), blank_weight=-1.0)


@pytest.mark.parametrize(
    "extra",
    [
        [],
        ["loss.sequence=true", "+weighting.sequence=0.5"],
        ["loss.ctc.regularize=[smoothing]", "+weighting.smoothing=0.05"],
    ],
)
def test_its_weighting_names_its_terms(extra: list[str]) -> None:
    config = compose("train", ["loss=distill", "weighting=distill", *extra])
    terms = make(config["loss"], "loss", teacher=Parrot(scores(1)))(emissions(scores(2)), batch())
    _, parts = make(config["weighting"], "weighting")(terms)
    assert set(parts) == set(terms)
