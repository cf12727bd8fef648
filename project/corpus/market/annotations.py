"""Spans that people have marked in windows of bars: a row each, in a CSV or JSON Lines file.

    instrument,window,start,end,kind
    spy_1h,2015-03-02T10:00,40,47,retracement
    spy_1h,4321,,,

`window` is the window's first bar, as its row in the series, counted from 0, or as its time. `start` and `end` count
bars of the window, the end is not part of the span. A window with several spans has several rows, one without a span a
row without start, end and kind. It does not know which kinds an experiment tells apart.
"""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from project.contract import InputError
from project.corpus.market.label import Expansion
from project.corpus.market.series import seconds_of
from project.corpus.market.table import read_table
from project.corpus.market.windows import Window
from project.feature.bar_window import TIME, BarArray

_COLUMNS = ("instrument", "window", "start", "end", "kind")


class _FlawError(ValueError):
    """What is wrong with a row: `what: remedy`."""


def read_annotations(path: Path, series: Mapping[str, BarArray], bars: int) -> dict[str, list[Window]]:
    """The annotated windows of each instrument, in order of time, each `bars` long. Every flaw is told."""
    found: dict[tuple[str, int], dict[str, Expansion | None]] = defaultdict(dict)  # by window: place -> span
    problems = []
    for place, record in _records(path):
        try:
            if record is None:
                raise _FlawError("not a JSON object: write one {...} a line")
            instrument, first = _window(record, series, bars)
            span = _span(record, first, bars)
            _require_apart(span, found[instrument, first])
            found[instrument, first][place] = span
        except _FlawError as flaw:
            problems.append(f"{place}: {flaw}")
    if problems:
        print("\n".join(problems), file=sys.stderr)
        raise InputError(f"{path}: {len(problems):,} of its rows cannot be used, nothing is made: mend them")
    if not found:
        raise InputError(f"{path}: it has no rows: write one a span, with {', '.join(_COLUMNS)}")
    windows: dict[str, list[Window]] = {name: [] for name in series}
    for (instrument, first), spans in sorted(found.items()):
        held = sorted(span for span in spans.values() if span is not None)
        windows[instrument].append(Window(str(first), first, held, (first, first)))
    return windows


def _records(path: Path) -> Iterator[tuple[str, Mapping[str, Any] | None]]:
    """Place and content of each row; None of one that has none."""
    if path.suffix.lower() not in {".csv", ".tsv", ".jsonl"}:
        raise InputError(f"{path}: annotations are .csv, .tsv or .jsonl: save them as one of these")
    if path.suffix.lower() != ".jsonl":
        table = read_table(path, _COLUMNS)
        if missing := [name for name in _COLUMNS if name not in table.columns]:
            raise InputError(f"{path}: no column {', '.join(missing)}: name them in the first line")
        cells = zip(*(table.columns[name] for name in _COLUMNS), strict=True)
        for row, values in enumerate(cells):
            yield table.place(row), dict(zip(_COLUMNS, (value.strip() or None for value in values), strict=True))
        return
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise InputError(f"{path}: not readable ({error.strerror}): correct corpus.annotations") from None
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield f"{path}:{number}", _object(line)


def _object(line: bytes) -> Mapping[str, Any] | None:
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return record if isinstance(record, dict) else None


def _window(record: Mapping[str, Any], series: Mapping[str, BarArray], bars: int) -> tuple[str, int]:
    """Instrument and first bar."""
    name, window = record.get("instrument"), record.get("window")
    if name is None or window is None:
        raise _FlawError("it does not name `instrument` and `window`: write both, the window as its first bar")
    if name not in series:
        raise _FlawError(f"instrument {name!r:.40}: there are {', '.join(series)}: choose from them")
    times_N = series[str(name)][:, TIME]
    most = len(times_N) - bars
    if re.fullmatch(r"\d+", str(window)):
        first = int(window)
    else:
        try:
            seconds = seconds_of(str(window))
        except (ValueError, OverflowError):
            raise _FlawError(
                f"window {window!r:.40} is neither a row nor a time: write 4321 or 2015-03-02T10:00"
            ) from None
        first = int(np.searchsorted(times_N, seconds))
        if first >= len(times_N) or times_N[first] != seconds:
            raise _FlawError(f"window {window}: {name} has no bar of that time: give the time of its first bar")
    if first > most:
        raise _FlawError(f"window {window}: {name} has no {bars} bars from there on: begin at row {most} at the latest")
    return str(name), first


def _span(record: Mapping[str, Any], first: int, bars: int) -> Expansion | None:
    """The span of a row in bars of the series; None where the row says that there is none."""
    start, end, kind = (record.get(name) for name in ("start", "end", "kind"))
    if start is None and end is None:
        if kind is not None:
            raise _FlawError(f"kind {kind!r:.40} of no span: write `start` and `end`, or no kind")
        return None
    if not re.fullmatch(r"\d+-\d+", f"{start}-{end}") or not int(str(start)) < int(str(end)) <= bars:
        raise _FlawError(f"start {start}, end {end}: give bars of the window, 0 <= start < end <= {bars}")
    if not isinstance(kind, str) or not re.fullmatch(r"[^\s,]+", kind):
        raise _FlawError(f"kind is {kind!r:.40}: name it in one word without commas, such as retracement")
    return Expansion(first + int(str(start)), first + int(str(end)), kind)


def _require_apart(span: Expansion | None, others: Mapping[str, Expansion | None]) -> None:
    """A window's spans do not overlap, and none of them is one that is not there."""
    for place, other in others.items():
        if span is None or other is None:
            raise _FlawError(f"{place} is of the same window: one without a span has one row alone: take one out")
        if span.start < other.end and other.start < span.end:
            raise _FlawError(f"its span overlaps that of {place}: keep one of them")
