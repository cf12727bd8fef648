"""The loss falls and nothing that is written gets better: labels as they were made, and ours, on one small task.

The doubles stand for what was done with transformers up to 5.12: labels that begin with the mark of the start and lack
the end, and a loss that compared each token with the one after the one that it should be.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import jiwer
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from project.contract import Batch, TokenOutput
from project.decode.generate import Generate
from project.loss.token import IGNORED, TokenLoss, wanted

pytestmark = pytest.mark.long

START, END = 1, 2
STEPS, ENOUGH = 90, 0.01
Loss = Callable[[TokenOutput, Batch], Tensor]
Row = tuple[int, float, float, float]  # steps, first loss, last loss, WER


def relabelled(batch: Batch, starts: bool, ends: bool) -> Batch:
    """Tokens with the mark of the start in front, or without the mark of the end; the decoder is shown the same."""
    rows = []
    for row, size in zip(batch.targets["symbols"].tolist(), batch.targets["symbol_lengths"].tolist(), strict=True):
        rows.append(torch.tensor([*([START] if starts else []), *row[: size - 1], *([END] if ends else [])]))
    symbols_BL = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
    return replace(batch, targets={"symbols": symbols_BL, "symbol_lengths": torch.tensor([len(row) for row in rows])})


def once(output: TokenOutput, batch: Batch) -> Tensor:
    """Ours."""
    return TokenLoss()(output, batch)["token"]


def twice(output: TokenOutput, batch: Batch) -> Tensor:
    """The decoder is shown labels one place later, and then each place is compared with the label of the next."""
    assert output.logits_BLV is not None
    labels_BL = functional.pad(wanted(batch), (0, 1), value=IGNORED)[:, 1:]
    return functional.cross_entropy(output.logits_BLV.transpose(1, 2), labels_BL, ignore_index=IGNORED)


WAYS: Mapping[str, tuple[bool, bool, Loss]] = {  # whether labels start, whether they end, and how they are compared
    "as it should be": (False, True, once),
    "<s> in front": (True, True, once),
    "no end": (False, False, once),
    "shifted twice": (False, True, twice),
    "<s> in front, no end": (True, False, once),
    "all three": (True, False, twice),
}


@pytest.fixture(scope="module")
def table(tones: Any) -> dict[str, Row]:
    """Each way on one batch, with the same weights first: what the loss comes to, and what is then written."""
    found, batch = {}, tones.batch(tones.texts(6, seed=4))
    for way, (starts, ends, loss) in WAYS.items():
        model, taught = tones.model(padding="exact"), relabelled(batch, starts, ends)
        values = tones.teach(model, taught, loss, STEPS, ENOUGH)
        with torch.no_grad():
            hypotheses = Generate(tones.vocabulary, tokens_per_second=40)(model(replace(batch, targets={})))
        texts = [one.text for one in hypotheses]
        found[way] = len(values), values[0], values[-1], float(jiwer.wer(list(batch.references), texts))
    print(f"\n{'labels':24}{'steps':>6}{'first loss':>12}{'last loss':>12}{'WER':>8}")
    for way, (steps, first, last, errors) in found.items():
        print(f"{way:24}{steps:6}{first:12.2f}{last:12.3f}{errors:8.1%}")
    return found


@pytest.mark.parametrize("way", WAYS)
def test_every_loss_falls(table: Mapping[str, Row], way: str) -> None:
    """So nothing is to be seen by it."""
    _, first, last, _ = table[way]
    assert last < 0.1 * first


def test_ours_writes_what_was_said(table: Mapping[str, Row]) -> None:
    assert table["as it should be"][3] == 0


@pytest.mark.parametrize("way", ["<s> in front", "<s> in front, no end", "all three"])
def test_a_second_mark_in_front_can_never_be_learned(tones: Any, table: Mapping[str, Row], way: str) -> None:
    """A decoder that knows places by their distance alone says the same after one `<s>` as after two.

    Two different labels are wanted there, so each gets half of the probability at best: a floor under the loss, and a
    toss of a coin where writing begins.
    """
    starts, ends, loss = WAYS[way]
    batch = relabelled(tones.batch(tones.texts(6, seed=4)), starts, ends)
    labels = int(batch.targets["symbol_lengths"].sum()) - (len(batch) if loss is twice else 0)
    assert table[way][2] > 0.9 * 2 * len(batch) * math.log(2) / labels
    with torch.no_grad():
        output = tones.model(padding="exact").eval()(batch)
    assert output.logits_BLV is not None
    torch.testing.assert_close(output.logits_BLV[:, 0], output.logits_BLV[:, 1])


@pytest.mark.parametrize("way", ["no end", "<s> in front, no end"])
def test_what_never_learned_to_end_goes_on(table: Mapping[str, Row], way: str) -> None:
    assert table[way][3] > 0.3


@pytest.mark.parametrize("way", ["shifted twice", "all three"])
def test_what_learned_to_leave_tokens_out_writes_nonsense(table: Mapping[str, Row], way: str) -> None:
    assert table[way][3] > 0.5
