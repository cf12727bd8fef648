from __future__ import annotations

import datetime
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from project.contract import Track
from project.evaluation.page.candles import MAX_BARS, PRICES, Sheet, Window, candles_svg, is_window, make_window
from project.evaluation.result import Report, Row

Make = Callable[..., Report]
Sound = Callable[[str], str]


def drawn(media: str) -> Window:
    found = make_window(media)
    assert isinstance(found, Window)
    return found


def numbers(text: str) -> list[float]:
    return [float(part) for part in re.findall(r"-?\d+(?:\.\d+)?", text)]


@pytest.fixture
def row(make_spans: Make, bars: str) -> Row:
    """A window with a span that was wanted and one that was recognized."""
    report = make_spans("a", 4.0, series=bars)
    return replace(report.rows[1], reference="retracement 40-47", hypothesis="consolidation 43-49, retracement 60-61")


def test_bars_stand_where_their_prices_are(row: Row, sound: Sound) -> None:
    window = drawn(row.location)
    svg = sound(candles_svg(window, row))
    root = ET.fromstring(svg)  # noqa: S314
    bars_N6 = window.bars_N6
    sheet = Sheet(bars_N6, has_track=True)
    price_of = lambda y: sheet.high - (y - sheet.prices) / PRICES * (sheet.high - sheet.low)  # noqa: E731
    close_enough = 0.06 * (sheet.high - sheet.low) / PRICES  # a tenth of a unit
    wicks = numbers(next(part.get("d", "") for part in root.iter("path") if part.get("class") == "wick"))
    places = np.array(wicks).reshape(-1, 3)
    assert places[:, 0].tolist() == [sheet.x(n) + sheet.step / 2 for n in range(105)]
    assert np.abs(price_of(places[:, 1]) - bars_N6[:, 2]).max() < close_enough
    assert np.abs(price_of(places[:, 2]) - bars_N6[:, 3]).max() < close_enough
    bodies = {part.get("class"): part.get("d", "") for part in root.iter("path")}
    rising = bars_N6[:, 4] >= bars_N6[:, 1]
    assert bodies["up"].count("M") == rising.sum()
    assert bodies["down"].count("M") == (~rising).sum()
    tops = np.array([numbers(part)[1] for part in bodies["up"].split("M")[1:]])
    assert np.abs(price_of(tops) - bars_N6[rising, 4]).max() < close_enough


def test_spans_and_probabilities_stand_at_their_bars(row: Row) -> None:
    window = drawn(row.location)
    svg, sheet = candles_svg(window, row), Sheet(window.bars_N6, has_track=True)
    root = ET.fromstring(svg)  # noqa: S314
    boxes = [
        (one.get("class"), float(one.get("x", "")), float(one.get("x", "")) + float(one.get("width", "")))
        for one in root.iter("rect")
    ]
    ends = {"shade": [(40, 47)], "wanted": [(40, 47)], "recognized": [(43, 49), (60, 61)]}
    for side, spans in ends.items():
        assert [box[1:] for box in boxes if box[0] == side] == [(sheet.x(a), sheet.x(b)) for a, b in spans]
    line = next(part.get("d", "") for part in root.iter("path") if part.get("class") == "line")
    levels = [numbers(part)[0] for part in line.split("V")[1:-1]]
    assert row.track is not None
    assert levels == [float(sheet.level(value)) for value in row.track.inside]
    assert "threshold 0.3" in svg
    titles = [title.text or "" for title in root.iter("title")]
    assert len(titles) == 105
    moment = datetime.datetime.fromtimestamp(window.bars_N6[47, 0], datetime.UTC)
    assert titles[47].startswith(f"47: {moment:%Y-%m-%d %H:%M}\nO ")
    assert titles[47].endswith(f"inside {row.track.inside[47]:.2f}")
    assert root.get("aria-label") == f"105 bars; wanted {row.reference}; recognized {row.hypothesis}"


def test_a_picture_is_small(row: Row) -> None:
    window = drawn(row.location)
    svg = candles_svg(window, row)
    assert len(svg) < 18_000
    assert len(svg) < 1.3 * window.size


@pytest.mark.parametrize("count", [1, 2, 30, MAX_BARS])
def test_windows_of_any_length(row: Row, count: int, sound: Sound) -> None:
    file = row.location.split("#")[0]
    window = drawn(f"{file}#0:{count}")
    for track in (row.track, None, Track((), 0.5), Track((0.0,) * count, 1.0)):
        svg = sound(candles_svg(window, replace(row, track=track)))
        width = float(ET.fromstring(svg).get("viewBox", "").split()[2])  # noqa: S314
        xs = [float(one.get("x", "")) + float(one.get("width", "")) for one in ET.fromstring(svg).iter("rect")]  # noqa: S314
        assert max(xs) <= width


def test_days_and_prices_that_stand_still(tmp_path: Path, row: Row, sound: Sound) -> None:
    bars_N6 = np.full((20, 6), 1.0845)
    bars_N6[:, 0] = 86_400 * np.arange(20)
    np.save(tmp_path / "still.npy", bars_N6)
    svg = sound(candles_svg(drawn(f"{tmp_path}/still.npy#0:20"), row))
    assert "<title>3: 1970-01-04\nO 1.08" in svg
    assert "nan" not in svg


def test_what_cannot_be_drawn_says_why(tmp_path: Path, row: Row) -> None:
    file = row.location.split("#")[0]
    np.save(tmp_path / "flat.npy", np.zeros((200, 3)))
    for media, reason in (
        (f"{tmp_path}/flat.npy#0:105", "a series is"),
        (f"{file}#2950:3055", "3000 rows"),
        (f"{file}#0:{MAX_BARS + 1}", "481 bars are too many"),
    ):
        found = make_window(media)
        assert isinstance(found, str)
        assert reason in found
        assert str(tmp_path) not in found


def test_names_are_escaped(row: Row) -> None:
    evil = replace(row, reference='<b>&" 3-7', hypothesis="")
    svg = candles_svg(drawn(row.location), evil)
    assert "<b>" not in svg
    assert "&lt;b&gt;&amp;" in svg
    assert not is_window("a.npy")
