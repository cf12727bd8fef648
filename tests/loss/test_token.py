"""The loss of tokens: against the library's own, against a loop over numbers, and against what it must not be."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from project.build.bind import make
from project.build.compose import compose
from project.contract import Batch, Emissions, InputError, TokenOutput
from project.loss.token import IGNORED, TokenLoss, wanted, without_ends

ROWS = ([5, 9, 4, 2], [7, 2], [3, 3, 3, 3, 8, 2], [2])
VOCABULARY = 12


def batch_of(rows: tuple[list[int], ...] = ROWS, garbage: int = 0) -> Batch:
    """Targets alone; behind each one's end stands `garbage`."""
    most = max(map(len, rows))
    symbols_BL = torch.tensor([row + [garbage] * (most - len(row)) for row in rows])
    targets = {"symbols": symbols_BL, "symbol_lengths": torch.tensor([len(row) for row in rows])}
    ids = tuple(map(str, range(len(rows))))
    return Batch(ids, torch.zeros(len(rows), 9, 1), torch.full((len(rows),), 9), targets, ("",) * len(rows))


def output_of(batch: Batch, seed: int = 0, auxiliary: Emissions | None = None) -> TokenOutput:
    generator = torch.Generator().manual_seed(seed)
    logits_BLV = 3 * torch.randn(*batch.targets["symbols"].shape, VOCABULARY, generator=generator)
    return TokenOutput(batch.lengths_B, batch.lengths_B / 16000, None, logits_BLV, auxiliary)


def by_hand(logits_BLV: Tensor, rows: tuple[list[int], ...], smoothing: float = 0.0) -> float:
    """Token by token, in float64: minus its log-probability, or that mixed with the mean over all tokens."""
    found = []
    for scores_LV, row in zip(logits_BLV.double().numpy(), rows, strict=True):
        for scores_V, token in zip(scores_LV, row, strict=False):
            log_probs_V = scores_V - np.logaddexp.reduce(scores_V)
            found.append(-(1 - smoothing) * log_probs_V[token] - smoothing * log_probs_V.mean())
    assert len(found) == sum(map(len, rows))
    return float(np.mean(found))


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.7])
def test_it_is_the_mean_over_all_tokens_and_ends(smoothing: float) -> None:
    batch = batch_of()
    output = output_of(batch)
    terms = TokenLoss(smoothing)(output, batch)
    assert terms.keys() == {"token"}
    assert output.logits_BLV is not None
    assert terms["token"].item() == pytest.approx(by_hand(output.logits_BLV, ROWS, smoothing), rel=1e-6)
    with torch.no_grad():  # what is only scored is scored without it, so that runs compare
        assert TokenLoss(smoothing)(output, batch)["token"].item() == pytest.approx(
            by_hand(output.logits_BLV, ROWS), rel=1e-6
        )


def test_what_stands_behind_an_end_does_not_count() -> None:
    clean, dirty = batch_of(), batch_of(garbage=7)
    output = output_of(clean)
    assert wanted(dirty).tolist() == [row + [IGNORED] * (6 - len(row)) for row in ROWS]
    assert torch.equal(wanted(clean), wanted(dirty))
    assert torch.equal(TokenLoss()(output, clean)["token"], TokenLoss()(output, dirty)["token"])
    assert output.logits_BLV is not None
    logits_BLV = output.logits_BLV.clone().requires_grad_()
    TokenLoss(0.1)(replace(output, logits_BLV=logits_BLV), clean)["token"].backward()
    assert logits_BLV.grad is not None
    moved_BL = logits_BLV.grad.abs().sum(dim=2) > 0
    assert moved_BL.sum(dim=1).tolist() == [len(row) for row in ROWS]
    assert torch.equal(dirty.targets["symbols"], batch_of(garbage=7).targets["symbols"]), "targets stay as they were"


@pytest.mark.parametrize("padding", ["library", "exact"])
def test_it_is_the_librarys_own_loss(tones: Any, padding: str) -> None:
    """The library is handed labels, tokens and the end, and shifts by itself what its decoder is shown."""
    model, batch = tones.model(padding=padding).eval(), tones.batch()
    with torch.no_grad():
        heard, _ = model.encode(batch.signals_BTF[..., 0], batch.lengths_B)
        theirs = model.network(encoder_outputs=heard, labels=wanted(batch)).loss
        ours = TokenLoss()(model(batch), batch)["token"]
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-5)


def test_its_gradients_are_those_of_the_librarys_loss(tones: Any) -> None:
    model, batch = tones.model().eval(), tones.batch()
    TokenLoss()(model(batch), batch)["token"].backward()
    mine = {name: weight.grad.clone() for name, weight in model.named_parameters()}
    model.zero_grad()
    heard, _ = model.encode(batch.signals_BTF[..., 0], batch.lengths_B)
    model.network(encoder_outputs=heard, labels=wanted(batch)).loss.backward()
    for name, weight in model.named_parameters():
        torch.testing.assert_close(mine[name], weight.grad, atol=1e-5, rtol=1e-4)


def test_a_second_shift_is_another_loss(tones: Any) -> None:
    """What a trained model is punished for, if each token is compared with the one after the one that it should be."""
    model, batch = tones.model(padding="exact"), tones.batch()
    tones.teach(model, batch, steps=200, enough=0.01)
    with torch.no_grad():
        output = model(batch)
        ours = TokenLoss()(output, batch)["token"].item()
        labels_BL = wanted(batch)
        twice = model.network.loss_function(logits=output.logits_BLV, labels=labels_BL, vocab_size=275).item()
    assert ours < 0.1
    assert twice > 20 * ours
    rows = tuple(row[1:].tolist() for row in batch.targets["symbols"])
    sizes = batch.targets["symbol_lengths"].tolist()
    shifted = tuple(row[: size - 1] for row, size in zip(rows, sizes, strict=True))
    assert twice == pytest.approx(by_hand(output.logits_BLV, shifted), rel=1e-4)


def test_frames_learn_tokens_without_their_ends() -> None:
    rows = ([5, 9, 4, 2], [7, 2], [3, 8, 3, 2])
    batch = batch_of(rows)
    frames_B = torch.tensor([9, 5, 7])
    log_probs_BTV = torch.randn(3, 9, VOCABULARY, generator=torch.Generator().manual_seed(4)).log_softmax(dim=2)
    terms = TokenLoss(0.1)(output_of(batch, auxiliary=Emissions(log_probs_BTV, frames_B)), batch)
    assert terms.keys() == {"token", "ctc"}
    expected = [
        torch.nn.functional.ctc_loss(
            log_probs_BTV[n, : frames_B[n], None], torch.tensor([row[:-1]]), (int(frames_B[n]),), (len(row) - 1,)
        )
        for n, row in enumerate(rows)
    ]
    assert terms["ctc"].item() == pytest.approx(float(torch.stack(expected).mean()), rel=1e-5)
    assert without_ends(batch).targets["symbol_lengths"].tolist() == [3, 1, 3]
    assert batch.targets["symbol_lengths"].tolist() == [4, 2, 4]


def test_too_few_frames_and_silence_are_no_error() -> None:
    """Seven tokens in three frames teach frames nothing; an empty text teaches blanks."""
    batch = batch_of(([5, 6, 7, 5, 6, 7, 5, 2], [2]))
    log_probs_BTV = torch.zeros(2, 3, VOCABULARY).log_softmax(dim=2)
    emissions = Emissions(log_probs_BTV, torch.tensor([3, 3]))
    found = TokenLoss()(output_of(batch, auxiliary=emissions), batch)["ctc"].item()
    assert found == pytest.approx(3 * math.log(VOCABULARY) / 2)


def test_it_is_reckoned_in_float32() -> None:
    batch = batch_of()
    output = output_of(batch)
    assert output.logits_BLV is not None
    half = replace(output, logits_BLV=output.logits_BLV.bfloat16())
    assert TokenLoss()(half, batch)["token"].dtype == torch.float32
    assert TokenLoss()(half, batch)["token"].item() == pytest.approx(by_hand(half.logits_BLV.float(), ROWS), rel=1e-5)  # type: ignore[union-attr]


@pytest.mark.parametrize("smoothing", [-0.1, 1.0, 2.0])
def test_more_than_a_part_cannot_be_spread(smoothing: float) -> None:
    with pytest.raises(InputError, match=r"loss.smoothing=.*: give a part of a target, from 0 to below 1"):
        TokenLoss(smoothing)


def test_its_terms_are_those_that_its_weightings_weigh() -> None:
    batch = batch_of()
    emissions = Emissions(torch.zeros(4, 9, VOCABULARY).log_softmax(dim=2), batch.lengths_B)
    for name, auxiliary in (("token", None), ("token_ctc", emissions)):
        terms = TokenLoss()(output_of(batch, auxiliary=auxiliary), batch)
        weighting = make(compose("train", [f"weighting={name}"])["weighting"], "weighting")
        total, weighted = weighting(terms)
        assert weighted.keys() == terms.keys()
        assert total.item() == pytest.approx(sum(value.item() for value in weighted.values()))
