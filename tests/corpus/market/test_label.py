"""Expansions by rule: as a slow reading of its words finds them, on any scale, and with no look too far ahead."""

from __future__ import annotations

import statistics
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from project.contract import InputError
from project.corpus.market.label import Expansion, Rule, find_expansions, true_range
from project.corpus.market.regimes import Regimes, make_series


def slow(bars: np.ndarray, rule: Rule) -> list[tuple[int, int, str]]:
    """The words of the issue, one after the other, without arrays."""
    _, opens, highs, lows, closes, _ = ([float(cell) for cell in column] for column in bars.T)
    ranges = [highs[0] - lows[0]]
    for bar in range(1, len(bars)):
        inside = highs[bar] - lows[bar]
        ranges.append(max(inside, abs(highs[bar] - closes[bar - 1]), abs(lows[bar] - closes[bar - 1])))
    base = {bar: statistics.median(ranges[bar - rule.base_bars : bar]) for bar in range(rule.base_bars, len(bars))}
    found: list[tuple[int, int, str]] = []
    start = rule.base_bars + rule.quiet_bars
    while start <= len(bars) - rule.most_bars:
        span = slow_span(start, base, ranges, (opens, highs, lows, closes), rule)
        if span:
            found.append(span)
        start = span[1] if span else start + 1
    return found


def slow_span(start: int, base: Any, ranges: Any, prices: Any, rule: Rule) -> tuple[int, int, str] | None:
    opens, highs, lows, closes = prices
    before = range(start - rule.quiet_bars, start)
    if statistics.fmean(ranges[bar] / base[bar] for bar in before) > rule.quiet or ranges[start] < base[start]:
        return None
    if closes[start] == opens[start]:
        return None
    up = closes[start] > opens[start]
    origin = {"extreme": (lows if up else highs)[start], "close": closes[start - 1], "open": opens[start]}[rule.origin]

    def move(bar: int) -> float:
        return float((closes[bar] - origin if up else origin - closes[bar]) / base[start])

    followed: list[int] = []
    for bar in range(start, start + rule.most_bars):
        followed.append(bar)
        best = max(map(move, followed))
        if best - move(bar) > max(rule.give_back * best, rule.slack) or move(bar) < -rule.stop:
            break
    end = next(bar for bar in followed if move(bar) == max(map(move, followed)))
    way = [origin, *closes[start : end + 1]]
    path = sum(abs(one - other) for one, other in pairwise(way)) / base[start]
    if move(end) < rule.move or end + 1 - start < rule.fewest_bars or move(end) / path < rule.straight:
        return None
    drift = (closes[start - 1] - closes[start - 1 - rule.quiet_bars]) * (1 if up else -1) / base[start]
    return start, end + 1, "retracement" if drift < -rule.against else "consolidation"


RULES = [
    Rule(),
    Rule(origin="close"),
    Rule(origin="open", straight=0.8),
    Rule(base_bars=20, quiet_bars=5, quiet=1.2, most_bars=6, fewest_bars=2, move=2.0),
    Rule(give_back=0.6, slack=0.2, stop=0.0, against=0.0),
    Rule(quiet=3.0, most_bars=25, stop=2.0, move=1.0, straight=0.3),
]


@pytest.mark.parametrize("rule", RULES)
def test_it_finds_what_a_slow_reading_finds(rule: Rule) -> None:
    counts = []
    for seed in range(3):
        bars = make_series(2500, Regimes(), np.random.default_rng(seed))
        found = find_expansions(bars, rule)
        assert found == slow(bars, rule)
        counts.append(len(found))
    assert min(counts) >= 15


def series(closes: list[float], spread: float = 0.5) -> np.ndarray:
    """Bars that open at the close before and reach a little farther than their bodies."""
    close = np.array(closes)
    opening = np.concatenate([close[:1], close[:-1]])
    top, bottom = np.maximum(opening, close) + spread / 2, np.minimum(opening, close) - spread / 2
    zeros = np.zeros(len(close))
    return np.column_stack([np.arange(len(close)) * 3600.0, opening, top, bottom, close, zeros])


QUIET = [100.0, 100.5] * 31  # true ranges of 1


def test_a_run_after_quiet_bars_is_a_span_from_its_first_bar_to_its_best_close() -> None:
    run = [101.5, 102.5, 103.5, 104.5, 104.4, 102.0]
    bars = series([*QUIET, *run, *QUIET])
    assert true_range(bars)[1:62].tolist() == [1.0] * 61
    assert find_expansions(bars, Rule()) == [Expansion(62, 66, "consolidation")]
    mirrored = series([200.0 - price for price in [*QUIET, *run, *QUIET]])
    assert find_expansions(mirrored, Rule()) == [Expansion(62, 66, "consolidation")]


def test_a_run_against_what_came_before_is_a_retracement() -> None:
    falling = [100.5 - 0.2 * number for number in range(1, 13)]
    closes = [*QUIET, *falling, 98.8, 100.0, 101.0, 102.0, 103.0, *[103.0] * 20]
    assert find_expansions(series(closes), Rule()) == [Expansion(74, 79, "retracement")]
    assert find_expansions(series(closes), Rule(against=3.0)) == [Expansion(74, 79, "consolidation")]


@pytest.mark.parametrize(
    ("run", "rule"),
    [
        ([101.5, 102.5, 103.0], Rule()),  # no 3.5 bases
        ([103.0, 106.0], Rule()),  # no three bars
        ([101.5, 100.0, 101.5, 103.0, 104.5], Rule(give_back=1.0, straight=0.7)),  # not straight
        ([101.5, 101.7, 99.0, 103.0, 106.0, 108.0], Rule(quiet=0.99)),  # the bars before are not quiet enough
        ([101.5, 102.5, 100.9, 103.5, 104.5, 105.5], Rule(give_back=0.1)),  # it has given too much back
    ],
)
def test_what_falls_short_of_the_rule_is_no_span(run: list[float], rule: Rule) -> None:
    assert not [span for span in find_expansions(series([*QUIET, *run, *[run[-1]] * 20]), rule) if span.start == 62]


def test_the_scale_of_prices_changes_nothing() -> None:
    bars = make_series(4000, Regimes(), np.random.default_rng(1))
    scaled = bars * [1, 1024, 1024, 1024, 1024, 1]
    assert find_expansions(scaled, Rule()) == find_expansions(bars, Rule())


def test_later_bars_change_no_label_that_was_known() -> None:
    """A start is known once the bars after it are there; the bars before that are needed are said, too."""
    rule = Rule()
    bars = make_series(1500, Regimes(), np.random.default_rng(2))
    whole = find_expansions(bars, rule)
    for end in (700, 701, 950, 1203):
        known = [span for span in whole if span.start + rule.bars_after < end]
        assert find_expansions(bars[:end], rule) == known
    first = whole[10]
    needed = bars[first.start - rule.bars_before : first.start + rule.bars_after + 1]
    assert find_expansions(needed, rule)[0].start == rule.bars_before
    assert not find_expansions(needed[1:], rule)
    assert not find_expansions(needed[:-1], rule)


def test_prices_that_stand_still_have_no_span() -> None:
    bars = np.full((300, 6), 7.0)
    bars[:, 0] = np.arange(300)
    assert find_expansions(bars, Rule()) == []
    bars[200:, 1:5] += np.linspace(0.1, 5, 100)[:, None]
    assert find_expansions(bars, Rule()) == []  # nothing to measure by
    assert find_expansions(bars[:40], Rule()) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"base_bars": 0}, r"rule\.base_bars is 0: give at least 1"),
        ({"move": -1.0}, r"rule\.move is -1.0: give 0 or more"),
        ({"quiet": float("nan")}, r"rule\.quiet is nan: give 0 or more"),
        ({"fewest_bars": 11}, r"rule\.fewest_bars is above most_bars, 10"),
        ({"origin": "middle"}, r"rule\.origin is 'middle': choose from extreme, close, open"),
    ],
)
def test_wrong_rules_are_told(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        replace(Rule(), **changes)
