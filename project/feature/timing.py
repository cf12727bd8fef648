"""The rhythm of Morse: which lengths of tones and gaps belong together, and how well a sequence of on and off keeps it.

A dit lasts 1 unit and a dah 3; the gap inside a letter 1, between letters 3, between words 7. Nobody says how long a
unit is, hands are unsteady, and many operators stretch or compress the gaps: so the prior is soft. A length is
log-normal around its nominal one, with the rounding to whole frames allowed for; a small part of all lengths is
anything at all (noise, pauses). The unit and the stretch of the letter and word gaps are found for each example.

It does not know letters, nor what is sent; and it cannot tell T T T from S, as nobody can without a unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from project.contract import InputError

# T frames, R runs, K classes, G units, S stretches, D lengths in frames

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
States = NDArray[np.bool_]

_UNITS = (1, 3, 7)  # a dit or the gap inside a letter; a dah or the gap between letters; the gap between words
_MARK_SHARES = (0.6, 0.4, 0.0)
_GAP_SHARES = (0.62, 0.3, 0.08)
_ROUNDING = 1 / 6  # variance, in frames, of a length whose two ends are rounded to frames
_LONGEST = 512  # frames; longer runs count as this long
_STRETCH_SPREAD = 0.5  # standard deviation of the logarithm of operators' gap stretch
_UNIT_SPREAD = 1.5  # and of the unit, around the middle of what is possible: it decides where nothing else does
_FLIP = 0.1  # probability that noise turns a frame's state over, for choosing how much to smooth
_SHORTEST_KEPT = (1, 2, 3, 4, 6, 9)  # frames: smoothings tried


@dataclass(frozen=True, slots=True)
class Timing:
    """What the prior says of an example: unit, gaps, and the class of each run. Runs alternate and cover all frames."""

    unit: float  # frames
    stretch: float  # of letter and word gaps: 1 is by the book
    lengths_R: Ints  # frames
    marks_R: States  # True for a tone, False for a gap
    posteriors_RK: Floats  # outlier, 1, 3, 7 units
    scores_R: Floats  # log-likelihood of each run's length on a logarithmic scale; 0 for silence before and after all

    @property
    def classes(self) -> Ints:
        """(R,) The likeliest class of each run: 1, 3 or 7 units, 0 for an outlier."""
        return np.asarray(np.take((0, *_UNITS), self.posteriors_RK.argmax(axis=1)), dtype=np.int64)

    @property
    def trust(self) -> Floats:
        """(T,) How surely each frame belongs to a dit, a dah or a gap, 0 to 1."""
        return np.repeat(1 - self.posteriors_RK[:, 0], self.lengths_R)

    @property
    def score(self) -> float:
        """Mean log-likelihood of a run between first and last tone; 0 where there is none."""
        inner_R = inner_runs(self.marks_R)
        return float(self.scores_R[inner_R].mean()) if inner_R.any() else 0.0


class TimingPrior:
    """The soft 1/3/7 prior with its spreads; a table over all units and stretches makes fitting a matter of sums."""

    def __init__(
        self,
        mark_spread: float = 0.2,
        gap_spread: float = 0.3,
        outliers: float = 0.02,
        unit_frames: Sequence[float] = (0.7, 40.0),
        stretch: Sequence[float] = (0.6, 3.0),
    ) -> None:
        if len(unit_frames) != 2 or not 0 < unit_frames[0] <= unit_frames[1]:
            raise InputError(f"timing: unit_frames is {list(unit_frames)}: give [shortest, longest], above 0")
        if len(stretch) != 2 or not 0 < stretch[0] <= stretch[1]:
            raise InputError(f"timing: stretch is {list(stretch)}: give [least, most], above 0")
        self._spreads = (mark_spread, gap_spread)
        self._outliers = outliers
        self.units_G = _grid(unit_frames[0], unit_frames[1], step=0.04)
        self.stretches_S = _grid(stretch[0], stretch[1], step=0.15)
        lengths_D11 = np.arange(1, _LONGEST + 1)[:, None, None]
        self._marks_D1G = self.log_densities(lengths_D11, True, self.units_G)
        self._gaps_DSG = self.log_densities(lengths_D11, False, self.units_G, self.stretches_S[:, None])
        middle = np.sqrt(unit_frames[0] * unit_frames[1])
        unit_G = -0.5 * np.square(np.log(self.units_G / middle) / _UNIT_SPREAD)
        self._beforehand_SG = unit_G - 0.5 * np.square(np.log(self.stretches_S[:, None]) / _STRETCH_SPREAD)

    def class_densities(self, lengths: Ints, mark: bool, unit: Floats | float, stretch: Floats | float = 1.0) -> Floats:
        """(..., K) log of each class's share times its density over the logarithm of the length; shapes broadcast."""
        shares_K, stretched_K = (_MARK_SHARES, (0, 0, 0)) if mark else (_GAP_SHARES, (0, 1, 1))
        lengths1, unit1, stretch1 = (array[..., None] for array in np.broadcast_arrays(lengths, unit, stretch))
        nominal = np.array(_UNITS) * unit1 * stretch1 ** np.array(stretched_K)
        variance = self._spreads[0 if mark else 1] ** 2 + _ROUNDING / nominal**2
        squares = np.square(np.log(lengths1) - np.log(nominal)) / variance
        with np.errstate(divide="ignore"):  # no tone lasts 7 units: the share of none
            log_shares_K = np.log((1 - self._outliers) * np.array(shares_K))
        regular = log_shares_K - 0.5 * (squares + np.log(2 * np.pi * variance))
        outlier = np.full(regular.shape[:-1], np.log(self._outliers / np.log(_LONGEST)))
        return np.concatenate([outlier[..., None], regular], axis=-1)

    def log_densities(self, lengths: Ints, mark: bool, unit: Floats | float, stretch: Floats | float = 1.0) -> Floats:
        """(...) log-density over the logarithm of the length, all classes together."""
        return np.asarray(np.logaddexp.reduce(self.class_densities(lengths, mark, unit, stretch), axis=-1))

    def fit(self, states_T: States) -> Timing:
        """Unit, stretch and classes of the runs of a sequence of states, as they are."""
        lengths_R, marks_R = runs(states_T)
        unit, stretch, _ = self._best(lengths_R, marks_R)
        clipped_R = lengths_R.clip(max=_LONGEST)
        posteriors_RK, scores_R = np.zeros((len(lengths_R), 4)), np.zeros(len(lengths_R))
        for mark in (True, False):
            rows_R = marks_R == mark
            joint_RK = self.class_densities(clipped_R[rows_R], mark, unit, stretch)
            scores_R[rows_R] = np.logaddexp.reduce(joint_RK, axis=1)
            posteriors_RK[rows_R] = np.exp(joint_RK - scores_R[rows_R][:, None])
        outer_R = ~inner_runs(marks_R)
        scores_R[outer_R], posteriors_RK[outer_R] = 0.0, (0, 0, 0, 1)  # as long as anybody likes
        return Timing(unit, stretch, lengths_R, marks_R, posteriors_RK, scores_R)

    def clean(self, states_T: States) -> States:
        """The states without what the prior takes for glitches: runs too short for any element are filled.

        Several smoothings are tried. That one is taken under which rhythm and noise together are likeliest, where noise
        turns over a tenth of the frames at random; then the runs that are still too short are filled.
        """
        best, likeliest = states_T, -np.inf
        candidate_T = states_T
        for shortest in _SHORTEST_KEPT:
            candidate_T = without_short_runs(candidate_T, shortest)
            lengths_R, marks_R = runs(candidate_T)
            flips = int((candidate_T != states_T).sum())
            noise = flips * np.log(_FLIP) + (len(states_T) - flips) * np.log1p(-_FLIP)
            likelihood = self._best(lengths_R, marks_R)[2] + noise
            if likelihood > likeliest:
                best, likeliest = candidate_T, likelihood
        return self._without_glitches(best)

    def _without_glitches(self, states_T: States) -> States:
        timing = self.fit(states_T)
        glitches_R = (timing.classes == 0) & (timing.lengths_R < timing.unit / 2)
        return without_short_runs(states_T, 1 + int(timing.lengths_R[glitches_R].max(initial=0)))

    def _best(self, lengths_R: Ints, marks_R: States) -> tuple[float, float, float]:
        """Unit and stretch that make the runs between the tones likeliest, and the log-probability of their frames."""
        inner_R = inner_runs(marks_R)
        lengths_R, marks_R = lengths_R[inner_R].clip(max=_LONGEST), marks_R[inner_R]
        table_SG = self._beforehand_SG
        for table_DSG, chosen_R in ((self._marks_D1G, marks_R), (self._gaps_DSG, ~marks_R)):
            found, counts = np.unique(lengths_R[chosen_R], return_counts=True)
            table_SG = table_SG + np.tensordot(counts.astype(np.float64), table_DSG[found - 1], axes=1)
        s, g = np.unravel_index(int(table_SG.argmax()), table_SG.shape)
        in_frames = float(table_SG[s, g] - np.log(lengths_R).sum())
        return float(self.units_G[g]), float(self.stretches_S[s]), in_frames


def _grid(low: float, high: float, step: float) -> Floats:
    """Numbers evenly spaced in their logarithm, both ends included."""
    return np.geomspace(low, high, num=1 + max(1, round(np.log(high / low) / step)))


def runs(states_T: States) -> tuple[Ints, States]:
    """Lengths of the runs of equal states, and the state of each.

    >>> lengths, marks = runs(np.array([0, 0, 1, 1, 1, 0], dtype=bool))
    >>> lengths.tolist(), marks.tolist()
    ([2, 3, 1], [False, True, False])
    """
    if len(states_T) == 0:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.bool_)
    starts_R = np.concatenate([[0], 1 + np.flatnonzero(states_T[1:] != states_T[:-1])])
    return np.diff(starts_R, append=len(states_T)), states_T[starts_R]


def states_of(lengths_R: Ints, marks_R: States) -> States:
    """The states that runs stand for.

    >>> states_of(np.array([2, 1]), np.array([False, True])).tolist()
    [False, False, True]
    """
    return np.repeat(marks_R, lengths_R)


def inner_runs(marks_R: States) -> States:
    """(R,) True from the first tone to the last: before and after them silence lasts as long as it likes."""
    tones_R = np.flatnonzero(marks_R)
    inner_R = np.zeros(len(marks_R), dtype=np.bool_)
    if len(tones_R):
        inner_R[tones_R[0] : tones_R[-1] + 1] = True
    return inner_R


def without_short_runs(states_T: States, shortest: int) -> States:
    """The states with runs below that many frames turned over, the shortest first; silence is what stays at the ends.

    >>> without_short_runs(np.array([1, 1, 0, 1, 1, 0, 0, 0, 1, 0, 0], dtype=bool), 2).astype(int).tolist()
    [1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0]
    """
    for length in range(1, shortest):
        lengths_R, marks_R = runs(states_T)
        inner_R = np.ones(len(lengths_R), dtype=np.bool_)
        if len(lengths_R):
            inner_R[[0, -1]] = marks_R[[0, -1]]  # a short silence at an end is silence; a short tone there is none
        short_R = (lengths_R <= length) & inner_R
        # Of neighbours that are both short only every other one is turned over, or they would change places.
        for row in np.flatnonzero(short_R[:-1] & short_R[1:]):
            if short_R[row]:
                short_R[row + 1] = False
        states_T = states_of(lengths_R, marks_R ^ short_R)
    return states_T
