"""Spans that people have marked: read as they stand, or every flaw told with its line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from project.contract import InputError
from project.corpus.market.annotations import read_annotations
from project.corpus.market.label import Expansion
from project.corpus.market.windows import Window

HEADER = "instrument,window,start,end,kind"


def series() -> dict[str, np.ndarray]:
    """Hourly bars from 2015-03-02 on, and daily ones."""
    spy, ibm = np.ones((500, 6)), np.ones((200, 6))
    spy[:, 0] = 1425254400 + 3600 * np.arange(500)
    ibm[:, 0] = 1425254400 + 86400 * np.arange(200)
    return {"spy": spy, "ibm": ibm}


def test_rows_become_windows_with_all_their_spans(tmp_path: Path) -> None:
    rows: list[tuple[Any, ...]] = [
        ("spy", 100, 60, 66, "consolidation"),
        ("ibm", 7, None, None, None),
        ("spy", "2015-03-02T20:00", 0, 3, "retracement"),
        ("spy", 100, 40, 47, "retracement"),
        ("spy", 395, 100, 105, "my_own"),
    ]
    expected = {
        "spy": [
            Window("20", 20, [Expansion(20, 23, "retracement")], (20, 20)),
            Window("100", 100, [Expansion(140, 147, "retracement"), Expansion(160, 166, "consolidation")], (100, 100)),
            Window("395", 395, [Expansion(495, 500, "my_own")], (395, 395)),
        ],
        "ibm": [Window("7", 7, [], (7, 7))],
    }
    table, lines = tmp_path / "a.csv", tmp_path / "a.jsonl"
    for sign in ",;\t":
        cells = [sign.join("" if cell is None else str(cell) for cell in row) for row in rows]
        table.write_text("\n".join([HEADER.replace(",", sign), *cells]), encoding="utf-8")
        assert read_annotations(table, series(), 105) == expected
    records = [dict(zip(HEADER.split(","), row, strict=True)) for row in rows]
    records[1] = {"instrument": "ibm", "window": "7"}
    lines.write_text("".join(json.dumps(record) + "\n\n" for record in records), encoding="utf-8")
    assert read_annotations(lines, series(), 105) == expected


FLAWS = {
    "spy,,40,47,retracement": "it does not name `instrument` and `window`",
    "dax,100,40,47,retracement": "instrument 'dax': there are spy, ibm: choose from them",
    "spy,396,40,47,retracement": "window 396: spy has no 105 bars from there on: begin at row 395 at the latest",
    "spy,2015-03-02 20:30,40,47,retracement": "window 2015-03-02 20:30: spy has no bar of that time",
    "spy,2035-03-02,40,47,retracement": "window 2035-03-02: spy has no bar of that time",
    "spy,-5,40,47,retracement": "window '-5' is neither a row nor a time: write 4321 or 2015-03-02T10:00",
    "spy,100,47,40,retracement": "start 47, end 40: give bars of the window, 0 <= start < end <= 105",
    "spy,100,40,106,retracement": "start 40, end 106: give bars",
    "spy,100,-1,4,retracement": "start -1, end 4: give bars",
    "spy,100,40,,retracement": "start 40, end None: give bars",
    "spy,100,4.5,6,retracement": "start 4.5, end 6: give bars",
    "spy,100,40,47,": "kind is None: name it in one word",
    "spy,100,40,47,big move": "kind is 'big move': name it in one word",
    "spy,100,,,retracement": "kind 'retracement' of no span: write `start` and `end`, or no kind",
    "spy,200,10,20,retracement": "its span overlaps that of {table}:2: keep one of them",
    "spy,200,,,": "{table}:2 is of the same window: one without a span has one row alone",
}


def test_every_flaw_is_told_with_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = tmp_path / "marks.csv"
    table.write_text("\n".join([HEADER, "spy,200,15,30,retracement", *FLAWS]), encoding="utf-8")
    with pytest.raises(InputError, match=rf"marks\.csv: {len(FLAWS)} of its rows cannot be used, nothing is made"):
        read_annotations(table, series(), 105)
    told = capsys.readouterr().err.splitlines()
    assert len(told) == len(FLAWS)
    for number, (line, words) in enumerate(zip(told, FLAWS.values(), strict=True), start=3):
        assert line.startswith(f"{table}:{number}: {words.format(table=table)}")


def test_a_window_without_a_span_has_none_beside(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = tmp_path / "marks.jsonl"
    records: list[Any] = [{"instrument": "spy", "window": 3}, {"instrument": "spy", "window": 3, "start": 1, "end": 2}]
    records[1]["kind"] = "retracement"
    lines.write_text("\n".join([*map(json.dumps, records), "[1]", "{"]), encoding="utf-8")
    with pytest.raises(InputError, match="3 of its rows"):
        read_annotations(lines, series(), 105)
    told = capsys.readouterr().err.splitlines()
    assert told[0].startswith(f"{lines}:2: {lines}:1 is of the same window")
    assert [line.removeprefix(f"{lines}:") for line in told[1:]] == [
        f"{number}: not a JSON object: write one {{...}} a line" for number in (3, 4)
    ]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", HEADER, r"a\.csv: it has no rows: write one a span"),
        ("a.jsonl", "", r"a\.jsonl: it has no rows"),
        ("a.csv", "instrument,window\nspy,3", r"a\.csv: no column start, end, kind: name them"),
        ("a.json", "[]", r"a\.json: annotations are \.csv, \.tsv or \.jsonl"),
        ("b/c.jsonl", None, r"c\.jsonl: not readable"),
        ("b/c.csv", None, r"c\.csv: not readable"),
    ],
)
def test_files_that_are_no_annotations_are_told(name: str, content: str | None, words: str, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / name).write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=words):
        read_annotations(tmp_path / name, series(), 105)
