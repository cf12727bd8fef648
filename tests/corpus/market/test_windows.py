"""Windows: whole spans and no parts of others, anywhere in the window, and with them where else they could begin."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from project.contract import InputError
from project.corpus.market.label import Expansion
from project.corpus.market.windows import Cutter, Window, Windows

BARS = range(62, 4000)


def scattered(seed: int, mean_gap: float = 60.0) -> list[Expansion]:
    rng = np.random.default_rng(seed)
    spans: list[Expansion] = []
    bar = 0
    while bar < 4100:
        start = bar + int(rng.exponential(mean_gap))
        bar = start + int(rng.integers(3, 11))
        spans.append(Expansion(start, bar, str(rng.choice(["consolidation", "retracement"]))))
    return spans


def held(first: int, bars: int, spans: list[Expansion]) -> list[Expansion] | None:
    """The spans in a window, None if it cuts one."""
    touched = [span for span in spans if span.start < first + bars and span.end > first]
    return touched if all(first <= span.start and span.end <= first + bars for span in touched) else None


def possible(span: Expansion, windows: Windows, spans: list[Expansion], bars: range) -> list[int]:
    """All first bars of a window for a span, one tried after the other."""
    fits = []
    for offset in range(windows.start[0], windows.start[1] + 1):
        first = span.start - offset
        if bars.start <= first and first + windows.bars <= bars.stop:
            inside = held(first, windows.bars, spans)
            if inside and span in inside and (windows.spans == "any" or len(inside) == 1):
                fits.append(first)
    return sorted(fits)


@pytest.mark.parametrize("kind", ["one", "any"])
@pytest.mark.parametrize("seed", range(3))
def test_windows_are_what_trying_all_places_gives(kind: Any, seed: int) -> None:
    spans, windows = scattered(seed), Windows(spans=kind)
    made = {window.name: window for window in Cutter(spans, windows, "spy", 0).around_spans(BARS)}
    shared = 0
    for span in spans:
        fits, window = possible(span, windows, spans, BARS), made.get(str(span.start))
        if window is None:
            shared += bool(fits)
            assert kind == "any" or not fits
            continue
        assert window.first in fits
        assert list(window.spans) == held(window.first, 105, spans)
        low, high = window.room
        same = [first for first in fits if held(first, 105, spans) == list(window.spans)]
        assert set(range(low, high + 1)) <= set(same)
        assert low - 1 not in same
        assert high + 1 not in same
    assert len(made) > (20 if kind == "one" else 40)
    assert len({window.first for window in made.values()}) == len(made)
    assert shared <= 2, "only spans that would share a window have none of their own"


def test_spans_start_anywhere_between_the_limits() -> None:
    """Alone, a span starts at each of the 71 bars equally often; one near the end where it can."""
    counts = np.zeros(105, dtype=int)
    for seed in range(2840):
        (window,) = Cutter([Expansion(500, 508, "retracement")], Windows(), "spy", seed).around_spans(range(1000))
        counts[500 - window.first] += 1
    assert counts[:15].sum() == counts[86:].sum() == 0
    assert ((counts[15:86] - 40) ** 2 / 40).sum() < 110  # chi-square, 70 degrees of freedom, 1 in 700
    starts = {
        500 - Cutter([Expansion(500, 508, "x")], Windows(), "spy", seed).around_spans(range(540))[0].first
        for seed in range(400)
    }
    assert (min(starts), max(starts)) == (65, 85)


def test_a_window_depends_on_its_span_and_neighbours_alone() -> None:
    spans = scattered(5)
    whole = {window.name: window for window in Cutter(spans, Windows(), "spy", 3).around_spans(BARS)}
    half = {window.name: window for window in Cutter(spans[20:], Windows(), "spy", 3).around_spans(BARS)}
    assert len(half.keys() & whole.keys()) > 10
    assert all(half[name] == whole[name] for name in list(half)[2:])
    others = [
        {window.name: window for window in Cutter(spans, Windows(), name, seed).around_spans(BARS)}
        for name, seed in (("spy", 4), ("ibm", 3))
    ]
    for other in others:
        assert other.keys() == whole.keys()
        assert sum(other[name].first != whole[name].first for name in whole) > 0.8 * len(whole)


def test_windows_without_a_span_touch_none_and_not_each_other() -> None:
    spans = scattered(7, mean_gap=150)
    made: list[Window] = Cutter(spans, Windows(), "spy", 0).between_spans(BARS)
    free = np.ones(4200, dtype=bool)
    free[: BARS.start] = free[BARS.stop :] = False
    for span in spans:
        free[span.start : span.end] = False
    runs = np.diff(np.flatnonzero(np.diff(np.concatenate([[0], free.astype(int), [0]]))))[::2]
    assert len(made) == (runs // 105).sum() > 10
    for window in made:
        assert free[window.first : window.first + 105].all(), "free of spans, and of the windows before"
        free[window.first : window.first + 105] = False
        low, high = window.room
        assert low <= window.first <= high
        assert all(held(first, 105, spans) == [] for first in range(low, high + 1))
    assert len({window.name for window in made}) == len(made)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"bars": 0}, r"windows\.bars is 0: give at least 1"),
        ({"start": (15, 105)}, r"windows\.start is \[15, 105\]: give \[least, greatest\], from 0 to 104"),
        ({"start": (85, 15)}, r"windows\.start is \[85, 15\]"),
        ({"start": (15,)}, r"windows\.start is \[15\]"),
        ({"spans": "two"}, r"windows\.spans is 'two': choose one or any"),
        ({"without": -0.1}, r"windows\.without is -0.1: give a part"),
    ],
)
def test_wrong_settings_are_told(given: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        Windows(**given)
