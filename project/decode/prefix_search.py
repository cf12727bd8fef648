"""CTC prefix beam search over several rows at once, in plain array operations: the core of every beam decoder.

A beam is a prefix of the answer with the probability of all alignments that spell it so far, in two parts: those that
end in blank and those that end in its last symbol. A step lets each beam stay or grow by a symbol, adds up what spells
the same, and keeps the likeliest. Probabilities are plain numbers, scaled by powers of two: logarithms cost more.

It knows no alphabet and no language. Shape suffixes beyond those of the contract: L live rows, N beams, K symbols kept
in a step, C candidates of a step.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from project.decode.beam_table import Beams, Candidates, candidates, first_beams, joined, rounded
from project.decode.frames import BLANK, Bools, Floats, Frames, Ints, LogProbs

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_RESCALE = 16  # steps between scalings: the best beam falls by a factor of the alphabet's size a step at most
_FEW = 256  # candidates that are sorted outright
_NOWHERE = 1 << 40
_TINY = 1e-300


class Scorer(Protocol):
    """What else speaks for a prefix: a factor for each symbol it grows by, depending on a state of the prefix alone."""

    start: int

    def factors(self, states_LN: Ints, symbols_LK: Ints) -> Floats:
        """(L, N, K): the factor of each symbol after each prefix."""

    def advance(self, states_LN: Ints, symbols_LN: Ints) -> Ints:
        """States after a symbol more each."""

    def finish(self, states_LN: Ints) -> Floats:
        """The factor of ending here."""


@dataclass(frozen=True, slots=True)
class Step:
    """Where the beams of a step came from, kept to read answers backwards."""

    source_LN: NDArray[np.int16]  # beam of the step before
    symbol_LN: NDArray[np.int32]  # symbol it grew by, 0 for none


@dataclass(frozen=True, slots=True)
class Stay:
    """The beams of a step as they are if they do not grow, what they take from their own prefixes included."""

    total_LN: Floats  # before the step
    ready_LN: Floats  # of that, what may grow by a repeat of the last symbol
    again_LN: Floats  # probability of the last symbol in this step
    blank_LN: Floats  # after it
    symbol_LN: Floats
    parent_LN: Ints  # which beam is this one without its last symbol
    has_LN: Bools  # whether there is one
    taken_LN: Bools  # whether most of it came from there


class PrefixSearch:
    """A beam search under way in some rows. Of one row frames may come piece by piece; the beams stay between."""

    def __init__(
        self,
        rows: int,
        size: int,
        num_ids: int,
        scorer: Scorer | None = None,
        bonus: float = 0.0,
        once: int | None = None,
    ) -> None:
        """`once`: a symbol of which several in a row are one, with or without blanks between."""
        self.size = size
        self.scorer = scorer
        self._once = once
        self._gain = float(np.exp(bonus))
        self.beams = first_beams(rows, size, scorer.start if scorer else 0)
        self.steps: list[Step] = []
        self._powers_B = np.zeros(rows, np.int64)  # probabilities are to be multiplied by 2 to this power
        self._skipped_B = np.zeros(rows)  # log-probability of skipped frames
        self._waiting_B = np.zeros(rows, bool)  # blank frames were skipped since the last step
        self._fed = False
        self._taken = 0  # steps so far
        self._num_ids = num_ids
        self._places = np.full(rows * num_ids, _NOWHERE)  # room for each row's symbols; empty between steps
        self._codes_V = np.random.default_rng(0).integers(1, 2**64 - 1, num_ids, dtype=np.uint64)

    def advance(self, frames: Frames, log_probs: LogProbs) -> None:
        """Take the steps of some more frames; `log_probs` are the emissions they were prepared from, flat."""
        assert len(frames.order_B) == 1 or not self._fed, "rows of another piece stand in another order"
        self._fed = True
        self._skipped_B += frames.skipped_B
        if len(frames.live_A):
            frames.gap_AB[0] |= self._waiting_B
            self._waiting_B = frames.trailing_B
        else:
            self._waiting_B = self._waiting_B | frames.trailing_B
        beams, done = self.beams, []
        for step, live in enumerate(frames.live_A.tolist()):
            if live < len(beams.last_LN):
                done.append(beams.part(live, len(beams.last_LN)))
                beams = beams.part(0, live)
            beams = self._step(beams, frames, step, log_probs)
            self._taken += 1
            if self._taken % _RESCALE == 0:
                beams = self._rescaled(beams)
        self.beams = joined([beams, *reversed(done)])

    def scores(self) -> Floats:
        """(B, N) log-probability of each beam, the scorer's factors so far included; minus infinity for no beam."""
        with np.errstate(divide="ignore"):
            logs = np.log(self.beams.blank_LN + self.beams.symbol_LN)
        scores: Floats = logs + (self._powers_B * np.log(2) + self._skipped_B)[:, None]
        return scores

    def _rescaled(self, beams: Beams) -> Beams:
        """The best beam near 1 again. Powers of two change no digit, so it does not matter when this happens."""
        _, powers = np.frexp(beams.blank_LN[:, 0] + beams.symbol_LN[:, 0])
        self._powers_B[: len(powers)] += powers
        blank, symbol = (np.ldexp(part, -powers[:, None]) for part in (beams.blank_LN, beams.symbol_LN))
        return replace(beams, blank_LN=blank, symbol_LN=symbol)

    def _step(self, beams: Beams, frames: Frames, step: int, log_probs: LogProbs) -> Beams:
        stay = self._stay(beams, frames, step, log_probs)
        live, size = beams.last_LN.shape
        width = int(frames.widths_A[step])
        factors_LNK = None
        if self.scorer is None:
            width = min(width, size + 1)
        else:
            width = min(rounded(width), frames.symbols_ABK.shape[2])
            factors_LNK = self.scorer.factors(beams.state_LN, frames.symbols_ABK[step, :live, :width])
        plan = candidates(size, width, self.scorer is not None)
        candidates_LC = self._candidates(beams, stay, frames, step, plan, factors_LNK)
        # Positive numbers sort like their bits; the lowest ones give way to the candidate's number.
        keys_LC = candidates_LC.view(np.int64) >> plan.bits << plan.bits | np.arange(candidates_LC.shape[1])
        if keys_LC.shape[1] > _FEW:
            keys_LC = np.partition(keys_LC, -size, axis=1)[:, -size:]
        choice_LN = np.sort(keys_LC, axis=1)[:, : -size - 1 : -1] & (1 << plan.bits) - 1
        value_LN = np.take_along_axis(candidates_LC, choice_LN, 1)
        return self._chosen(beams, stay, plan, choice_LN, value_LN, frames.symbols_ABK[step], factors_LNK)

    def _stay(self, beams: Beams, frames: Frames, step: int, log_probs: LogProbs) -> Stay:
        live, size = beams.last_LN.shape
        total_LN = beams.blank_LN + beams.symbol_LN
        gap_L1 = frames.gap_AB[step, :live, None]
        ready_LN = np.where(gap_L1, total_LN, beams.blank_LN)
        again_LN = np.exp(log_probs.take(beams.last_LN + frames.offset_AB[step, :live, None]), dtype=np.float64)
        again_LN *= again_LN >= frames.least_AB[step, :live, None]
        blank_LN = total_LN * frames.blank_AB[step, :live, None]
        symbol_LN = np.where(gap_L1, 0.0, beams.symbol_LN)
        if self._once is not None:
            once_LN = beams.last_LN == self._once
            ready_LN, symbol_LN = np.where(once_LN, 0.0, ready_LN), np.where(once_LN, total_LN, symbol_LN)
        symbol_LN *= again_LN
        # What a prefix would grow into is here already: it comes to the beam that has it.
        parent_LN = (beams.parent_LN[:, :, None] == beams.hash_LN[:, None, :]).argmax(axis=2)
        flat_LN = parent_LN + np.arange(0, live * size, size)[:, None]
        has_LN = beams.parent_LN == beams.hash_LN.take(flat_LN)
        repeats_LN = beams.last_LN == beams.last_LN.take(flat_LN)
        inflow_LN = np.where(repeats_LN, ready_LN.take(flat_LN), total_LN.take(flat_LN))
        inflow_LN *= again_LN * has_LN * self._gain
        if self.scorer is not None:
            inflow_LN *= beams.factor_LN
        taken_LN = inflow_LN > blank_LN + symbol_LN
        return Stay(total_LN, ready_LN, again_LN, blank_LN, symbol_LN + inflow_LN, parent_LN, has_LN, taken_LN)

    def _candidates(
        self, beams: Beams, stay: Stay, frames: Frames, step: int, plan: Candidates, factors_LNK: Floats | None
    ) -> Floats:
        """What each beam would be if it stayed, then if it grew by each symbol, then a 0 to spare."""
        live, size = beams.last_LN.shape
        width = plan.width
        probs_LK = frames.probs_ABK[step, :live, :width] * self._gain
        candidates_LC = np.empty((live, len(plan.source_C)))
        np.add(stay.blank_LN, stay.symbol_LN, out=candidates_LC[:, :size])
        if factors_LNK is None:
            grown_LC = candidates_LC[:, size:-1]
            np.multiply(stay.total_LN.take(plan.row_G, axis=1), probs_LK.take(plan.rank_G, axis=1), out=grown_LC)
        else:
            grown_LNK = stay.total_LN[:, :, None] * probs_LK[:, None, :] * factors_LNK
            candidates_LC[:, size:-1] = grown_LNK.reshape(live, -1)
        rank_LN = self._ranks(beams, frames, step, width)
        starts_L1 = np.arange(0, candidates_LC.size, candidates_LC.shape[1])[:, None]
        flat = candidates_LC.reshape(-1)
        # A repeat of the last symbol grows a prefix only after a blank.
        again_LN = plan.place_NK.take(np.arange(0, size * (width + 1), width + 1) + rank_LN) + starts_L1
        if factors_LNK is None:
            flat[again_LN] = stay.ready_LN * stay.again_LN * self._gain
        else:
            candidates_LC[:, -1] = 0
            flat[again_LN] *= stay.ready_LN / np.maximum(stay.total_LN, _TINY)
        # What has come to another beam is no candidate.
        gone_LN = stay.parent_LN * (width + 1) + np.where(stay.has_LN, rank_LN, width)
        flat[plan.place_NK.take(gone_LN) + starts_L1] = 0
        candidates_LC[:, -1] = 0
        return candidates_LC

    def _ranks(self, beams: Beams, frames: Frames, step: int, width: int) -> Ints:
        """The place of each beam's last symbol among those of the step; `width` if it is none of them."""
        live = len(beams.last_LN)
        rows_L1 = np.arange(0, live * self._num_ids, self._num_ids)[:, None]
        places_LK = frames.symbols_ABK[step, :live, :width] + rows_L1
        self._places[places_LK] = np.arange(width)
        rank_LN: Ints = np.minimum(self._places.take(beams.last_LN + rows_L1), width)
        self._places[places_LK] = _NOWHERE
        return rank_LN

    def _chosen(
        self,
        beams: Beams,
        stay: Stay,
        plan: Candidates,
        choice_LN: Ints,
        value_LN: Floats,
        symbols_BK: Ints,
        factors_LNK: Floats | None,
    ) -> Beams:
        """The beams that these candidates make; where they came from is written down."""
        live, size = choice_LN.shape
        rows_L1 = np.arange(live)[:, None]
        grows_LN = choice_LN >= size
        source_LN = plan.source_C.take(choice_LN)
        flat_LN = source_LN + rows_L1 * size
        rank_LN = plan.rank_C.take(choice_LN)
        last_LN = np.where(
            grows_LN, symbols_BK.take(rank_LN + rows_L1 * symbols_BK.shape[1]), beams.last_LN.take(flat_LN)
        )
        hash_LN = beams.hash_LN.take(flat_LN)
        parent_LN = np.where(grows_LN, hash_LN, beams.parent_LN.take(flat_LN)) * (value_LN > 0)
        hash_LN = np.where(grows_LN, hash_LN * _MULTIPLIER + self._codes_V.take(last_LN), hash_LN)
        moved_LN = stay.taken_LN.take(flat_LN) & ~grows_LN
        self.steps.append(
            Step(
                np.where(moved_LN, stay.parent_LN.take(flat_LN), source_LN).astype(np.int16),
                np.where(grows_LN | moved_LN, last_LN, BLANK).astype(np.int32),
            )
        )
        factor_LN, state_LN = beams.factor_LN, beams.state_LN
        if self.scorer is not None:
            assert factors_LNK is not None
            state_LN = state_LN.take(flat_LN)
            state_LN = np.where(grows_LN, self.scorer.advance(state_LN, last_LN), state_LN)
            grown_LN = factors_LNK.take(flat_LN * plan.width + rank_LN) if plan.width else 1.0
            factor_LN = np.where(grows_LN, grown_LN, factor_LN.take(flat_LN))
        return Beams(
            blank_LN=np.where(grows_LN, 0.0, stay.blank_LN.take(flat_LN)),
            symbol_LN=np.where(grows_LN, value_LN, stay.symbol_LN.take(flat_LN)),
            last_LN=last_LN,
            hash_LN=hash_LN,
            parent_LN=parent_LN,
            factor_LN=factor_LN,
            state_LN=state_LN,
        )
