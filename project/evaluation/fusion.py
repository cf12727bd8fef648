"""Two recognizers as one, from what both said of each frame: mixed frame by frame, or in choosing among whole answers.

`alpha` is the second one's part: 0 is the first alone, 1 the second alone. Log-probabilities are mixed, never logits,
whose scale says nothing. It does not know which alpha is best, nor what was right.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, Protocol

import numpy as np
import torch
from scipy.special import logsumexp, softmax
from torch.nn.functional import ctc_loss
from torch.nn.utils.rnn import pad_sequence

from project.contract import Emissions, Hypothesis
from project.decode.beam import Beam
from project.decode.greedy import Greedy
from project.evaluation.emission_store import LogProbs
from project.evaluation.interval import Array
from project.metric.edit import distance
from project.text.alphabet import Alphabet

AT_ONCE = 256  # examples that are decoded together
CELLS_AT_ONCE = 4_000_000  # of emissions, repeated for each candidate that is scored

Rule = Literal["best", "mbr"]
Examples = Mapping[str, LogProbs]
Tokens = tuple[int, ...]


class Level(Protocol):
    """Where two recognizers become one."""

    name: str

    def __call__(self, alpha: float) -> list[Hypothesis]:
        """The answers to all examples, in their order."""


class FrameLevel:
    """A weighted mean of both log-probabilities in each frame, made a distribution again, decoded greedily.

    The slower one's frames are repeated until both have as many: no peak is lost by it. CTC nets that were trained
    apart peak in different frames, and where one peaks the other one says blank, so blank may win everywhere.
    """

    name = "frame"

    def __init__(self, first: Examples, second: Examples, alphabet: Alphabet) -> None:
        self._pairs = [matched(first[name], second[name]) for name in first]
        self._greedy = Greedy(alphabet)

    def __call__(self, alpha: float) -> list[Hypothesis]:
        return answers([mixed(*pair, alpha) for pair in self._pairs], self._greedy)

    def blank_share(self, alpha: float) -> float:
        """The part of all frames in which blank is likeliest."""
        said = [mixed(*pair, alpha).argmax(axis=1) == Alphabet.blank for pair in self._pairs]
        return float(np.concatenate(said).mean())


class SequenceLevel:
    """Whole answers of both, each scored by both: the mean of log p(answer), over all ways to place it in time.

    No frame of one is set against a frame of the other. `rule` says which candidate is taken: the likeliest, or "mbr",
    the one that is expected to have the fewest errors if the candidates are as likely as they score.
    """

    name = "sequence"

    def __init__(
        self, first: Examples, second: Examples, alphabet: Alphabet, size: int = 10, rule: Rule = "best"
    ) -> None:
        self._rule, self._alphabet = rule, alphabet
        members = [list(first.values()), [second[name] for name in first]]
        found = [proposals(said, alphabet, size) for said in members]
        self.candidates = [list(dict.fromkeys(mine + theirs)) for mine, theirs in zip(*found, strict=True)]
        scores = [sequence_log_probs(said, self.candidates) for said in members]
        self.scores = [np.stack(pair) for pair in zip(*scores, strict=True)]  # (2, candidates) of each example
        self._risks = [gaps(one) for one in self.candidates] if rule == "mbr" else []

    def __call__(self, alpha: float) -> list[Hypothesis]:
        found = []
        for n, (candidates, scores_2C) in enumerate(zip(self.candidates, self.scores, strict=True)):
            scores_C = weighed(scores_2C, alpha)
            if self._rule == "mbr":
                place = int(np.argmin(self._risks[n] @ softmax(scores_C)))
            else:
                place = int(np.argmax(scores_C))
            tokens = candidates[place]
            found.append(Hypothesis(tokens, self._alphabet.decode(tokens), float(scores_C[place])))
        return found


def matched(first_TV: LogProbs, second_TV: LogProbs) -> tuple[LogProbs, LogProbs]:
    """Both with as many frames as the one that has more; each frame of the other stands where its time is.

    >>> [len(one) for one in matched(np.zeros((4, 2), np.float32), np.zeros((6, 2), np.float32))]
    [6, 6]
    """
    frames = max(len(first_TV), len(second_TV))
    return repeated(first_TV, frames), repeated(second_TV, frames)


def repeated(said_TV: LogProbs, frames: int) -> LogProbs:
    """The frame that holds the middle of each of so many equal parts of the same time."""
    if len(said_TV) == frames or not len(said_TV):
        return said_TV
    return said_TV[(2 * np.arange(frames) + 1) * len(said_TV) // (2 * frames)]


def mixed(first_TV: LogProbs, second_TV: LogProbs, alpha: float) -> LogProbs:
    """The weighted mean of log-probabilities, as log-probabilities."""
    if not 0 < alpha < 1:
        return second_TV if alpha else first_TV
    mean_TV = (1 - alpha) * first_TV + alpha * second_TV
    mean_TV -= logsumexp(mean_TV, axis=1, keepdims=True)
    return mean_TV.astype(np.float32)


def weighed(scores_2C: Array, alpha: float) -> Array:
    """The weighted mean of two rows; one without weight says nothing, not even that something is impossible."""
    if not 0 < alpha < 1:
        alone_C: Array = scores_2C[int(alpha)]
        return alone_C
    mean_C: Array = (1 - alpha) * scores_2C[0] + alpha * scores_2C[1]
    return mean_C


def answers(said: Sequence[LogProbs], decoder: Greedy | Beam) -> list[Hypothesis]:
    """What a decoder makes of emissions of many lengths."""
    return [answer for part in _batches(said) for answer in decoder(part)]


def proposals(said: Sequence[LogProbs], alphabet: Alphabet, size: int) -> list[list[Tokens]]:
    """Answers worth a look: the greedy one, and the likeliest that a beam of that size ends with."""
    plain = answers(said, Greedy(alphabet))
    searched = answers(said, Beam(alphabet, size=size, nbest=size)) if size > 1 else plain
    return [
        [first.tokens, best.tokens, *(other.tokens for other in best.alternatives)]
        for first, best in zip(plain, searched, strict=True)
    ]


def sequence_log_probs(said: Sequence[LogProbs], candidates: Sequence[Sequence[Tokens]]) -> list[Array]:
    """log p(tokens) of each candidate of each example, summed over all ways to place them in its frames."""
    found: list[Array] = []
    for log_probs_TV, options in zip(said, candidates, strict=True):
        frames, symbols = log_probs_TV.shape
        limit = max(1, CELLS_AT_ONCE // (frames * symbols)) if frames else len(options)
        parts = [_log_probs(log_probs_TV, options[n : n + limit]) for n in range(0, len(options), limit)]
        found.append(np.concatenate(parts))
    return found


def gaps(candidates: Sequence[Tokens]) -> Array:
    """(C, C) how many errors one answer has if another one is right."""
    size = len(candidates)
    gaps_CC = np.zeros((size, size))
    for n, one in enumerate(candidates):
        for m in range(n):
            gaps_CC[n, m] = gaps_CC[m, n] = distance(reference=candidates[m], hypothesis=one)
    return gaps_CC


def _log_probs(log_probs_TV: LogProbs, candidates: Sequence[Tokens]) -> Array:
    size, frames = len(candidates), len(log_probs_TV)
    lengths_C = torch.tensor([len(tokens) for tokens in candidates])
    if not frames:
        return np.where(lengths_C.numpy() == 0, 0.0, -np.inf)
    targets_CL = torch.zeros(size, max(1, int(lengths_C.max())), dtype=torch.int64)
    for row, tokens in enumerate(candidates):
        targets_CL[row, : len(tokens)] = torch.tensor(tokens)
    said_TCV = torch.from_numpy(log_probs_TV).double()[:, None].expand(-1, size, -1)
    losses_C = ctc_loss(said_TCV, targets_CL, torch.full((size,), frames), lengths_C, reduction="none")
    negative: Array = -losses_C.numpy()
    return negative


def _batches(said: Sequence[LogProbs]) -> Iterator[Emissions]:
    for start in range(0, len(said), AT_ONCE):
        part = [torch.from_numpy(one) for one in said[start : start + AT_ONCE]]
        lengths_B = torch.tensor([len(one) for one in part])
        yield Emissions(pad_sequence(part, batch_first=True), lengths_B)
