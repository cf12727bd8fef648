"""Learning what is written token by token: each next one, given the right ones before it.

It shifts nothing: an output's logits stand where its targets stand.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional

from project.contract import Batch, InputError, Terms, TokenOutput
from project.loss.ctc import CTC

IGNORED = -100  # what torch leaves out of a cross-entropy


class TokenLoss:
    """The term `token`: minus the log-probability of a token, the mean over all tokens of the batch, ends included.

    `smoothing` takes that part of each target and spreads it over all tokens. A model with a second head on its frames
    has the term `ctc` as well: the same tokens, their ends aside, wherever they lie in time. Reckoned in float32.
    """

    hears_auxiliary = True

    def __init__(self, smoothing: float = 0.0) -> None:
        if not 0 <= smoothing < 1:
            raise InputError(f"loss.smoothing={smoothing}: give a part of a target, from 0 to below 1")
        self._smoothing = smoothing
        self._ctc = CTC(zero_infinity=True)

    def __call__(self, output: TokenOutput, batch: Batch) -> Terms:
        assert output.logits_BLV is not None, "a model that learns is shown what it should write"
        smoothing = self._smoothing if torch.is_grad_enabled() else 0.0
        wanted_BL = wanted(batch)
        logits_BVL = output.logits_BLV.float().transpose(1, 2)
        terms = {"token": functional.cross_entropy(logits_BVL, wanted_BL, label_smoothing=smoothing)}
        if output.auxiliary is None:
            return terms
        return terms | self._ctc(output.auxiliary, without_ends(batch))


def wanted(batch: Batch) -> Tensor:
    """(B, L) The tokens and the end of each example; behind it, what no loss counts."""
    symbols_BL, lengths_B = batch.targets["symbols"], batch.targets["symbol_lengths"]
    places_L = torch.arange(symbols_BL.shape[1], device=symbols_BL.device)
    return symbols_BL.masked_fill(places_L >= lengths_B[:, None], IGNORED)


def without_ends(batch: Batch) -> Batch:
    """The batch whose last tokens are left out: frames say what is heard, and an end is not."""
    lengths_B = batch.targets["symbol_lengths"] - 1
    return replace(batch, targets={**batch.targets, "symbol_lengths": lengths_B})
