"""The span that a model points to: its likeliest pair of a first and a last frame, or the numbers it gives for them."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import Any

import torch
from torch import Tensor

from project.contract import Hypothesis, InputError, SpanOutput
from project.decode.span_answer import Inside, check_lengths, check_threshold, one_each, read_inside, write_answers
from project.decode.span_search import best_spans
from project.decode.span_single import pointer_log_probs
from project.text.alphabet import Alphabet


class PointedSpan:
    """Says one span a window: the likeliest pair of start and end of an allowed length, by both heads' probabilities.

    A model that gives start and length as numbers instead is taken at its word, rounded to frames, the length first
    brought within what is allowed and the start then into the window. With `ask_kind` it says none where the kind head
    finds none likeliest; otherwise, and without such a head, it always says one. It does not look at the probability of
    lying inside, which only confidences, score and track come from. The threshold serves the track alone.
    """

    settings: Mapping[str, Any]

    def __init__(
        self,
        alphabet: Alphabet,
        threshold: float | None = None,
        min_length: int = 1,
        max_length: int | None = None,
        ask_kind: bool = True,
    ) -> None:
        check_threshold(threshold)
        check_lengths(min_length, max_length)
        self._alphabet = alphabet
        self._threshold = threshold
        self._min_length, self._max_length = min_length, max_length
        self._ask_kind = ask_kind
        self.settings = {
            "decode": "pointers@1", "threshold": threshold, "min_length": min_length, "max_length": max_length,
            "ask_kind": ask_kind,
        }  # fmt: skip

    def __call__(self, output: SpanOutput) -> list[Hypothesis]:
        inside = read_inside(output, self._threshold)
        starts_B, ends_B, is_said_B = self._places(output, inside)
        if self._ask_kind and output.kinds_BV is not None:
            is_said_B &= (output.kinds_BV.detach().argmax(dim=1) != self._alphabet.blank).cpu()
        return write_answers(output, inside, one_each(is_said_B, starts_B, ends_B), self._alphabet)

    def _places(self, output: SpanOutput, inside: Inside) -> tuple[Tensor, Tensor, Tensor]:
        """Starts, ends and whether there can be one (B,)."""
        if output.starts_BT is not None and output.ends_BT is not None:
            first_BT, last_BT = (pointer_log_probs(part, inside) for part in (output.starts_BT, output.ends_BT))
            starts_B, ends_B, values_B = best_spans(first_BT, last_BT, self._min_length, self._max_length)
            return starts_B, ends_B, values_B > -inf
        if output.pointers_BP is None:
            raise InputError("decode: this model has no pointers: choose decode=spans or decode=single_span")
        frames_B = inside.lengths_B
        numbers_BP = output.pointers_BP.detach().float().cpu() * frames_B[:, None]
        starts_B, lengths_B = (part.round().long() for part in numbers_BP.unbind(dim=1))
        most_B = frames_B if self._max_length is None else frames_B.clamp(max=self._max_length)
        lengths_B = torch.minimum(lengths_B.clamp(min=self._min_length), most_B)
        starts_B = torch.minimum(starts_B.clamp(min=0), frames_B - lengths_B)
        return starts_B, starts_B + lengths_B, frames_B >= self._min_length
