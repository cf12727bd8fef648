"""Writes down what an encoder of the transformers library heard: its decoder, run token by token by the library.

It knows nothing of sound or text: encoded frames go in, numbers of tokens come out.
"""

from __future__ import annotations

from typing import Any, final

import torch
from torch import Tensor, nn

from project.part import Written

# B examples, R rows (an example's beams one after the other), L tokens, V their number


@final
class TokenWriter:
    """A batch that was heard, and the network that writes of it. `encoded` is the encoder's output with its mask."""

    def __init__(self, network: nn.Module, encoded: Any, start: int, end: int) -> None:
        self._network, self._encoded = network, encoded
        self._start, self._end = start, end

    @torch.no_grad()
    def write(self, limits_B: Tensor, beams: int = 1, no_repeat: int = 0, length_penalty: float = 1.0) -> list[Written]:
        """Greedy, or with several beams, and each example up to its own limit, whoever shares the batch."""
        from transformers import GenerationConfig, StoppingCriteriaList

        limits_B = limits_B.to(self._encoded.last_hidden_state.device)
        settings = GenerationConfig(  # type: ignore[no-untyped-call]
            max_new_tokens=int(limits_B.max()),
            do_sample=False,
            num_beams=beams,
            no_repeat_ngram_size=no_repeat or None,
            length_penalty=length_penalty,
            decoder_start_token_id=self._start,
            bos_token_id=self._start,
            eos_token_id=self._end,
            pad_token_id=0,
        )
        training = [part for part in self._network.modules() if part.training]  # others may rest while it learns
        network: Any = self._network.eval()
        rows_BL = network.generate(
            encoder_outputs=type(self._encoded)(**self._encoded),  # for beams the library widens what it is given
            generation_config=settings,
            stopping_criteria=StoppingCriteriaList([_AtLimit(limits_B)]),
        )
        tokens = [
            until_end(row[1:].tolist(), self._end, limit) for row, limit in zip(rows_BL, limits_B.tolist(), strict=True)
        ]
        written = self._sure(tokens)
        for part in training:
            part.training = True
        return written

    def _sure(self, tokens: list[list[int]]) -> list[Written]:
        """How likely each token is after those before it: one pass over all of them, whichever way they were found."""
        rows = [[self._start, *row] for row in tokens]
        given_BL = torch.nn.utils.rnn.pad_sequence([torch.tensor(row) for row in rows], batch_first=True)
        given_BL = given_BL.to(self._encoded.last_hidden_state.device)
        logits_BLV = self._network(encoder_outputs=self._encoded, decoder_input_ids=given_BL, use_cache=False).logits
        next_BL = torch.full_like(given_BL, self._end)
        next_BL[:, :-1] = given_BL[:, 1:]
        for place, row in enumerate(tokens):
            next_BL[place, len(row) :] = self._end
        found_BL = logits_BLV.float().log_softmax(dim=2).gather(2, next_BL[..., None])[..., 0].double().cpu()
        return [
            Written(tuple(row), tuple(found_L[: len(row) + 1].tolist()))
            for row, found_L in zip(tokens, found_BL, strict=True)
        ]


class _AtLimit:
    """Which rows have as many tokens as their example may have; the start is none of them."""

    def __init__(self, limits_B: Tensor) -> None:
        self._limits_B = limits_B

    def __call__(self, rows_RL: Tensor, scores: Any, **_: Any) -> Tensor:
        limits_R = self._limits_B.repeat_interleave(len(rows_RL) // len(self._limits_B))
        return rows_RL.shape[1] - 1 >= limits_R


def until_end(row: list[int], end: int, limit: int) -> list[int]:
    """What stands before the end, and not more than that.

    >>> until_end([5, 6, 2, 2], 2, 9), until_end([5, 6, 7], 2, 2)
    ([5, 6], [5, 6])
    """
    row = row[:limit]
    return row[: row.index(end)] if end in row else row
