"""Changes made to bars: what each changes, what it must not, and that chance comes from the generator alone."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from typing import Any

import numpy as np
import pytest
import torch

from project.contract import InputError
from project.data.augment_bars import BarMask, PriceNoise, UpsideDown
from project.feature.bar_window import BarWindow
from project.feature.bars import Bars

SIGNAL: dict[str, Callable[[], Any]] = {"UpsideDown": lambda: UpsideDown(1.0), "PriceNoise": PriceNoise}


def window(rows: int = 233, length: int = 105, seed: int = 0) -> BarWindow:
    generator = np.random.default_rng(seed)
    close = 60 + np.cumsum(generator.normal(size=rows))
    opening = np.concatenate([[60.0], close[:-1]]) + 0.3 * generator.normal(size=rows)
    high = np.maximum(opening, close) + generator.exponential(0.5, size=rows)
    low = np.minimum(opening, close) - generator.exponential(0.5, size=rows)
    return BarWindow(np.stack([np.arange(rows), opening, high, low, close, np.arange(rows)], axis=1), length)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def column(frames: torch.Tensor, name: str) -> np.ndarray:
    return frames[:, Bars.names.index(name)].numpy()


@pytest.mark.parametrize("name", SIGNAL)
class TestSignal:
    def test_chance_is_the_generators_and_the_input_stays(self, name: str) -> None:
        item = window()
        first = SIGNAL[name]()(item, rng(3)).bars_N6
        np.random.default_rng().normal(size=7)
        np.testing.assert_array_equal(SIGNAL[name]()(item, rng(3)).bars_N6, first)
        np.testing.assert_array_equal(item.bars_N6, window().bars_N6)
        assert not np.array_equal(first, item.bars_N6)

    def test_bars_stay_bars(self, name: str) -> None:
        for rows in (1, 2, 233):
            item = window(rows, 1)
            found = SIGNAL[name]()(item, rng(1))
            assert found.length == 1
            time, prices = found.bars_N6[:, [0, 5]], found.bars_N6[:, 1:5]
            np.testing.assert_array_equal(time, item.bars_N6[:, [0, 5]])
            assert (prices[:, 1] == prices.max(axis=1)).all()
            assert (prices[:, 2] == prices.min(axis=1)).all()
            assert torch.isfinite(Bars()(found)).all()


def test_upside_down_is_a_mirror_image() -> None:
    """Twice is as before; places and swings change sides, sizes and ages stay, and so do both proxies."""
    item = window()
    turned = UpsideDown(1.0)(item, rng())
    np.testing.assert_allclose(UpsideDown(1.0)(turned, rng()).bars_N6, item.bars_N6, atol=1e-9)
    prices = turned.bars_N6[:, 1:5]
    assert prices.min() == pytest.approx(item.bars_N6[:, 3].min())
    assert prices.max() == pytest.approx(item.bars_N6[:, 2].max())
    before, after = Bars()(item), Bars()(turned)
    wanted = {
        "open_place": 1 - column(before, "open_place"),
        "close_place": 1 - column(before, "close_place"),
        "body": -column(before, "body"),
        "upper_wick": column(before, "lower_wick"),
        "range": column(before, "range"),
        "above_swing_high": -column(before, "above_swing_low"),
        "since_swing_high": column(before, "since_swing_low"),
        "expansion_proxy": column(before, "expansion_proxy"),
        "consol_proxy": column(before, "consol_proxy"),
    }
    for name, values in wanted.items():
        np.testing.assert_allclose(column(after, name), values, atol=1e-5, err_msg=name)


def test_a_part_of_the_windows_is_turned() -> None:
    item = window(5, 1)
    turned = [UpsideDown(0.3)(item, rng(seed)) is not item for seed in range(500)]
    assert np.mean(turned) == pytest.approx(0.3, abs=0.06)


def test_noise_is_measured_by_the_range() -> None:
    item = window(5000)
    size = np.median(item.bars_N6[:, 2] - item.bars_N6[:, 3])
    for factor in (1.0, 1000.0):
        scaled = BarWindow(item.bars_N6 * factor, 105)
        moved = (PriceNoise(0.1)(scaled, rng()).bars_N6 - scaled.bars_N6) / factor
        for price in (1, 4):
            assert moved[:, price].std() == pytest.approx(0.1 * size, rel=0.05)
            assert abs(moved[:, price].mean()) < 0.01 * size
    np.testing.assert_array_equal(PriceNoise(0)(item, rng()).bars_N6, item.bars_N6)


def test_noise_leaves_gaps_as_they_are() -> None:
    item = window()
    found = PriceNoise(0.2)(item, rng())
    gaps = [bars[1:, 1] - bars[:-1, 4] for bars in (item.bars_N6, found.bars_N6)]
    np.testing.assert_allclose(gaps[1], gaps[0], atol=1e-9)


def test_a_flat_market_stays_flat() -> None:
    flat = BarWindow(np.full((50, 6), 7.0), 20)
    for make in SIGNAL.values():
        np.testing.assert_array_equal(make()(flat, rng()).bars_N6, flat.bars_N6)


def spans(hidden: np.ndarray) -> list[int]:
    """How long the runs of True are."""
    return [len(list(run)) for value, run in groupby(hidden.tolist()) if value]


def test_whole_bars_are_hidden_in_spans() -> None:
    parts, lengths = [], []
    for seed in range(200):
        targets = BarMask(0.25, 0.0, (3, 12))(torch.zeros(105, 12), rng(seed))
        hidden = targets["hidden"].numpy()
        assert list(targets) == ["hidden"]
        assert hidden.dtype == np.bool_
        assert (hidden.all(axis=1) == hidden.any(axis=1)).all()
        parts.append(hidden.mean())
        lengths += spans(hidden[:, 0])
    assert min(parts) >= 0.25
    assert max(parts) <= (0.25 * 105 + 12) / 105
    assert min(lengths) == 3
    assert np.mean(np.array(lengths) <= 12) > 0.7, "longer ones are spans that touch"


def test_single_columns_are_hidden_besides() -> None:
    alone = np.stack([BarMask(0.0, 0.2)(torch.zeros(105, 12), rng(seed))["hidden"].numpy() for seed in range(100)])
    assert alone.mean(axis=1).min() >= 0.2
    assert alone.mean() < 0.3
    assert len({row.tobytes() for row in alone[0].T}) > 6, "each column has spans of its own"
    np.testing.assert_array_less(0.15, alone.mean(axis=(0, 2))[12:-12])  # everywhere in the window
    both = BarMask(0.25, 0.2)(torch.zeros(105, 12), rng())["hidden"].numpy()
    assert both.all(axis=1).mean() >= 0.25
    assert both.any(axis=1).mean() > both.all(axis=1).mean()


def test_chance_is_the_generators_and_something_stays_to_be_seen() -> None:
    for bars in (1, 2, 3, 7, 105):
        item = torch.zeros(bars, 12)
        found = BarMask(0.9, 0.5)(item, rng(5))["hidden"]
        assert torch.equal(BarMask(0.9, 0.5)(item, rng(5))["hidden"], found)
        assert found.shape == (bars, 12)
        assert found.any() or bars == 1
    assert BarMask.wants == "frames"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda: UpsideDown(1.5), r"UpsideDown\.part is 1\.5: give a part, 0 to 1"),
        (lambda: PriceNoise(-0.1), r"PriceNoise\.deviation is -0\.1"),
        (lambda: PriceNoise(float("nan")), r"PriceNoise\.deviation is nan"),
        (lambda: BarMask(float("nan")), r"BarMask\.part is nan"),
        (lambda: BarMask(features=2), r"BarMask\.features is 2"),
        (lambda: BarMask(0, 0), r"BarMask\.part is 0, features 0: hide something"),
        (lambda: BarMask(1), r"BarMask\.part is 1, features 0\.1: .*leave something"),
        (lambda: BarMask(span_bars=(5, 2)), r"BarMask\.span_bars is \[5, 2\]: give \[shortest, longest\]"),
        (lambda: BarMask(span_bars=(0, 2)), r"BarMask\.span_bars"),
        (lambda: BarMask(span_bars=(1, 2, 3)), r"BarMask\.span_bars"),
    ],
)
def test_wrong_settings_are_told(wrong: Callable[[], Any], words: str) -> None:
    with pytest.raises(InputError, match=rf"^data\.augment: {words}"):
        wrong()
