"""Masked prediction: both terms against sums made frame by frame, and lengths that differ."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from project.contract import Batch, InputError, UnitOutput
from project.loss.units import UnitLoss

FRAMES, UNITS = (9, 6, 4), (8, 6, 6)  # the model's, and the manifest's


def output_of(hidden: list[list[int]], frames: tuple[int, ...] = FRAMES) -> UnitOutput:
    generator = torch.Generator().manual_seed(1)
    logits_BTK = 3 * torch.randn(len(frames), max(frames) + 1, 5, generator=generator)
    hidden_BT = torch.zeros(logits_BTK.shape[:2], dtype=torch.bool)
    for row, places in zip(hidden_BT, hidden, strict=True):
        row[places] = True
    return UnitOutput(logits_BTK.requires_grad_(), torch.tensor(frames), hidden_BT)


def batch_of(units: tuple[int, ...] = UNITS) -> Batch:
    units_BL = torch.randint(0, 5, (len(units), max(units)), generator=torch.Generator().manual_seed(2))
    for row, length in zip(units_BL, units, strict=True):
        row[length:] = 0
    targets = {"units": units_BL, "unit_lengths": torch.tensor(units)}
    return Batch(("a", "b", "c"), torch.zeros(3, 100, 1), torch.full((3,), 100), targets, ("",) * 3)


def expected(output: UnitOutput, batch: Batch, hidden: bool) -> float:
    values = []
    for row in range(3):
        for frame in range(min(FRAMES[row], UNITS[row])):
            if bool(output.hidden_BT[row, frame]) == hidden:
                scores = output.logits_BTK[row, frame].tolist()
                right = scores[int(batch.targets["units"][row, frame])]
                values.append(math.log(sum(map(math.exp, scores))) - right)
    return sum(values) / len(values)


def test_terms_are_means_over_hidden_and_seen_frames_that_have_a_unit() -> None:
    output, batch = output_of([[1, 2, 8], [0, 5], [3]]), batch_of()
    terms = UnitLoss()(output, batch)
    assert set(terms) == {"masked", "seen"}
    assert float(terms["masked"].detach()) == pytest.approx(expected(output, batch, hidden=True), rel=1e-5)
    assert float(terms["seen"].detach()) == pytest.approx(expected(output, batch, hidden=False), rel=1e-5)


def test_only_hidden_frames_get_a_gradient_from_their_term() -> None:
    output, batch = output_of([[1, 2, 8], [0, 5], [3]]), batch_of()
    UnitLoss()(output, batch)["masked"].backward()
    gradient: Tensor = output.logits_BTK.grad  # type: ignore[assignment]
    touched = gradient.abs().sum(dim=2) > 0
    assert touched.nonzero().tolist() == [[0, 1], [0, 2], [1, 0], [1, 5], [2, 3]], "frame 8 has no unit"


def test_a_batch_with_nothing_hidden_has_a_term_of_zero() -> None:
    terms = UnitLoss()(output_of([[], [], []]), batch_of())
    assert float(terms["masked"].detach()) == 0
    terms["masked"].backward()


def test_lengths_may_differ_by_the_slack_and_no_more() -> None:
    with pytest.raises(InputError, match="c: it has 6 units and the model 4 frames"):
        UnitLoss(slack=1)(output_of([[], [], []]), batch_of())
    with pytest.raises(InputError, match=r"a: it has 12 units and the model 9 frames"):
        UnitLoss()(output_of([[], [], []]), batch_of((12, 6, 6)))
    with pytest.raises(InputError, match=r"loss\.slack is -1"):
        UnitLoss(slack=-1)
    bare = batch_of()
    with pytest.raises(InputError, match="text=units"):
        UnitLoss()(output_of([[], [], []]), Batch(bare.ids, bare.signals_BTF, bare.lengths_B, {}, bare.references))
