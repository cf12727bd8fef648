"""The best single span of a window: the stretch of frames whose log odds above the threshold have the largest sum."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from project.contract import Hypothesis, InputError, SpanOutput
from project.decode.span_answer import Inside, check_lengths, check_threshold, one_each, read_inside, write_answers
from project.decode.span_search import best_spans
from project.text.alphabet import Alphabet

NEAREST = 1e-6  # a threshold nearer to 0 or 1 counts as that far from it: its log odds would be infinite


class SingleSpan:
    """Says at most one span a window: where the sum of logit(p) - logit(threshold) over its frames is the largest.

    A frame below the threshold costs as much as it is below, so that a weak frame between strong ones is bridged and a
    weak end is cut off. Where the largest sum is less than `least` it says none; with null it always says one. With a
    `pointer_weight` the sum has that many times the log of how much likelier than chance (one in the window's frames)
    the start and end heads find its first and its last frame. Its kind is as in Spans.
    """

    settings: Mapping[str, Any]

    def __init__(
        self,
        alphabet: Alphabet,
        threshold: float | None = None,
        min_length: int = 1,
        max_length: int | None = None,
        least: float | None = 0.0,
        pointer_weight: float = 0.0,
    ) -> None:
        check_threshold(threshold)
        check_lengths(min_length, max_length)
        if pointer_weight < 0:
            raise InputError(f"decode.pointer_weight: {pointer_weight} turns the pointers around: give 0 or more")
        self._alphabet = alphabet
        self._threshold = threshold
        self._min_length, self._max_length = min_length, max_length
        self._least = -inf if least is None else least
        self._pointer_weight = pointer_weight
        self.settings = {
            "decode": "single_span@1", "threshold": threshold, "min_length": min_length, "max_length": max_length,
            "least": least, "pointer_weight": pointer_weight,
        }  # fmt: skip

    def __call__(self, output: SpanOutput) -> list[Hypothesis]:
        inside = read_inside(output, self._threshold)
        starts_BT, lasts_BT = self._values(inside, output)
        starts_B, ends_B, sums_B = best_spans(starts_BT, lasts_BT, self._min_length, self._max_length)
        places = one_each((sums_B >= self._least) & (sums_B > -inf), starts_B, ends_B)
        return write_answers(output, inside, places, self._alphabet)

    def _values(self, inside: Inside, output: SpanOutput) -> tuple[Tensor, Tensor]:
        """Of each frame, what a span gains that starts there, and one that has it last: their sum is the span's."""
        level = torch.logit(torch.tensor(inside.threshold, dtype=torch.float64), eps=NEAREST)
        sums_BT = (inside.log_odds_BT - level).cumsum(dim=1)
        starts_BT = -pad(sums_BT, (1, 0))[:, :-1]
        lasts_BT = sums_BT.masked_fill(~inside.true_BT, -inf)
        if not self._pointer_weight:
            return starts_BT, lasts_BT
        if output.starts_BT is None or output.ends_BT is None:
            raise InputError("decode.pointer_weight: this model does not point to each frame: give 0")
        chance_B1 = inside.lengths_B.clamp(min=1).log()[:, None]
        first_BT, last_BT = (pointer_log_probs(part, inside) + chance_B1 for part in (output.starts_BT, output.ends_BT))
        return starts_BT + self._pointer_weight * first_BT, lasts_BT + self._pointer_weight * last_BT


def pointer_log_probs(logits_BT: Tensor, inside: Inside) -> Tensor:
    """Log-probabilities over the true frames of each window; minus infinity beyond."""
    logits_BT = logits_BT.detach().float().cpu().double().masked_fill(~inside.true_BT, -inf)
    return logits_BT.log_softmax(dim=1).masked_fill(~inside.true_BT, -inf)  # a window without frames has NaN
