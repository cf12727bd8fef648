"""Splits: the same dates for all, nothing shared across them, and groups that none of them divides."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import combinations
from typing import Any

import numpy as np
import pytest

from project.contract import InputError
from project.corpus.market.blocks import Splits, Stretch

HOUR = 3600.0


def markets() -> dict[str, np.ndarray]:
    """One that trades always, one seven hours a day and from earlier on, one that ends early, and a new one."""
    whole = np.arange(20_000) * HOUR
    day = np.arange(-30_000, 20_000) * HOUR
    return {"always": whole, "day": day[(day // HOUR) % 24 < 7], "gone": whole[:6000], "new": whole[17_500:]}


def usable(times: dict[str, np.ndarray]) -> dict[str, range]:
    return {name: range(62, len(column) - 9) for name, column in times.items()}


@pytest.mark.parametrize("given", [{}, {"parts": (0.5, 0.2, 0.3)}, {"dates": ("1970-09-01", "1971-06-01 12:00")}])
def test_splits_by_time_share_no_bar_nor_date(given: dict[str, Any]) -> None:
    times, splits = markets(), Splits(**given)
    divided = splits.divide(times, usable(times))
    seen: dict[str, list[tuple[float, float]]] = {"train": [], "dev": [], "test": []}
    for name, stretches in divided.items():
        assert [stretch.split for stretch in stretches] == ["train", "dev", "test"]
        for split, bars in stretches:
            assert 62 <= bars.start <= bars.stop <= max(62, len(times[name]) - 9) or not len(bars)
            if len(bars):  # with the history of features and what labels look at
                seen[split].append((times[name][max(0, bars.start - 128)], times[name][bars.stop - 1 + 9]))
        for before, after in combinations([stretch.bars for stretch in stretches if len(stretch.bars)], 2):
            assert after.start - before.stop >= splits.embargo
    for earlier, later in combinations(seen, 2):
        assert max(end for _, end in seen[earlier]) < min(begin for begin, _ in seen[later]), "of all instruments"
    first, second = splits.borders(times)
    for name, column in times.items():
        rows = {stretch.split: stretch.bars for stretch in divided[name]}
        assert all(column[row] < first for row in rows["train"])
        assert all(first <= column[row] < second for row in rows["dev"])
        assert all(column[row] >= second for row in rows["test"])


def test_dates_divide_all_bars_as_the_parts_say() -> None:
    times = markets()
    pooled = np.concatenate(list(times.values()))
    first, second = Splits(parts=(0.6, 0.3, 0.1)).borders(times)
    assert np.mean(pooled < first) == pytest.approx(0.6, abs=1e-3)
    assert np.mean((pooled >= first) & (pooled < second)) == pytest.approx(0.3, abs=1e-3)
    dates = Splits(dates=("1970-09-01", "1971-06-01T12:00")).borders(times)
    assert dates == tuple(
        datetime(*parts, tzinfo=UTC).timestamp()
        for parts in ((1970, 9, 1), (1971, 6, 1, 12))  # type: ignore[misc]
    )
    for parts, alone in (((1, 0, 0), "train"), ((0, 0, 1), "test")):
        divided = Splits(parts=parts).divide(times, usable(times))
        assert {split for stretches in divided.values() for split, bars in stretches if len(bars)} == {alone}
        assert divided["always"][0 if alone == "train" else 2].bars == range(62, 19_991)


def test_splits_by_instrument_are_whole() -> None:
    times = markets()
    splits = Splits(by="instrument", dev=["gone"], test=["new", "day"])
    divided = splits.divide(times, usable(times))
    assert {name: stretch.split for name, (stretch,) in divided.items()} == {
        "always": "train",
        "gone": "dev",
        "new": "test",
        "day": "test",
    }
    assert all(stretch.bars == usable(times)[name] for name, (stretch,) in divided.items())


def test_a_group_is_a_block_of_one_stretch() -> None:
    stretches = [
        Stretch("train", range(62, 2500)),
        Stretch("dev", range(2756, 2756)),
        Stretch("test", range(2756, 4000)),
    ]
    groups = Splits(block=1000).groups("spy", stretches)
    assert groups == [
        (range(62, 1062), "spy 0"),
        (range(1062, 2062), "spy 1"),
        (range(2062, 2500), "spy 2"),
        (range(2756, 3756), "spy 3"),
        (range(3756, 4000), "spy 4"),
    ]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"by": "window"}, r"splits\.by is 'window': choose time or instrument"),
        ({"parts": (0.7, 0.2, 0.2)}, r"splits\.parts is \[0.7, 0.2, 0.2\]: give three parts"),
        ({"parts": (0.7, 0.3)}, r"splits\.parts"),
        ({"parts": (1.2, -0.1, -0.1)}, r"splits\.parts"),
        ({"embargo": -1}, r"splits\.embargo -1"),
        ({"block": 0}, r"block 0"),
        ({"dev": ["spy"]}, r"name instruments: add corpus\.splits\.by=instrument"),
        ({"dates": ("2015-01-01",)}, r"splits\.dates is \['2015-01-01'\]: give two"),
        ({"dates": ("2015-01-01", "then")}, r"splits\.dates"),
        ({"dates": ("2018-01-01", "2015-01-01")}, r"give two in order"),
        ({"dates": ("2015-01-01", "2018-01-01"), "by": "instrument"}, r"with splits\.by=time"),
    ],
)
def test_wrong_settings_are_told(given: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        Splits(**given)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"dev": ["dax"]}, r"splits\.dev names 'dax': choose from always, day, gone, new"),
        ({"dev": ["day"], "test": ["day"]}, r"splits\.dev and test both name 'day'"),
    ],
)
def test_instruments_that_are_not_there_are_told(given: dict[str, Any], words: str) -> None:
    times = markets()
    with pytest.raises(InputError, match=words):
        Splits(by="instrument", **given).divide(times, usable(times))
