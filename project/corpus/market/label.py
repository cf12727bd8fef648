"""Expansions, found by rule: stretches of bars in which a price that was quiet runs one way, far and straight.

True range (TR): from a bar's low to its high, or to the close before where that lies beyond. Base: the median TR of
the bars before, the current one not among them. The rule, and how it is read where words leave a choice:

- A bar may be a start if the bars before it are quiet (the mean of TR / base, each by its own base) and it is not
  (its TR is at least its base). It points up if it closes above its open, down if below, else it is no start.
- From then on all is measured in the start's base and from the start's price: the low of the first bar where it points
  up, the high where it points down (`origin: extreme`), or the close before, or its open.
- The move at a bar is how far its close is from there. It ends when that gives back more than a part of the best move
  so far and more than `slack`, or when the close lies more than `stop` behind the start's price.
- The span ends with the bar of the best close. Its path is the way from the start's price from close to close.
- The search goes on behind a span that is kept, and at the next bar after a start that leads to none.
- A span is a retracement if the closes before the start had moved far enough against it: from the close 12 bars before
  the last quiet one. Else it is a consolidation, which the move leaves.

It does not know whether anybody could have traded it: a label looks ahead by `most_bars`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from project.contract import InputError
from project.feature.bar_window import CLOSE, HIGH, LOW, OPEN, BarArray

_ORIGINS = ("extreme", "close", "open")


class Expansion(NamedTuple):
    """Bars [start, end) of one kind."""

    start: int
    end: int
    kind: str


@dataclass(frozen=True, slots=True)
class Rule:
    """When bars are an expansion. Moves are in bases, see above."""

    base_bars: int = 50  # whose median true range is the base
    quiet_bars: int = 12  # before the start
    quiet: float = 1.0  # mean of TR / base in them, at most
    most_bars: int = 10  # for which a move is followed
    fewest_bars: int = 3  # of a span
    move: float = 3.5  # of a span, at least
    straight: float = 0.6  # move / path, at least
    give_back: float = 0.35  # part of the best move whose loss ends it
    slack: float = 1.0  # loss that never ends it
    stop: float = 0.5  # how far a close may lie behind the start's price
    against: float = 1.5  # move of the quiet bars against the span from which on it is a retracement
    origin: Literal["extreme", "close", "open"] = "extreme"  # the start's price: low or high, close before, open

    def __post_init__(self) -> None:
        for name in ("base_bars", "quiet_bars", "most_bars", "fewest_bars"):
            if getattr(self, name) < 1:
                raise InputError(f"corpus: rule.{name} is {getattr(self, name)}: give at least 1")
        for name in ("quiet", "move", "straight", "give_back", "slack", "stop", "against"):
            if not getattr(self, name) >= 0:
                raise InputError(f"corpus: rule.{name} is {getattr(self, name)}: give 0 or more")
        if self.fewest_bars > self.most_bars:
            raise InputError(f"corpus: rule.fewest_bars is above most_bars, {self.most_bars}: nothing would be found")
        if self.origin not in _ORIGINS:
            raise InputError(f"corpus: rule.origin is {self.origin!r}: choose from {', '.join(_ORIGINS)}")

    @property
    def bars_before(self) -> int:
        """Bars that a start needs before it."""
        return self.base_bars + self.quiet_bars

    @property
    def bars_after(self) -> int:
        """Bars that must be known behind a bar, to say whether a span starts there."""
        return self.most_bars - 1

    @property
    def bars_seen(self) -> int:
        """Bars that a label looks at, before and after."""
        return self.bars_before + self.bars_after


def find_expansions(bars_N6: BarArray, rule: Rule) -> list[Expansion]:
    """The expansions of a series, in order of time; none of them touches another's bars."""
    moves = _Moves(bars_N6, rule)
    found: list[Expansion] = []
    for start in _starts(moves, rule):
        if found and start < found[-1].end:
            continue
        span = moves.follow(start)
        if span is not None:
            found.append(span)
    return found


def true_range(bars_N6: BarArray) -> NDArray[np.float64]:
    """Of each bar; of the first, which has no close before it, from low to high."""
    before_N = np.concatenate([bars_N6[:1, OPEN], bars_N6[:-1, CLOSE]])
    high_N, low_N = np.maximum(bars_N6[:, HIGH], before_N), np.minimum(bars_N6[:, LOW], before_N)
    return np.asarray(high_N - low_N)


def _starts(moves: _Moves, rule: Rule) -> list[int]:
    """The bars that may be starts, whatever follows them."""
    num_bars, first = len(moves.ranges), rule.bars_before
    if num_bars < first + rule.most_bars:
        return []
    known = slice(first, num_bars - rule.bars_after)
    with np.errstate(divide="ignore", invalid="ignore"):  # bases of 0, in which nothing can be measured
        ratio_N = np.asarray(moves.ranges) / np.asarray(moves.bases)
    mean_M = np.lib.stride_tricks.sliding_window_view(ratio_N[rule.base_bars :], rule.quiet_bars).mean(axis=1)
    quiet_K = mean_M[: num_bars - rule.bars_after - first] <= rule.quiet
    loud_K = ratio_N[known] >= 1
    return [int(start) for start in np.flatnonzero(quiet_K & loud_K) + first]


class _Moves:
    """A series with its bases, from which moves are followed: plain lists, which Python walks faster than arrays."""

    def __init__(self, bars_N6: BarArray, rule: Rule) -> None:
        self._rule = rule
        self._open, self._high, self._low, self._close = (
            bars_N6[:, column].tolist() for column in (OPEN, HIGH, LOW, CLOSE)
        )
        ranges_N = true_range(bars_N6)
        bases_N: NDArray[Any] = np.full(len(ranges_N), np.nan)
        if len(ranges_N) > rule.base_bars:
            behind = np.lib.stride_tricks.sliding_window_view(ranges_N, rule.base_bars)
            bases_N[rule.base_bars :] = np.median(behind, axis=1)[:-1]
        self.ranges: list[float] = ranges_N.tolist()
        self.bases: list[float] = bases_N.tolist()

    def follow(self, start: int) -> Expansion | None:
        """The expansion that starts there, if one does."""
        rule, base = self._rule, self.bases[start]
        body = self._close[start] - self._open[start]
        if body == 0 or not base > 0:
            return None
        sign = 1.0 if body > 0 else -1.0
        origin = self._origin(start, sign)
        best, end, path, path_to_best, last = -np.inf, start, 0.0, 0.0, 0.0
        for bar in range(start, start + rule.most_bars):
            move = sign * (self._close[bar] - origin) / base
            path += abs(move - last)
            last = move
            if move > best:
                best, end, path_to_best = move, bar + 1, path
            if best - move > max(rule.give_back * best, rule.slack) or move < -rule.stop:
                break
        if best < rule.move or end - start < rule.fewest_bars or best < rule.straight * path_to_best:
            return None
        before = sign * (self._close[start - 1] - self._close[start - 1 - rule.quiet_bars]) / base
        return Expansion(start, end, "retracement" if before < -rule.against else "consolidation")

    def _origin(self, start: int, sign: float) -> float:
        """The start's price."""
        if self._rule.origin == "close":
            return float(self._close[start - 1])
        if self._rule.origin == "open":
            return float(self._open[start])
        return float(self._low[start] if sign > 0 else self._high[start])
