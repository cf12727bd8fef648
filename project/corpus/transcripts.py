"""Recordings in a folder and what was sent in them: a text beside each recording, or one table for all.

It does not open recordings and changes no text. What is wrong is told line by line: `file: what: remedy`.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from project.contract import Example, InputError
from project.corpus.imported import FlawError
from project.data.foreign import Entry
from project.data.line import KEYS

SUFFIXES = frozenset({".wav", ".flac", ".mp3", ".ogg", ".oga", ".opus", ".aiff", ".aif", ".au", ".w64"})
_TABLES = (".csv", ".tsv", ".jsonl")
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?")


@dataclass(frozen=True, slots=True)
class Columns:
    """What the columns of a table may be called: the first name that is there counts."""

    file: Sequence[str] = ("file", "file_name", "filename", "path")
    text: Sequence[str] = ("text", "transcript", "transcription", "sentence")
    group: Sequence[str] = ("group", "operator", "station", "speaker")
    id: Sequence[str] = ("id",)
    start: Sequence[str] = ("start",)  # seconds; without start and end the whole recording is meant
    end: Sequence[str] = ("end",)


def read_transcripts(
    folder: Path, table: str | None, columns: Columns, suffixes: frozenset[str] = SUFFIXES
) -> tuple[list[Entry], list[str]]:
    """The examples of a folder, and the problems of what makes none.

    `table` is a file in the folder; without one, `metadata.csv`, `.tsv` or `.jsonl` if there, else files beside the
    recordings: `<name>.txt`, or `<name>.csv` with start, end and text of each segment.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: there is no such folder: correct corpus.folder")
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not _is_hidden(path.relative_to(folder)))
    recordings = [path for path in files if path.suffix.lower() in suffixes]
    if not recordings:
        raise InputError(f"{folder}: no recordings in it ({' '.join(sorted(suffixes))}): correct corpus.folder")
    tables = [folder / table] if table else [folder / f"metadata{suffix}" for suffix in _TABLES]
    found = next((path for path in tables if path.is_file()), None)
    if table and found is None:
        raise InputError(f"{tables[0]}: there is no such file: correct corpus.transcripts")
    if found is None:
        return _beside(folder, files, recordings, columns)
    entries, problems = _of_table(found, folder, None, columns)
    named = {entry.example.media for entry in entries} | {problem.media for problem in problems}
    unnamed = [path for path in recordings if str(path.absolute()) not in named] if entries else []
    lines = [f"{path}: {found.name} has no line for it: add one, or move the recording away" for path in unnamed]
    return entries, [*map(str, problems), *lines]


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


@dataclass(frozen=True, slots=True)
class _Problem:
    media: str | None  # of the recording it is about, if that is known
    line: str

    def __str__(self) -> str:
        return self.line


def _beside(
    folder: Path, files: Sequence[Path], recordings: Sequence[Path], columns: Columns
) -> tuple[list[Entry], list[str]]:
    """The examples of recordings that have their texts beside them."""
    entries: list[Entry] = []
    problems: list[str] = []
    for path in recordings:
        table = next((beside for suffix in _TABLES if (beside := path.with_suffix(suffix)).is_file()), None)
        if table is not None:
            segments, flaws = _of_table(table, folder, path, columns)
            entries += segments
            problems += map(str, flaws)
            continue
        text = path.with_suffix(".txt")
        if not text.is_file():
            problems.append(f"{path}: no transcript: write {text.name} beside it, or move the recording away")
            continue
        try:
            example = _example(folder, path, {"text": _read(text).strip()}, columns)
        except FlawError as flaw:
            problems.append(f"{text}: {flaw}")
        else:
            entries.append(Entry(str(text), example, part=None))
    names = {path.with_suffix("") for path in recordings}
    lonely = [path for path in files if path.suffix in {".txt", *_TABLES} and path.with_suffix("") not in names]
    problems += [f"{path}: no recording of this name is beside it: add it, or move the file away" for path in lonely]
    return entries, problems


def _of_table(
    table: Path, folder: Path, recording: Path | None, columns: Columns
) -> tuple[list[Entry], list[_Problem]]:
    """The examples of a table's lines, and what is wrong with the others; `recording`: the one that all are about."""
    entries: list[Entry] = []
    problems: list[_Problem] = []
    needed = (columns.text,) if recording else (columns.text, columns.file)
    for where, record in _records(table):
        missing = [names for names in needed if not isinstance(record, FlawError) and _key(record, names) is None]
        if missing and table.suffix != ".jsonl":
            line = f"{table}: no column called {' or '.join(missing[0])}: rename one, or name it in corpus.columns"
            return [], [_Problem(None, line)]
        path = recording
        try:
            if isinstance(record, FlawError):
                raise record
            path = path or _recording(record, folder, columns)
            start, end = _seconds(record, columns.start), _seconds(record, columns.end)
            if start is not None and end is not None and start >= end:
                raise FlawError(f"it starts at {start:g} s and ends at {end:g} s: correct them")
            length = math.nan if end is None else end - (start or 0.0)
            example = _example(folder, path, record, columns, start, end, length)
            entries.append(Entry(where, example, start or 0.0, part=None))
        except FlawError as flaw:
            problems.append(_Problem(str(path.absolute()) if path else None, f"{where}: {flaw}"))
    if not entries and not problems:
        problems.append(_Problem(None, f"{table}: it has no lines: write one an example"))
    return entries, problems


def _records(table: Path) -> Iterator[tuple[str, Mapping[str, Any] | FlawError]]:
    """Place and content of each line of a table, or what is wrong with it."""
    try:
        text = _read(table)
    except FlawError as flaw:
        yield str(table), flaw
        return
    if table.suffix == ".jsonl":
        for number, line in enumerate(text.split("\n"), start=1):
            if line.strip():
                yield f"{table}:{number}", _object(line)
        return
    header = text.partition("\n")[0]
    delimiter = "\t" if table.suffix == ".tsv" else max(",;\t", key=header.count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    for row in reader:
        where = f"{table}:{reader.line_num}"
        if None in row:
            yield where, FlawError("more cells than the header has: put quotes around the text")
        else:
            yield where, {key.strip(): value for key, value in row.items()}


def _object(line: str) -> Mapping[str, Any] | FlawError:
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        return FlawError(f"not JSON, {error.msg}: mend the line")
    return record if isinstance(record, dict) else FlawError("not a JSON object: write one {...} a line")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise FlawError(f"it cannot be read as UTF-8 text, {error}: save it as UTF-8") from None


def _example(
    folder: Path,
    path: Path,
    record: Mapping[str, Any],
    columns: Columns,
    start: float | None = None,
    end: float | None = None,
    length: float = math.nan,
) -> Example:
    """The example of a recording, or of a segment of it, named by its path if nothing else names it."""
    text = _get(record, columns.text)
    if text is None or not str(text).strip():
        raise FlawError("the text is empty: write what is sent, or leave the recording out")
    group, name = _get(record, columns.group), _get(record, columns.id)
    if name is None:
        inside = path.relative_to(folder) if path.is_relative_to(folder) else Path(path.name)
        span = "" if start is None and end is None else f"@{start or 0:g}-{'' if end is None else f'{end:g}'}"
        name = f"{inside.with_suffix('').as_posix()}{span}"
    used = {_key(record, names) for names in (columns.file, columns.text, columns.group, columns.id)}
    used |= {_key(record, columns.start), _key(record, columns.end)}
    meta = {key: _value(value) for key, value in record.items() if key not in used and not _is_empty(value)}
    return Example(
        id=str(name),
        media=str(path.absolute()),
        length=length,
        text=str(text),
        group=None if group is None else str(group),
        meta={f"original_{key}" if key in KEYS else key: value for key, value in meta.items()},
    )


def _recording(record: Mapping[str, Any], folder: Path, columns: Columns) -> Path:
    name = _get(record, columns.file)
    if name is None:
        raise FlawError(f"no name of a recording: fill a column called {' or '.join(columns.file)}")
    path = folder / str(name)
    if not path.is_file():
        raise FlawError(f"there is no recording {path}: correct the name, or take the line out")
    return path


def _seconds(record: Mapping[str, Any], names: Sequence[str]) -> float | None:
    value = _get(record, names)
    if value is None:
        return None
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise FlawError(f"{_key(record, names)} is {value!r}: give seconds from the beginning of the recording")
    return seconds


def _key(record: Mapping[str, Any], names: Sequence[str]) -> str | None:
    return next((name for name in names if name in record), None)


def _get(record: Mapping[str, Any], names: Sequence[str]) -> Any:
    """What a record says under the first of the names that it has; None if nothing."""
    key = _key(record, names)
    return None if key is None or _is_empty(record[key]) else record[key]


def _is_empty(value: Any) -> bool:
    return value is None or value == ""


def _value(value: Any) -> Any:
    """A text that is a number as a number; 007 is none."""
    return (
        (float(value) if "." in value else int(value)) if isinstance(value, str) and _NUMBER.fullmatch(value) else value
    )
