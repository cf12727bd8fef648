"""Windows of price bars inside the page: candles, wanted spans above and recognized ones below them, and what was said.

A picture needs no script: dates and values come up as one points at a bar. Hollow candles rise, filled ones fall. It
does not know which spans are right, nor what the bars mean.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import PurePosixPath

from project.contract import InputError, Track
from project.evaluation.page.embedded import Embedded
from project.evaluation.result import Row
from project.evaluation.span_report import sides
from project.feature.bar_window import HIGH, LOW, TIME, BarArray, read_window
from project.feature.excerpt import split_excerpt
from project.text.span_notation import SpanMark

MAX_BARS = 480  # more would be thinner than a line
MAX_BYTES = 1_200_000  # of all windows of a page, each drawn once
BYTES_PER_BAR = 140  # of a picture, about
LEFT, WIDTH, RIGHT = 16, 960, 100  # units: the margins, and at most so much for all bars
WIDEST = 24  # units of a bar where there are few
LABEL, STRIP, PRICES, PANEL = 15, 6, 170, 54  # units: heights of a line of text, of spans, prices and probabilities
LETTER = 6.2  # units, about
LARGEST = 1.25  # pixels of a unit, at most


@dataclass(frozen=True, slots=True)
class Window:
    """The bars of a window as they are drawn."""

    bars_N6: BarArray

    @property
    def size(self) -> int:
        """Bytes of the page, about."""
        return BYTES_PER_BAR * len(self.bars_N6)


class Sheet:
    """Where things stand in the picture of a window: x of bars, y of prices and probabilities."""

    def __init__(self, bars_N6: BarArray, has_track: bool) -> None:
        self.num_bars = len(bars_N6)
        self.step = min(WIDEST, WIDTH // self.num_bars // 2 * 2 or 1)  # even, so that its middle is short to write
        self.right = LEFT + self.step * self.num_bars
        self.low, self.high = float(bars_N6[:, LOW].min()), float(bars_N6[:, HIGH].max())
        self.prices = LABEL + STRIP + 6  # where they begin, and so on downwards
        self.said = self.prices + PRICES + 6
        self.panel = self.said + STRIP + LABEL + 4
        self.bottom = self.panel + PANEL if has_track else self.panel - 4

    def x(self, bar: int) -> int:
        """Where a bar begins."""
        return LEFT + self.step * min(bar, self.num_bars)

    def y(self, price: float) -> str:
        part = (self.high - price) / (self.high - self.low) if self.high > self.low else 0.5
        return f"{round(self.prices + PRICES * part, 1):g}"

    def level(self, probability: float) -> str:
        return f"{round(self.panel + PANEL * (1 - probability), 1):g}"


def windows(max_bytes: int = MAX_BYTES) -> Embedded[Window]:
    """Room for all windows of a page."""
    return Embedded(make_window, max_bytes, "bars")


def is_window(media: str) -> bool:
    """Whether a medium is a window of a series of bars, by its name.

    >>> is_window("series/spy_1h.npy#4000:4105"), is_window("audio/a.flac")
    (True, False)
    """
    file, rows = split_excerpt(media)
    return rows is not None and PurePosixPath(file).suffix == ".npy"


def make_window(media: str) -> Window | str:
    """The bars of a window; or one line that says why they are not drawn."""
    try:
        window = read_window(media, history=0)
    except InputError as error:
        file = split_excerpt(media)[0]
        return str(error).removeprefix("media ").removeprefix(file).removeprefix(": ")
    if window.length > MAX_BARS:
        return f"{window.length:,} bars are too many for a picture"
    return Window(window.bars_N6)


def candles_svg(window: Window, row: Row) -> str:
    """A row's picture: its bars, its spans of both sides, and the probability of each bar that it lies in one."""
    bars_N6, track = window.bars_N6, row.track if row.track and row.track.inside else None
    sheet, (wanted, said) = Sheet(bars_N6, track is not None), sides(row)
    body = "".join(
        (
            *(_shade(sheet, mark) for mark in wanted), _price_rules(sheet), _candles(sheet, bars_N6),
            _strip(sheet, wanted, "wanted", LABEL, LABEL - 5),
            _strip(sheet, said, "recognized", sheet.said, sheet.said + STRIP + LABEL - 4),
            _panel(sheet, track) if track else "", _axis(sheet, bars_N6), _hits(sheet, bars_N6, track),
        )
    )  # fmt: skip
    spoken = escape(f"{len(bars_N6)} bars; wanted {row.reference or 'none'}; recognized {row.hypothesis or 'none'}")
    width, height = sheet.right + RIGHT, sheet.bottom + 2 * LABEL + 4
    head = f'class="candles" viewBox="0 0 {width} {height}" style="max-width:{round(LARGEST * width)}px"'
    return f'<svg {head} role="img" aria-label="{spoken}">{body}</svg>'


def _shade(sheet: Sheet, mark: SpanMark) -> str:
    x, width = sheet.x(mark.start), sheet.x(mark.end) - sheet.x(mark.start)
    return f'<rect class="shade" x="{x}" y="{LABEL}" width="{width}" height="{sheet.bottom - LABEL}"/>'


def _price_rules(sheet: Sheet) -> str:
    span = sheet.high - sheet.low
    step = _round_step(span / 5) if span > 0 else 1.0
    first, digits = math.ceil(sheet.low / step), max(0, -math.floor(math.log10(step)))
    found = []
    for count in range(first, math.floor(sheet.high / step) + 1 if span > 0 else first):
        y = sheet.y(count * step)
        found.append(f'<path class="rule" d="M{LEFT} {y}H{sheet.right}"/>')
        found.append(_text(sheet.right + 7, float(y) + 4, f"{count * step:,.{digits}f}"))
    return "".join(found)


def _candles(sheet: Sheet, bars_N6: BarArray) -> str:
    wicks, rising, falling = [], [], []
    width = max(1, round(0.64 * sheet.step))
    for n, (_, opened, high, low, close, _) in enumerate(bars_N6.tolist()):
        x = sheet.x(n)
        top, bottom = float(sheet.y(max(opened, close))), float(sheet.y(min(opened, close)))
        wicks.append(f"M{x + sheet.step / 2:g} {sheet.y(high)}V{sheet.y(low)}")
        tall = f"{round(max(0.6, bottom - top), 1):g}"
        if close >= opened:
            rising.append(f"M{x + (sheet.step - width) / 2:g} {top:g}h{width}v{tall}h-{width}z")
        else:
            falling.append(f"M{x + sheet.step / 2:g} {top:g}v{tall}")
    parts = (("wick", 0.9, wicks), ("up", 0.9, rising), ("down", width + 0.9, falling))
    return "".join(
        f'<path class="{name}" stroke-width="{wide:g}" d="{"".join(part)}"/>' for name, wide, part in parts if part
    )


def _strip(sheet: Sheet, marks: Sequence[SpanMark], side: str, y: int, text_y: int) -> str:
    """Spans of one side as bars, each with its kind where there is room, and the side's name in the margin."""
    found, free = [_text(sheet.right + 7, y + STRIP, side)], 0.0
    for mark in marks:
        x, width = sheet.x(mark.start), sheet.x(mark.end) - sheet.x(mark.start)
        found.append(f'<rect class="{side}" x="{x}" y="{y}" width="{width}" height="{STRIP}" rx="2"/>')
        begin = min(x, sheet.right - LETTER * len(mark.kind))
        if begin >= free:
            found.append(_text(begin, text_y, mark.kind, "kind"))
            free = begin + LETTER * (len(mark.kind) + 1)
    return "".join(found)


def _panel(sheet: Sheet, track: Track) -> str:
    """The probability of each bar as a step, and the threshold."""
    line = "".join(f"V{sheet.level(value)}h{sheet.step}" for value in track.inside[: sheet.num_bars])
    y = sheet.level(track.threshold)
    return (
        f'<path class="rule" d="M{LEFT} {sheet.bottom}H{sheet.right}M{LEFT} {sheet.panel}H{sheet.right}"/>'
        f"{_text(LEFT - 5, sheet.panel + 4, '1', 'end')}{_text(LEFT - 5, sheet.bottom + 3, '0', 'end')}"
        f'<path class="line" d="M{LEFT} {sheet.bottom}{line}V{sheet.bottom}"/>'
        f'<path class="threshold" d="M{LEFT} {y}H{sheet.right}"/>'
        f"{_text(sheet.right + 7, float(y) + 4, f'threshold {track.threshold:.2g}')}"
    )


def _axis(sheet: Sheet, bars_N6: BarArray) -> str:
    """Numbers of bars, as spans count them, and below the dates of the first and the last."""
    step = max(1, int(_round_step(sheet.num_bars / 10)))
    y, (first, *_, last) = sheet.bottom + LABEL, [*_dates(bars_N6)] * 2
    numbers = (_text(sheet.x(n) + sheet.step / 2, y, str(n), "middle") for n in range(0, sheet.num_bars, step))
    ends = _text(LEFT, y + LABEL, first), _text(sheet.right, y + LABEL, last, "end")
    return "".join([*numbers, *ends])


def _hits(sheet: Sheet, bars_N6: BarArray, track: Track | None) -> str:
    """What comes up over each bar."""
    found, digits = [], _digits(sheet)
    for n, (date, bar) in enumerate(zip(_dates(bars_N6), bars_N6.tolist(), strict=True)):
        prices = " ".join(f"{name} {price:.{digits}f}" for name, price in zip("OHLC", bar[1:5], strict=True))
        said = f"\ninside {track.inside[n]:.2f}" if track and n < len(track.inside) else ""
        place = f"M{sheet.x(n) + sheet.step / 2:g} {LABEL}V{sheet.bottom}"
        found.append(f'<path d="{place}"><title>{n}: {date}\n{prices}{said}</title></path>')
    return f'<g class="hits" stroke-width="{sheet.step}">{"".join(found)}</g>'


def _digits(sheet: Sheet) -> int:
    """Digits behind the point with which a hundredth of the window's range can be told."""
    span = sheet.high - sheet.low
    return max(0, math.ceil(-math.log10(span / 100))) if span > 0 else 2


def _dates(bars_N6: BarArray) -> Iterator[str]:
    """Of each bar in UTC, with hours and minutes where any bar has some."""
    has_hours = (bars_N6[:, TIME] % 86_400 != 0).any()
    for seconds in bars_N6[:, TIME].tolist():
        moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
        yield f"{moment:%Y-%m-%d %H:%M}" if has_hours else f"{moment:%Y-%m-%d}"


def _round_step(least: float) -> float:
    """The next of 1, 2 or 5 times a power of ten.

    >>> _round_step(10.5), _round_step(0.03)
    (20.0, 0.05)
    """
    power = 10.0 ** math.floor(math.log10(least))
    return next(size * power for size in (1, 2, 5, 10) if size * power >= least * (1 - 1e-9))


def _text(x: float, y: float, text: str, kind: str = "") -> str:
    named = f' class="{kind}"' if kind else ""
    return f'<text{named} x="{x:g}" y="{y:g}">{escape(text)}</text>'
