"""What one says who has not listened, against enumeration; terms that are no better."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from typing import Any

import pytest
import torch

from project.contract import Batch, Emissions, Pace
from project.diagnosis.evidence import Evidence
from project.diagnosis.prior import PriorOnly, ignorant, skills
from project.loss.ctc import CTC

TARGETS = [([1, 2], 5), ([1], 4), ([2, 2, 1], 6)]  # symbols, frames


def tiny_batch() -> tuple[Emissions, Batch]:
    lengths_B = torch.tensor([frames for _, frames in TARGETS])
    symbols_BL = torch.zeros(len(TARGETS), 3, dtype=torch.long)
    for row, (symbols, _) in enumerate(TARGETS):
        symbols_BL[row, : len(symbols)] = torch.tensor(symbols)
    targets = {"symbols": symbols_BL, "symbol_lengths": torch.tensor([len(symbols) for symbols, _ in TARGETS])}
    batch = Batch(("a", "b", "c"), torch.zeros(3, 6, 1), lengths_B, targets, ("",) * 3)
    scores_BTV = torch.randn(3, 6, 4, generator=torch.Generator().manual_seed(0))
    return Emissions(scores_BTV.log_softmax(dim=2), lengths_B), batch


def test_the_loss_of_the_ignorant_against_all_paths() -> None:
    """Six symbols in fifteen frames: three 1, three 2, no 3. Every path through the frames, one by one."""
    output, batch = tiny_batch()
    probs = [9 / 15, 3 / 15, 3 / 15, 1e-8]
    losses = []
    for symbols, frames in TARGETS:
        total = sum(
            math.prod(probs[symbol] for symbol in path)
            for path in itertools.product(range(4), repeat=frames)
            if [symbol for symbol, _ in itertools.groupby(path) if symbol] == symbols
        )
        losses.append(-math.log(total) / len(symbols))
    found = CTC()(ignorant(output, batch), batch)["ctc"]
    assert found.item() == pytest.approx(sum(losses) / len(losses), rel=1e-5)


@pytest.mark.parametrize(("frames", "symbols", "ids"), [(40, 5, 6), (200, 40, 38), (60, 20, 6)])
def test_no_constant_is_much_better_than_the_ignorant(frames: int, symbols: int, ids: int) -> None:
    """Or one that ignores its input would show some skill: the best constant is searched for by gradient."""
    generator = torch.Generator().manual_seed(0)
    symbols_BL = torch.randint(1, ids, (8, symbols), generator=generator)
    lengths_B, num_B = torch.full((8,), frames), torch.full((8,), symbols)
    targets = {"symbols": symbols_BL, "symbol_lengths": num_B}
    batch = Batch(tuple("abcdefgh"), torch.zeros(8, frames, 1), lengths_B, targets, ("",) * 8)
    prior = ignorant(Emissions(torch.zeros(8, frames, ids).log_softmax(dim=2), lengths_B), batch)
    scores_V = prior.log_probs_BTV[0, 0].clone().requires_grad_()
    optimizer = torch.optim.Adam([scores_V], lr=0.05)
    best = float("inf")
    for _ in range(60):
        loss = CTC()(Emissions(scores_V.log_softmax(dim=0).expand(8, frames, ids), lengths_B), batch)["ctc"]
        best = min(best, loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert skills({"ctc": best}, {"ctc": CTC()(prior, batch)["ctc"].item()})["skill/ctc"] < PriorOnly().least / 2


def test_states_are_as_frequent_as_where_they_are_asked() -> None:
    output, batch = tiny_batch()
    hidden_BT = torch.zeros(3, 6, dtype=torch.bool)
    hidden_BT[0, :4] = hidden_BT[1, 2] = True
    states_BT, trust_BT = torch.ones(3, 6), torch.ones(3, 6)
    states_BT[0, 0], trust_BT[0, 1] = 0.0, 0.5
    targets = {**batch.targets, "hidden": hidden_BT, "states": states_BT, "trust": trust_BT}
    batch = Batch(batch.ids, batch.signals_BTF, batch.lengths_B, targets, batch.references)
    found = ignorant(Emissions(output.log_probs_BTV, output.lengths_B, torch.zeros(3, 6)), batch)
    assert found.states_BT is not None
    torch.testing.assert_close(found.states_BT.sigmoid(), torch.full((3, 6), 3.5 / 4.5))


def test_who_has_not_listened_takes_all_paces_for_alike() -> None:
    output, batch = tiny_batch()
    pace = Pace(torch.randn(3, 6, 4).log_softmax(dim=2), torch.tensor([1.0, 2.0, 3.0, 4.0]))
    found = ignorant(replace(output, pace=pace), batch)
    assert found.pace is not None
    torch.testing.assert_close(found.pace.log_probs_BTK.exp(), torch.full((3, 6, 4), 0.25))


def test_a_term_without_a_prior_has_no_skill() -> None:
    assert skills({"ctc": 1.0, "count": 3.0}, {"ctc": 2.0, "confidence": -1.0}) == {"skill/ctc": 0.5}


def test_no_skill_in_a_row_is_told(checks: Any) -> None:
    check = checks["prior_only"]
    dead = [(1, -0.2), (2, 0.0), (3, 0.01)]
    assert [one.subject for one in check(Evidence({"skill/ctc": dead, "skill/smoothing": dead}))] == ["ctc"]
    assert list(check(Evidence({"skill/ctc": dead[:2]}))) == []
    assert list(check(Evidence({"skill/ctc": [*dead[:2], (3, 0.03)]}))) == []
    assert len(list(check(Evidence({"skill/ctc": dead[:1]}, final=True)))) == 1
