"""Where two recognizers hear the same symbols: whether they peak in the same frames, and how far apart.

CTC nets that were trained apart learn to peak at different moments of one symbol. It does not say which is right.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from project.decode.greedy import runs
from project.evaluation.emission_store import LogProbs
from project.metric.edit import align
from project.text.alphabet import Alphabet


@dataclass(frozen=True, slots=True)
class Peak:
    """A symbol as a greedy path has it: from when to when, and where it is likeliest, as parts of the example."""

    token: int
    start: float
    end: float
    middle: float


@dataclass(frozen=True, slots=True)
class Spikes:
    """Symbols that both recognize, over all examples."""

    shared: int
    disjoint: int  # of these, those whose frames do not overlap
    offset_ms: float  # how far the peaks lie apart, in the mean
    later_ms: float  # by how much the second's peaks come later, in the mean
    blank: tuple[float, float]  # the part of each one's frames in which blank is likeliest

    @property
    def disjoint_share(self) -> float:
        return self.disjoint / self.shared if self.shared else 0.0


def spikes(first: Mapping[str, LogProbs], second: Mapping[str, LogProbs], seconds: Mapping[str, float]) -> Spikes:
    """What two recognizers have in common, from their emissions by id and how long each example is."""
    disjoint, offsets = 0, list[float]()
    for name, length in seconds.items():
        for mine, theirs in shared(peaks(first[name]), peaks(second[name])):
            disjoint += mine.end <= theirs.start or theirs.end <= mine.start
            offsets.append(1000 * length * (theirs.middle - mine.middle))
    said = np.array(offsets) if offsets else np.zeros(1)
    blanks = [blank_share([one[name] for name in seconds]) for one in (first, second)]
    return Spikes(len(offsets), disjoint, float(np.abs(said).mean()), float(said.mean()), (blanks[0], blanks[1]))


def peaks(log_probs_TV: LogProbs) -> list[Peak]:
    """The symbols of the likeliest path.

    >>> said = np.log(np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.9, 0.1]], np.float32))
    >>> peaks(said)
    [Peak(token=1, start=0.25, end=0.75, middle=0.625)]
    """
    frames = len(log_probs_TV)
    path_T = log_probs_TV.argmax(axis=1)
    _, starts, ends, tokens = runs(path_T[None], Alphabet.blank)
    return [
        Peak(token, start / frames, end / frames, (start + int(log_probs_TV[start:end, token].argmax()) + 0.5) / frames)
        for start, end, token in zip(starts.tolist(), ends.tolist(), tokens.tolist(), strict=True)
    ]


def shared(first: Sequence[Peak], second: Sequence[Peak]) -> list[tuple[Peak, Peak]]:
    """Peaks of the same symbol at the same place of both answers."""
    pairs, n, m = [], 0, 0
    for kind, *_ in align(reference=[one.token for one in first], hypothesis=[one.token for one in second]):
        if kind == "equal":
            pairs.append((first[n], second[m]))
        n += kind != "insert"
        m += kind != "delete"
    return pairs


def blank_share(said: Sequence[LogProbs]) -> float:
    """The part of all frames in which blank is likeliest."""
    return float(np.concatenate([one.argmax(axis=1) == Alphabet.blank for one in said]).mean())
