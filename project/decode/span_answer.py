"""What decoders of spans share: the true frames of an output, its threshold, and spans written as Hypotheses.

Shapes: B examples, T frames, V kinds (0 is none), N spans of all examples.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import logsigmoid

from project.contract import Hypothesis, InputError, SpanOutput, Track
from project.padding import inside
from project.text.alphabet import Alphabet
from project.text.span_notation import SpanMark, write_spans


@dataclass(frozen=True, slots=True)
class Inside:
    """What a model says of lying inside a span, on the CPU in double precision; beyond a length it says 0."""

    log_odds_BT: Tensor
    probabilities_BT: Tensor
    true_BT: Tensor  # which frames are no padding
    lengths_B: Tensor
    threshold: float


class Places(NamedTuple):
    """Where the spans [start, end) of all examples lie, in order of rows and starts."""

    rows_N: NDArray[np.int64]
    starts_N: NDArray[np.int64]
    ends_N: NDArray[np.int64]


def read_inside(output: SpanOutput, threshold: float | None) -> Inside:
    """The true frames of an output, and the threshold: a decoder's own, or else the one stored with the weights."""
    lengths_B = output.lengths_B.cpu()
    log_odds_BT = output.inside_BT.detach().float().cpu().double()
    true_BT = inside(lengths_B, log_odds_BT.shape[1])
    log_odds_BT = log_odds_BT.masked_fill(~true_BT, 0)
    probabilities_BT = log_odds_BT.sigmoid().masked_fill(~true_BT, 0)
    level = output.threshold if threshold is None else threshold
    return Inside(log_odds_BT, probabilities_BT, true_BT, lengths_B, level)


def check_threshold(threshold: float | None) -> None:
    if threshold is not None and not 0 <= threshold <= 1:
        raise InputError(f"decode.threshold: {threshold} is no probability: give 0 to 1, or null for the model's own")


def check_lengths(min_length: int, max_length: int | None) -> None:
    if min_length < 1:
        raise InputError(f"decode.min_length: {min_length} is no length: give 1 or more")
    if max_length is not None and max_length < min_length:
        raise InputError(f"decode.max_length: {max_length} is less than min_length={min_length}: give more, or null")


def one_each(is_said_B: Tensor, starts_B: Tensor, ends_B: Tensor) -> Places:
    """The one span of each example of which one is said."""
    (rows_N,) = torch.nonzero(is_said_B, as_tuple=True)
    return Places(rows_N.numpy(), starts_B[rows_N].numpy(), ends_B[rows_N].numpy())


def write_answers(output: SpanOutput, inside: Inside, places: Places, alphabet: Alphabet) -> list[Hypothesis]:
    """A Hypothesis an example from the spans of all of them.

    A span's confidence is the mean probability of its frames. The score is the log-probability that just the frames of
    these spans lie inside, each frame on its own: all of them outside, plus the log odds of those that are said.
    """
    num_examples, (rows_N, starts_N, ends_N) = len(inside.lengths_B), places
    sums_BT = _sums_before(inside.probabilities_BT)
    sure = ((sums_BT[rows_N, ends_N] - sums_BT[rows_N, starts_N]) / (ends_N - starts_N)).clip(0, 1).tolist()
    odds_BT = _sums_before(inside.log_odds_BT)
    gains_N = odds_BT[rows_N, ends_N] - odds_BT[rows_N, starts_N]
    silent_B = logsigmoid(-inside.log_odds_BT).masked_fill(~inside.true_BT, 0).sum(dim=1).numpy()
    scores = (silent_B + np.bincount(rows_N, gains_N, num_examples)).clip(max=0).tolist()
    kinds, probabilities = _kinds(output, alphabet), inside.probabilities_BT.tolist()
    spans = list(zip(starts_N.tolist(), ends_N.tolist(), strict=True))
    cuts = np.searchsorted(rows_N, np.arange(num_examples + 1)).tolist()
    found = []
    for row, length in enumerate(inside.lengths_B.tolist()):
        part = slice(cuts[row], cuts[row + 1])
        name = alphabet.symbols[kinds[row] - 1]
        text = write_spans(SpanMark(name, start, end) for start, end in spans[part])
        tokens = (kinds[row],) * len(spans[part])
        track = Track(tuple(probabilities[row][:length]), inside.threshold)
        answer = Hypothesis(tokens, text, scores[row], tuple(spans[part]), tuple(sure[part]), track=track)
        found.append(answer)
    return found


def _kinds(output: SpanOutput, alphabet: Alphabet) -> list[int]:
    """The likeliest kind of each example, none left aside; the alphabet's first where no head tells."""
    if output.kinds_BV is None:
        return [1] * len(output.lengths_B)
    assert output.kinds_BV.shape[1] == len(alphabet), "the kind head is as wide as the alphabet"
    found: list[int] = (output.kinds_BV.detach()[:, 1:].argmax(dim=1) + 1).tolist()
    return found


def _sums_before(values_BT: Tensor) -> NDArray[np.float64]:
    """(B, T + 1): the sum of all values before each frame."""
    return np.pad(values_BT.numpy(), ((0, 0), (1, 0))).cumsum(axis=1)
