"""Reads Morse without having learned it: the likeliest sequence of dits, dahs and gaps, and the code table.

A hidden semi-Markov model, the yardstick for what learning is worth. A frame says how likely the key is down, a run of
frames with the key up or down how well its length suits the 1/3/7 prior; of all ways to cut an example into marks and
gaps the one is taken that is best in both. It has no parameter to train: levels, unit and stretch of the gaps are found
for each example, and so is the weight of the key.

It does not know letters while it looks for marks, nor which text is likely, and it takes speed for steady.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from project.contract import Batch, Emissions, InputError
from project.feature.timing import TimingPrior, inner_runs, runs, states_of
from project.text.alphabet import Alphabet
from project.text.morse import CODE

# B examples, T frames, F features, V symbols, D lengths in frames, K classes of length, R runs

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
States = NDArray[np.bool_]
Written = list[tuple[int, int]]  # frames, and the ids of the symbols that are written there

_LONGEST_MARK = 3.0  # dahs
_LOUD, _FAINT = 0.95, 0.2  # parts of the frames below the levels at which the search for the two levels starts
_LEAST_SPREAD = 0.02  # of levels, which go from 0 to 1
_ROUNDS = 30  # of expectation and maximization
_WEIGHTS = range(-8, 9)  # frames that are tried
_WEIGHT_SPREAD = 0.2  # units: standard deviation of keys' weights
_PASSES = 2  # the rhythm is found in states that know none, then in states that keep it
_SURE = 0.999  # probability of what is written
_OUTLIERS = 0.001  # part of runs without a class when the unit is sought: with more, dits pass for dahs


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How an example is keyed."""

    unit: float  # frames
    stretch: float  # of the gaps between letters and words
    weight: int  # frames that each mark is longer, and each gap shorter, than it should be: keys are light or heavy


@dataclass(frozen=True, slots=True)
class Durations:
    """How well runs of each length, from 1 frame on, suit marks and gaps, and what they are taken for, in units.

    Longer marks than listed do not occur. Longer gaps suit as well as the longest listed: a pause lasts as it likes.
    """

    marks_D: Floats
    gaps_D: Floats
    mark_units_D: Ints
    gap_units_D: Ints


class Hsmm(nn.Module):
    """Exact segmental Viterbi decoding under the timing prior; writes each symbol where its last mark ends.

    Marks whose code no symbol of the alphabet has are cut in two at the longest gap between them, again and again; a
    single mark without a symbol is dropped. A space is written in the middle of its gap.
    """

    def __init__(
        self,
        num_features: int,
        num_symbols: int,
        alphabet: Alphabet,
        *,
        column: int = -2,
        evidence: float = 0.2,
        mark_spread: float = 0.2,
        gap_spread: float = 0.3,
        stretch: Sequence[float] = (0.6, 3.0),
    ) -> None:
        super().__init__()
        if not -num_features <= column < num_features:
            raise InputError(f"model.column is {column}, the feature has {num_features}: count from 0, or from the end")
        assert len(alphabet) == num_symbols
        ids = {symbol: number for number, symbol in enumerate(alphabet.symbols, start=1)}
        self._symbols = {CODE[symbol]: number for symbol, number in ids.items() if symbol in CODE}
        if not self._symbols:
            raise InputError("model hsmm: no symbol of the alphabet has a Morse code: give text=morse or another model")
        self._space = ids.get(" ")
        self._num_symbols = num_symbols
        self._column = column
        self._evidence = evidence
        self._prior = TimingPrior(mark_spread, gap_spread, _OUTLIERS, stretch=stretch)

    def forward(self, batch: Batch) -> Emissions:
        """(B, T, V) log-probabilities: nearly all on what is written at a frame, or on blank."""
        levels_BT = batch.signals_BTF[:, :, self._column].detach().double().cpu().numpy()
        path_BT = torch.zeros(levels_BT.shape, dtype=torch.int64)
        for row, length in enumerate(batch.lengths_B.tolist()):
            for frame, symbol in self.written(levels_BT[row, :length]):
                path_BT[row, frame] = symbol
        others = float(np.log((1 - _SURE) / (self._num_symbols - 1)))
        log_probs_BTV = torch.full((*levels_BT.shape, self._num_symbols), others)
        log_probs_BTV.scatter_(2, path_BT[:, :, None], float(np.log(_SURE)))
        return Emissions(log_probs_BTV.to(batch.signals_BTF.device), batch.lengths_B)

    def num_output_frames(self, num_frames: Tensor) -> Tensor:
        """As many."""
        return num_frames

    def written(self, levels_T: Floats) -> Written:
        """What is read in an example, from the levels of its frames."""
        odds_T = self._evidence * log_odds(levels_T)
        noisy_T = odds_T > 0
        tries = [self._search(odds_T, states_T) for states_T in (noisy_T, self._prior.clean(noisy_T))]
        _, states_T, durations = max(tries, key=lambda found: found[0])
        return self._read(states_T, durations)

    def _search(self, odds_T: Floats, states_T: States) -> tuple[float, States, Durations]:
        """The best states under the rhythm of some first ones, then under their own, and how likely they are."""
        for _ in range(_PASSES):
            durations = durations_of(self._prior, rhythm_of(self._prior, states_T))
            states_T, score = best_states(odds_T, durations)
        return score, states_T, durations

    def _read(self, states_T: States, durations: Durations) -> Written:
        """The symbols of marks and gaps."""
        lengths_R, marks_R = runs(states_T)
        ends_R = np.cumsum(lengths_R)
        written: Written = []
        marks, lasts, gaps = "", [], []  # of the symbol that is being read: its code, last frames, gaps inside
        for run in np.flatnonzero(inner_runs(marks_R)).tolist():
            length, end = int(lengths_R[run]), int(ends_R[run])
            if marks_R[run]:
                marks += "." if durations.mark_units_D[length - 1] == 1 else "-"
                lasts.append(end - 1)
                continue
            units = durations.gap_units_D[min(length, len(durations.gap_units_D)) - 1]
            if units == 1:
                gaps.append(length)
                continue
            written += self._spell(marks, lasts, gaps)
            marks, lasts, gaps = "", [], []
            if units == 7 and self._space is not None:
                written.append((end - 1 - length // 2, self._space))
        return written + self._spell(marks, lasts, gaps)

    def _spell(self, marks: str, lasts: list[int], gaps: list[int]) -> Written:
        """A symbol by its code, or several where none has it."""
        if marks in self._symbols:
            return [(lasts[-1], self._symbols[marks])]
        if not gaps:
            return []
        cut = 1 + int(np.argmax(gaps))
        before = self._spell(marks[:cut], lasts[:cut], gaps[: cut - 1])
        return before + self._spell(marks[cut:], lasts[cut:], gaps[cut:])


def log_odds(levels_T: Floats) -> Floats:
    """(T,) How much likelier each frame's level is with the key down than up, as a logarithm.

    Levels with the key up and down are two normal distributions of one spread, fitted by expectation and maximization.

    >>> log_odds(np.array([0.1, 0.2, 0.9, 0.8, 0.1, 0.2])).round().tolist()
    [-112.0, -84.0, 112.0, 84.0, -112.0, -84.0]
    """
    if len(levels_T) == 0:
        return levels_T
    low, high = np.quantile(levels_T, [_FAINT, _LOUD])
    spread, share = max(float(levels_T.std()) / 2, _LEAST_SPREAD), 0.5
    for _ in range(_ROUNDS):
        odds_T = (high - low) / spread**2 * (levels_T - (low + high) / 2)
        down_T = 1 / (1 + np.exp(-(odds_T + np.log(share / (1 - share))).clip(-500, 500)))
        share = float(down_T.mean().clip(0.01, 0.99))
        low = ((1 - down_T) * levels_T).sum() / max((1 - down_T).sum(), 1e-9)
        high = (down_T * levels_T).sum() / max(down_T.sum(), 1e-9)
        squares_T = down_T * np.square(levels_T - high) + (1 - down_T) * np.square(levels_T - low)
        spread = max(float(np.sqrt(squares_T.mean())), _LEAST_SPREAD)
    return np.asarray((high - low) / spread**2 * (levels_T - (low + high) / 2))


def rhythm_of(prior: TimingPrior, states_T: States) -> Rhythm:
    """Unit, stretch and weight under which the lengths of marks and gaps are likeliest."""
    lengths_R, marks_R = runs(states_T)
    signs_R = np.where(marks_R, -1, 1)
    best, likeliest = Rhythm(1.0, 1.0, 0), -np.inf
    for weight in _WEIGHTS:
        by_the_book_R = (lengths_R + weight * signs_R).clip(min=1)
        timing = prior.fit(states_of(by_the_book_R, marks_R))
        inner_R = inner_runs(marks_R)
        likelihood = (timing.scores_R - np.log(by_the_book_R))[inner_R].sum()
        likelihood -= 0.5 * (weight / timing.unit / _WEIGHT_SPREAD) ** 2
        if likelihood > likeliest:
            best, likeliest = Rhythm(timing.unit, timing.stretch, weight), likelihood
    return best


def durations_of(prior: TimingPrior, rhythm: Rhythm) -> Durations:
    """The prior's log-probabilities of each length in frames, the likeliest class alone, and that class."""
    unit, stretch, weight = rhythm.unit, rhythm.stretch, rhythm.weight
    longest_mark = max(1, int(np.ceil(3 * unit * _LONGEST_MARK)) + weight)
    longest_gap = max(1, round(7 * unit * stretch) - weight)
    found = []
    for longest, mark in ((longest_mark, True), (longest_gap, False)):
        lengths_D = (np.arange(1, longest + 1) + (-weight if mark else weight)).clip(min=1)
        classes_DK = prior.class_densities(lengths_D, mark, unit, stretch)[:, 1:]  # none is an outlier
        best_D = classes_DK.max(axis=1) - np.log(lengths_D)
        found.append((best_D, np.take((1, 3, 7), classes_DK.argmax(axis=1))))
    (marks_D, mark_units_D), (gaps_D, gap_units_D) = found
    return Durations(marks_D, gaps_D, mark_units_D, gap_units_D)


def best_states(odds_T: Floats, durations: Durations) -> tuple[States, float]:
    """Where the key is down in the likeliest sequence of marks and gaps, and its score over that of silence alone.

    Silence at both ends lasts as it likes. Exact: every sequence of runs is considered, in time proportional to frames
    times lengths.
    """
    count, longest_mark, longest_gap = len(odds_T), len(durations.marks_D), len(durations.gaps_D)
    marks_D, gaps_D = durations.marks_D[::-1].copy(), durations.gaps_D[::-1].copy()  # the longest first
    total = np.concatenate([[0.0], np.cumsum(odds_T)])  # of the frames before each
    after_mark = np.full(count + 1, -np.inf)  # best score of the frames before each, if a mark ends there
    after_gap = -total  # and if a gap does, less `total`; silence from the start scores 0
    mark_start, gap_start = np.zeros(count + 1, dtype=np.int64), np.zeros(count + 1, dtype=np.int64)
    pause, pause_start = -np.inf, 0  # best score before a gap that is longer than all lengths listed
    for end in range(1, count + 1):
        first = max(0, end - longest_mark)
        scores = after_gap[first:end] + marks_D[first - end :]
        mark_start[end] = start = first + int(scores.argmax())
        after_mark[end] = total[end] + scores[start - first]
        first = max(0, end - longest_gap)
        if after_mark[first] > pause and end - first == longest_gap:
            pause, pause_start = after_mark[first], first
        scores = after_mark[first:end] + gaps_D[first - end :]
        start = first + int(scores.argmax())
        best = scores[start - first]
        if pause + gaps_D[0] > best:
            start, best = pause_start, pause + gaps_D[0]
        if best > 0:
            gap_start[end], after_gap[end] = start, best - total[end]
    return _retraced(after_mark, mark_start, gap_start), max(0.0, float(after_mark.max()))


def _retraced(after_mark: Floats, mark_start: Ints, gap_start: Ints) -> States:
    """The states that end in the best last mark, if it is better than none."""
    states_T = np.zeros(len(after_mark) - 1, dtype=np.bool_)
    end = int(after_mark.argmax()) if after_mark.max() > 0 else 0
    while end > 0:
        start = int(mark_start[end])
        states_T[start:end] = True
        end = int(gap_start[start])
    return states_T
