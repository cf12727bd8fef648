"""Formats: read back by simple readers of their own, they hold what was recognized."""

from __future__ import annotations

import json
import re
from itertools import pairwise

import pytest

from project.contract import InputError
from project.transcript import formats
from project.transcript.formats import FORMATS, format_of
from project.transcript.spans import SpanTranscript
from project.transcript.transcript import Mark, Transcript

MARKS = (
    Mark("C", 0.5, 0.54, 0.9),
    Mark("Q", 1.0, 1.02, 0.8),
    Mark(" ", 1.3, 1.32, 0.7),
    Mark("<SK>", 1.6, 1.64, 0.6),
    Mark('"', 61.0, 61.02, 0.5),
)
ONE = Transcript("audio/a.wav", 62.0, MARKS, "")
EMPTY = Transcript("audio/b.wav", 3.0, (), "")


def test_text() -> None:
    assert formats.text(ONE) == 'CQ <SK>"\n'
    assert formats.named_text(ONE) == 'audio/a.wav\tCQ <SK>"\n'
    assert formats.text(EMPTY) == "\n"


def test_json() -> None:
    line = formats.json_line(ONE)
    assert line.count("\n") == 1
    content = json.loads(line)
    assert content["file"] == "audio/a.wav"
    assert content["text"] == 'CQ <SK>"'
    assert content["confidence"] == 0.7
    assert content["symbols"][1] == {"symbol": "Q", "start": 1.0, "end": 1.02, "confidence": 0.8}
    assert [word["word"] for word in content["words"]] == ["CQ", "<SK>", '"']
    assert json.loads(formats.json_line(EMPTY))["confidence"] is None


@pytest.mark.parametrize("name", ["srt", "vtt"])
def test_captions(name: str) -> None:
    written = format_of(name).write(ONE)
    mark = "," if name == "srt" else "."
    times = re.findall(r"^(\d\d):(\d\d):(\d\d)[,.](\d{3}) --> \d\d:\d\d:\d\d[,.]\d{3}$", written, flags=re.M)
    assert times == [("00", "00", "00", "500"), ("00", "01", "01", "000")]
    assert f"00:01:01{mark}000 --> 00:01:02{mark}000" in written
    assert ("<SK>" in written) == (name == "srt")
    assert ("&lt;SK&gt;" in written) == (name == "vtt")
    assert written.startswith("WEBVTT\n\n" if name == "vtt" else "1\n00:")
    blocks = written.strip().split("\n\n")
    assert len(blocks) == (2 if name == "srt" else 3)
    assert format_of(name).write(EMPTY) == ("" if name == "srt" else "WEBVTT\n")


def read_textgrid(written: str) -> dict[str, list[tuple[float, float, str]]]:
    """Tiers of a TextGrid: its numbers and quoted texts in order, as Praat reads them."""
    values = re.findall(r'"(?:[^"]|"")*"|(?<== )[\d.]+', written)
    kind, name, *rest = (value[1:-1].replace('""', '"') if value[0] == '"' else float(value) for value in values)
    assert (kind, name) == ("ooTextFile", "TextGrid")
    assert rest[:3] == [0.0, 62.0, 2.0]
    tiers, rest = {}, rest[3:]
    while rest:
        (kind, tier, start, end, count), rest = rest[:5], rest[5:]
        assert (kind, start, end) == ("IntervalTier", 0.0, 62.0)
        cells = rest[: 3 * int(count)]
        tiers[tier] = list(zip(cells[::3], cells[1::3], cells[2::3], strict=True))
        rest = rest[3 * int(count) :]
    return tiers


def test_textgrid() -> None:
    tiers = read_textgrid(format_of("textgrid").write(ONE))
    assert list(tiers) == ["words", "symbols"]
    for intervals in tiers.values():
        assert intervals[0][0] == 0.0
        assert intervals[-1][1] == 62.0
        assert all(a[1] == b[0] for a, b in pairwise(intervals))
        assert all(start < end for start, end, _ in intervals)
    assert [text for _, _, text in tiers["words"] if text] == ["CQ", "<SK>", '"']
    assert (1.6, 1.64, "<SK>") in tiers["symbols"]


def test_windows_of_bars() -> None:
    """Places are bars, and are told as such; what is written on a clock is not for them."""
    spans = (Mark("retracement", 40, 47, 0.75), Mark("retracement", 60, 66, 0.5))
    one = SpanTranscript("spy.npy#0:105", 105, spans, "retracement 40-47, retracement 60-66")
    assert formats.text(one) == "retracement 40-47, retracement 60-66\n"
    assert json.loads(formats.json_line(one)) == {
        "file": "spy.npy#0:105",
        "bars": 105,
        "text": one.text,
        "confidence": 0.625,
        "spans": [
            {"span": "retracement", "start": 40, "end": 47, "confidence": 0.75},
            {"span": "retracement", "start": 60, "end": 66, "confidence": 0.5},
        ],
    }
    written = format_of("textgrid").write(one)
    assert 'name = "spans"' in written
    assert re.findall(r"xmin = ([\d.]+)\n +xmax = ([\d.]+)\n +text = \"retr", written) == [
        ("40.000000", "47.000000"),
        ("60.000000", "66.000000"),
    ]
    assert [name for name in FORMATS if FORMATS[name].has_clock] == ["srt", "vtt"]
    assert SpanTranscript("a", 5, (), "").confidence is None


def test_a_textgrid_of_nothing_has_one_empty_interval() -> None:
    assert format_of("textgrid").write(EMPTY).count('text = ""') == 2


def test_an_unknown_format_is_named() -> None:
    with pytest.raises(InputError, match=f"choose from {', '.join(FORMATS)}"):
        format_of("doc")
