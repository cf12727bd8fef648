"""How transcripts are written: plain text, JSON lines, captions (SRT, WebVTT) and Praat's TextGrid.

Each format is a function from a transcript to text; it does not know where that goes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from project.contract import InputError
from project.transcript.transcript import Mark, Transcribed


@dataclass(frozen=True, slots=True)
class Format:
    """A way to write a transcript."""

    suffix: str
    write: Callable[[Transcribed], str]
    joins: bool  # whether those of several files make one, put one after the other
    has_clock: bool = False  # whether its times are those of a clock


def text(transcript: Transcribed) -> str:
    return f"{transcript.text.strip()}\n"


def named_text(transcript: Transcribed) -> str:
    """The file's name, a tab, its text: for several in one file."""
    return f"{transcript.file}\t{text(transcript)}"


def json_line(transcript: Transcribed) -> str:
    """One line: file, seconds (or bars), text, confidence, and what has times: words and symbols, segments or spans."""
    content: dict[str, Any] = {
        "file": transcript.file,
        transcript.unit: round(transcript.length, 3),
        "text": transcript.text.strip(),
        "confidence": None if transcript.confidence is None else round(transcript.confidence, 4),
    }
    content |= {
        name: [_plain(name.removesuffix("s"), mark) for mark in marks] for name, marks in transcript.tiers().items()
    }
    return json.dumps(content, ensure_ascii=False) + "\n"


def _plain(name: str, mark: Mark) -> dict[str, Any]:
    start, end, confidence = round(mark.start, 3), round(mark.end, 3), round(mark.confidence, 4)
    words = [{"word": word.text, "confidence": round(word.confidence, 4)} for word in mark.words]
    return {name: mark.text, "start": start, "end": end, "confidence": confidence} | ({"words": words} if words else {})


def srt(transcript: Transcribed) -> str:
    """SubRip captions."""
    blocks = [
        f"{number}\n{clock(one.start, ',')} --> {clock(one.end, ',')}\n{one.text}\n"
        for number, one in enumerate(transcript.captions(), start=1)
    ]
    return "\n".join(blocks)


def vtt(transcript: Transcribed) -> str:
    """WebVTT captions; what would be taken for a tag is escaped."""
    blocks = ["WEBVTT\n"]
    for one in transcript.captions():
        escaped = one.text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        blocks.append(f"{clock(one.start, '.')} --> {clock(one.end, '.')}\n{escaped}\n")
    return "\n".join(blocks)


def clock(seconds: float, mark: str) -> str:
    """A time as captions write it.

    >>> clock(3725.0405, ",")
    '01:02:05,040'
    """
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}{mark}{rest % 1000:03}"


def textgrid(transcript: Transcribed) -> str:
    """Praat's long text format, with a tier of words and one of symbols, or one of segments or spans."""
    shown = {name: [mark for mark in marks if not mark.text.isspace()] for name, marks in transcript.tiers().items()}
    end = max([transcript.length, *(mark.end for marks in shown.values() for mark in marks)])
    tiers = {name: _filled(marks, end) for name, marks in shown.items()}
    lines = [
        'File type = "ooTextFile"',
        'Object class = "TextGrid"',
        "",
        *_range(end, ""),
        "tiers? <exists>",
        f"size = {len(tiers)}",
        "item []:",
    ]
    for number, (name, intervals) in enumerate(tiers.items(), start=1):
        lines += [f"    item [{number}]:", '        class = "IntervalTier"', f'        name = "{name}"']
        lines += [*_range(end, " " * 8), f"        intervals: size = {len(intervals)}"]
        for place, one in enumerate(intervals, start=1):
            quoted = one.text.replace('"', '""')
            lines += [f"        intervals [{place}]:", *_range(one.end, " " * 12, one.start)]
            lines.append(f'            text = "{quoted}"')
    return "\n".join(lines) + "\n"


def _range(end: float, indent: str, start: float = 0.0) -> list[str]:
    return [f"{indent}xmin = {start:.6f}", f"{indent}xmax = {end:.6f}"]


def _filled(marks: Sequence[Mark], end: float) -> list[Mark]:
    """Intervals without gaps, as Praat wants them: empty ones where there is no mark."""
    filled: list[Mark] = []
    time = 0.0
    for mark in [*marks, Mark("", end, end, 0.0)]:
        if mark.start - time > 1e-6:
            filled.append(Mark("", time, mark.start, 0.0))
        if mark.end > mark.start:
            filled.append(mark)
        time = mark.end
    return filled


FORMATS: Mapping[str, Format] = {
    "text": Format(".txt", text, joins=True),
    "json": Format(".jsonl", json_line, joins=True),
    "srt": Format(".srt", srt, joins=False, has_clock=True),
    "vtt": Format(".vtt", vtt, joins=False, has_clock=True),
    "textgrid": Format(".TextGrid", textgrid, joins=False),
}


def format_of(name: str) -> Format:
    """The format of a name."""
    if name not in FORMATS:
        raise InputError(f"output={name}: no such format: choose from {', '.join(FORMATS)}")
    return FORMATS[name]
