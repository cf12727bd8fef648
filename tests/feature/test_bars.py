"""Bars as columns: what each says, by a slow reference; no price scale, no future, no dependence on far history."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from project.contract import InputError
from project.feature.bar_window import BarWindow
from project.feature.bars import Bars, average
from project.part import Feature

NUM = 12


def walk(rows: int = 400, seed: int = 0, tick: float = 0.0) -> np.ndarray:
    """Bars of a random walk whose restlessness changes; with a tick, equal prices and bars without range occur."""
    generator = np.random.default_rng(seed)
    unrest = np.exp(np.cumsum(0.1 * generator.normal(size=rows)))
    close = 100 + np.cumsum(unrest * generator.normal(size=rows))
    opening = np.concatenate([[100.0], close[:-1]]) + 0.2 * unrest * generator.normal(size=rows)
    high = np.maximum(opening, close) + unrest * generator.exponential(0.5, size=rows)
    low = np.minimum(opening, close) - unrest * generator.exponential(0.5, size=rows)
    prices = np.stack([opening, high, low, close], axis=1)
    if tick:
        prices = np.round(prices / tick) * tick
    return np.concatenate([np.arange(rows)[:, None], prices, np.ones((rows, 1))], axis=1)


def whole(bars: np.ndarray) -> BarWindow:
    return BarWindow(bars, len(bars))


def slow(bars: np.ndarray, t: int, swing: int = 3, range_bars: int = 20, atr_bars: int = 14) -> list[float]:
    """The columns of bar t, from the bars up to it, one number after the other."""
    o, h, l, c = bars[t, 1:5]  # noqa: E741
    size = h - l
    places = ((o - l) / size, (c - l) / size) if size else (0.5, 0.5)
    body = (c - o) / size if size else 0.0
    wicks = ((h - max(o, c)) / size, (min(o, c) - l) / size) if size else (0.0, 0.0)

    def mean(values: list[float], span: int) -> float:
        weights = [(1 - 2 / (span + 1)) ** (len(values) - 1 - n) for n in range(len(values))]
        return math.fsum(w * v for w, v in zip(weights, values, strict=True)) / math.fsum(weights)

    usual = mean([bars[n, 2] - bars[n, 3] for n in range(t + 1)], range_bars)
    relative = min(size / usual, 3.0) if usual else 0.0
    closes = [bars[max(0, n - 1), 4] for n in range(t + 1)]
    atr = mean([max(bars[n, 2], closes[n]) - min(bars[n, 3], closes[n]) for n in range(t + 1)], atr_bars)
    distances, ages, found = [], [], []
    for column, sign in ((2, 1), (3, -1)):
        at = -1
        for n in range(swing, t - swing + 1):
            before = [sign * bars[m, column] for m in range(n - swing, n)]
            after = [sign * bars[m, column] for m in range(n + 1, n + swing + 1)]
            if sign * bars[n, column] > max(before) and sign * bars[n, column] >= max(after):
                at = n
        known = at >= 0
        distances.append(float(np.clip((c - bars[at, column]) / atr, -10, 10)) if known and atr else 0.0)
        ages.append(min(1.0, (t - at) / (10 * swing)) if known else 1.0)
        found.append(at)
    leg = (found[1] > found[0]) - (found[1] < found[0])
    expansion = float(np.clip(relative * leg * body, -2, 2))
    return [
        *(*places, body, *wicks, relative, *distances, *ages, expansion),
        (1 - relative / 3) * (1 - abs(body)) * sum(ages) / 2,
    ]


@pytest.mark.parametrize(("seed", "tick", "swing"), [(0, 0.0, 3), (1, 0.5, 3), (2, 2.0, 5), (3, 1.0, 1)])
def test_against_one_bar_after_the_other(seed: int, tick: float, swing: int) -> None:
    bars = walk(150, seed, tick)
    frames = Bars(swing_bars=swing, range_bars=10 + seed, atr_bars=5 + seed)(whole(bars)).numpy()
    wanted = np.array([slow(bars, t, swing, 10 + seed, 5 + seed) for t in range(len(bars))])
    np.testing.assert_allclose(frames, wanted, atol=1e-5)
    assert np.ptp(frames, axis=0).min() > 0.3, "every column says something"


@pytest.mark.parametrize("factor", [1e-4, 0.37, 7.0, 1e5])
def test_prices_have_no_scale(factor: float) -> None:
    bars = walk()
    scaled = bars.copy()
    scaled[:, 1:5] *= factor
    torch.testing.assert_close(Bars()(whole(scaled)), Bars()(whole(bars)), atol=1e-5, rtol=1e-5)


def test_the_future_changes_nothing() -> None:
    bars = walk(200, 4)
    frames = Bars()(whole(bars))
    for t in range(0, 200, 7):
        torch.testing.assert_close(Bars()(whole(bars[: t + 1])), frames[: t + 1], rtol=0, atol=0)
        other = walk(200, 5)
        other[: t + 1] = bars[: t + 1]
        torch.testing.assert_close(Bars()(whole(other))[: t + 1], frames[: t + 1], rtol=0, atol=0)


def test_the_far_past_changes_next_to_nothing(tmp_path: Path) -> None:
    """A window read with its history is what the whole series says of it; the more history the nearer."""
    bars = walk(3000, 6)
    np.save(tmp_path / "series.npy", bars)
    wanted = Bars()(whole(bars))[2000:2105]
    misses = []
    for history in (20, 60, 128, 250):
        feature = Bars(history=history)
        misses.append(float((feature(feature.read(f"{tmp_path}/series.npy#2000:2105")) - wanted).abs().max()))
    assert misses == sorted(misses, reverse=True)
    assert misses[2] < 1e-4
    assert misses[0] > 1e-3


def test_a_window_is_the_last_bars(tmp_path: Path) -> None:
    bars = walk(300)
    window = Bars()(BarWindow(bars, 105))
    assert window.shape == (105, NUM)
    assert window.dtype == torch.float32
    assert torch.equal(window, Bars()(whole(bars))[195:])


@pytest.mark.parametrize("rows", [1, 2, 5, 7, 60])
def test_a_flat_market_gives_defined_values(rows: int) -> None:
    """Without range, before a swing: a bar in its middle, without body, distances 0, ages 1."""
    bars = np.full((rows, 6), 50.0)
    frames = Bars()(whole(bars))
    wanted = [0.5, 0.5, 0, 0, 0, 0, 0, 0, 1, 1, 0, 1]
    torch.testing.assert_close(frames, torch.tensor(wanted).expand(rows, NUM))
    moving = walk(rows, 1)
    assert torch.isfinite(Bars()(whole(np.concatenate([bars, moving, bars, moving])))).all()


def test_a_swing_counts_when_it_is_confirmed() -> None:
    """A tent with its top at bar 10: nobody knows before bar 13; then its age is three bars."""
    top = 100 - np.abs(np.arange(20) - 10.0)
    bars = np.stack([np.arange(20), top, top + 0.5, top - 0.5, top, np.zeros(20)], axis=1)
    frames = Bars(swing_bars=3)(whole(bars)).numpy()
    age = frames[:, Bars.names.index("since_swing_high")]
    np.testing.assert_allclose(age, [1.0] * 13 + [n / 30 for n in range(3, 10)], rtol=1e-6)
    distance = frames[:, Bars.names.index("above_swing_high")]
    assert not distance[:13].any()
    assert (np.diff(distance[12:]) < 0).all()
    assert (frames[:, Bars.names.index("since_swing_low")] == 1).all()


def test_values_stay_within_what_is_stated() -> None:
    bars = walk(2000, 8)
    bars[1000:, 1:5] += 500  # a gap
    frames = Bars()(whole(bars)).numpy()
    limits = dict.fromkeys(Bars.names, (0.0, 1.0)) | {
        "body": (-1, 1), "range": (0, 3), "above_swing_high": (-10, 10), "above_swing_low": (-10, 10),
        "expansion_proxy": (-2, 2),
    }  # fmt: skip
    for name, column in zip(Bars.names, frames.T, strict=True):
        assert limits[name][0] - 1e-6 <= column.min() <= column.max() <= limits[name][1] + 1e-6, name
    assert frames[:, 6].max() == 10


def test_the_average_is_weighted_towards_now() -> None:
    values = np.random.default_rng(0).exponential(size=50)
    for bars in (1, 2, 20):
        keep = 1 - 2 / (bars + 1)
        for t in (0, 1, 49):
            weights = keep ** np.arange(t, -1, -1.0)
            assert average(values, bars)[t] == pytest.approx(np.average(values[: t + 1], weights=weights))


def test_it_says_what_it_is() -> None:
    feature = Bars(history=50)
    assert isinstance(feature, Feature)
    assert len(feature.names) == feature.num_features == NUM == max(end for _, end in feature.columns.values())
    assert [feature.num_frames(length) for length in (105, 1, 0.2)] == [105, 1, 1]
    assert json.loads(json.dumps(dict(feature.settings))) == {
        "feature": "bars@1", "history": 50, "swing_bars": 3, "range_bars": 20, "atr_bars": 14,
    }  # fmt: skip


@pytest.mark.parametrize("name", ["swing_bars", "range_bars", "atr_bars"])
def test_wrong_settings_are_told(name: str) -> None:
    with pytest.raises(InputError, match=rf"^feature\.{name} is 0: give a number of bars, 1 or more"):
        Bars(**{name: 0})
    with pytest.raises(InputError, match=r"^feature\.history is -1"):
        Bars(history=-1)
