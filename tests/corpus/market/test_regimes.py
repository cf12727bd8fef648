"""Made-up prices: sound bars, wild and still by turns, with expansions in them, a function of the seed alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from project.contract import InputError
from project.corpus.market.label import Rule, find_expansions
from project.corpus.market.regimes import Regimes, make_series


@pytest.fixture(scope="module")
def bars() -> np.ndarray:
    return make_series(20_000, Regimes(), np.random.default_rng([0, 0]))


def test_bars_are_sound(bars: np.ndarray) -> None:
    time, opening, high, low, close, volume = bars.T
    assert bars.shape == (20_000, 6)
    assert bars.dtype == np.float64
    assert (np.diff(time) == 3600).all()
    assert (high >= np.maximum(opening, close)).all()
    assert (low <= np.minimum(opening, close)).all()
    assert (low > 0).all()
    assert (volume >= 0).all()
    np.testing.assert_array_equal(bars, make_series(20_000, Regimes(), np.random.default_rng([0, 0])))
    assert not np.array_equal(bars, make_series(20_000, Regimes(), np.random.default_rng([0, 1])))


def test_returns_are_as_those_of_markets(bars: np.ndarray) -> None:
    """Fat tails, and days that are wild follow days that are wild."""
    returns = np.diff(np.log(bars[:, 4]))
    scaled = (returns - returns.mean()) / returns.std()
    assert (scaled**4).mean() > 5, "3 of a normal distribution"
    sizes = np.abs(scaled)
    for lag in (1, 5, 10):
        assert np.corrcoef(sizes[:-lag], sizes[lag:])[0, 1] > 0.1


def test_expansions_of_both_kinds_are_there_to_be_found(bars: np.ndarray) -> None:
    spans = find_expansions(bars, Rule())
    kinds = [span.kind for span in spans]
    assert 200 < len(spans) < 600
    assert min(kinds.count("consolidation"), kinds.count("retracement")) > 50
    counts = [
        len(find_expansions(make_series(20_000, Regimes(trend_drift=drift), np.random.default_rng([0, 0])), Rule()))
        for drift in ((0, 0), (1.5, 1.5))
    ]
    assert counts[1] > 1.1 * counts[0] > 200, "some are there by chance, and trends make more"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"volatility": (0.01, 0.001)}, r"regimes\.volatility is \[0.01, 0.001\]: give \[low, high\]"),
        ({"trend_drift": (-1, 1)}, r"regimes\.trend_drift"),
        ({"calm_bars": 0}, r"regimes\.calm_bars is 0: give at least 1"),
        ({"tails": 2}, r"regimes\.tails is 2: give at least 2.1"),
        ({"into_trend": 1.5}, r"regimes\.into_trend is a part, 0 to 1"),
    ],
)
def test_wrong_settings_are_told(given: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        Regimes(**given)
