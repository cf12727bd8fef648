"""Made-up prices: markets that are calm, run or tremble by turns, so that expansions are there to be found.

It is no model of any market: no news, no hours of the day, no prices that move together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from project.contract import InputError
from project.corpus.ranges import between, between_log, check_range
from project.feature.bar_window import BarArray

_CALM, _TREND, _VOLATILE = range(3)
_STEPS = 12  # of the way that a price takes within a bar
_BAR_SECONDS = 3600.0
_BEGIN = 946684800.0  # 2000-01-01
_MEMORY = 0.98  # of the level of volatility, from bar to bar
_GAP = 0.1  # between bars, as a part of the volatility


@dataclass(frozen=True, slots=True)
class Regimes:
    """What turns there are; volatility is that of a bar's return, drift counts in it."""

    volatility: Sequence[float] = (0.0005, 0.005)  # in calm times, drawn once an instrument
    calm_bars: float = 40.0  # mean length
    trend_bars: float = 7.0
    volatile_bars: float = 20.0
    trend_drift: Sequence[float] = (0.5, 1.5)  # a bar, up or down, drawn once a trend
    volatile_times: float = 3.0  # the volatility of calm times
    into_trend: float = 0.7  # probability that calm times end in a trend, and not in volatile ones
    tails: float = 5.0  # degrees of freedom of returns: few are wild, many are mild

    def __post_init__(self) -> None:
        check_range("regimes.volatility", self.volatility, 1e-6, 0.1)
        check_range("regimes.trend_drift", self.trend_drift, 0, 10)
        for name, least in (("calm_bars", 1), ("trend_bars", 1), ("volatile_bars", 1), ("tails", 2.1)):
            if not getattr(self, name) >= least:
                raise InputError(f"corpus: regimes.{name} is {getattr(self, name)}: give at least {least}")
        if not 0 <= self.into_trend <= 1 or not 0.1 <= self.volatile_times <= 10:
            raise InputError("corpus: regimes.into_trend is a part, 0 to 1, and volatile_times a factor, 0.1 to 10")


def make_series(num_bars: int, regimes: Regimes, rng: np.random.Generator) -> BarArray:
    """(N, 6) bars of one instrument, an hour each, with volumes."""
    states_N, drift_N = _turns(num_bars, regimes, rng)
    level = between_log(regimes.volatility, rng)
    noise_N = rng.normal(0, 0.2 * np.sqrt(1 - _MEMORY**2), num_bars)
    calm_N = level * np.exp(_filtered(noise_N))
    volatility_N = calm_N * np.where(states_N == _VOLATILE, regimes.volatile_times, 1.0)
    wild_N = np.sqrt((regimes.tails - 2) / rng.chisquare(regimes.tails, num_bars))
    steps_NS = rng.normal(size=(num_bars, _STEPS)) * (volatility_N * wild_N / np.sqrt(_STEPS))[:, None]
    steps_NS += (drift_N * calm_N / _STEPS)[:, None]
    way_NS = np.cumsum(steps_NS, axis=1)  # of the logarithm of the price, from the bar's open
    gap_N = rng.normal(size=num_bars) * _GAP * volatility_N
    close_N = np.log(100.0) + np.cumsum(gap_N + way_NS[:, -1])
    open_N = close_N - way_NS[:, -1]
    high_N, low_N = open_N + way_NS.max(axis=1, initial=0), open_N + way_NS.min(axis=1, initial=0)
    prices_N4 = np.exp(np.stack([open_N, np.maximum(high_N, close_N), np.minimum(low_N, close_N), close_N], axis=1))
    volume_N = np.round(1000 * np.exp(rng.normal(0, 0.3, num_bars)) * (high_N - low_N) / level)
    times_N = _BEGIN + _BAR_SECONDS * np.arange(num_bars)
    digits = 5 - np.floor(np.log10(prices_N4[:, :1])).astype(int)
    return np.column_stack([times_N, np.round(prices_N4 * 10.0**digits) / 10.0**digits, volume_N])


def _turns(num_bars: int, regimes: Regimes, rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """State and drift of each bar: a Markov chain, in which calm times lie between all others."""
    lengths = (regimes.calm_bars, regimes.trend_bars, regimes.volatile_bars)
    states_N, drift_N = np.zeros(num_bars, dtype=np.int64), np.zeros(num_bars)
    bar, state = 0, _CALM
    while bar < num_bars:
        end = bar + int(rng.geometric(1 / lengths[state]))
        states_N[bar:end] = state
        if state == _TREND:
            drift_N[bar:end] = rng.choice([-1.0, 1.0]) * between(regimes.trend_drift, rng)
        bar = end
        into = _TREND if rng.random() < regimes.into_trend else _VOLATILE
        state = into if state == _CALM else _CALM
    return states_N, drift_N


def _filtered(noise_N: NDArray[np.float64]) -> NDArray[np.float64]:
    """Noise that remembers: each value is the last one, a little less, and something new."""
    level, values = 0.0, []
    for noise in noise_N.tolist():
        level = _MEMORY * level + noise
        values.append(level)
    return np.array(values)
