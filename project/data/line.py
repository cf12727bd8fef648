"""One line of a manifest: what it may say, and the way from it to an Example and back.

It does not know whether the medium exists.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from typing import Any, Final, Literal

import orjson

from project.contract import Example, InputError

Unit = Literal["seconds", "frames"]
SECONDS: Final = "seconds"  # of a line's `duration`
FRAMES: Final = "frames"  # of a line's `length`; or bars
SHORTEST, LONGEST = 1e-6, 1e9  # a float32 tells lengths apart in between; beyond them lies a mistake

KEYS = frozenset(
    {"id", "media", "duration", "length", "text", "symbols", "labels", "group"}
)  # of a line; all others are meta
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*(::[A-Za-z][A-Za-z0-9+.-]*)*://")
_FOREIGN = {"audio_filepath": "NeMo", "recording": "lhotse", "audio": "Hugging Face", "file_name": "Hugging Face"}


def parse_example(raw: bytes, where: str, folder: str) -> Example:
    """The example that a line describes; `where` is the line's `file:line`, `folder` what its media is relative to.

    >>> example = parse_example(b'{"id": "a", "media": "a.wav", "duration": 2, "rate": 8000}', "m.jsonl:1", "/corpus")
    >>> example.media, example.length, example.meta
    ('/corpus/a.wav', 2.0, {'rate': 8000})
    """
    try:
        return parse_line(raw, folder)
    except ValueError as flaw:
        raise InputError(f"{where}: {flaw}") from None


def example_record(example: Example, folder: str, unit: Unit = SECONDS) -> dict[str, Any]:
    """An example as a line of a manifest in that folder: media below it become relative, others a `file://` URL.

    >>> example_record(Example("a", "/corpus/wav/a.wav", 2.0, text="hi", meta={"rate": 8000}), "/corpus")
    {'id': 'a', 'media': 'wav/a.wav', 'duration': 2.0, 'text': 'hi', 'rate': 8000}
    """
    if clash := KEYS & example.meta.keys():
        raise ValueError(f"{example.id}: meta has `{min(clash)}`, which a line has a key of its own for: rename it")
    inside = folder.rstrip("/") + "/"
    media = example.media.removeprefix(inside)
    targets = {
        "text": example.text,
        "symbols": None if example.symbols is None else list(example.symbols),
        "labels": None if example.labels is None else dict(example.labels),
        "group": example.group,
    }
    return {
        "id": example.id,
        "media": f"file://{media}" if media.startswith("/") else media,
        **({"duration": example.length} if unit == SECONDS else {"length": _number(example.length)}),
        **{key: value for key, value in targets.items() if value is not None},
        **example.meta,
    }


def measure(record: Mapping[str, Any]) -> tuple[float, Unit]:
    """The length that a line gives its example; a ValueError says what is wrong with it and the remedy.

    >>> measure({"id": "a", "duration": 1.5})
    (1.5, 'seconds')
    >>> measure({"id": "a", "length": -3})
    Traceback (most recent call last):
    ValueError: `length` is -3: give a number of frames above 0
    """
    duration: Any = record.get("duration")
    length: Any = record.get("length")
    if duration is not None and length is not None:
        raise ValueError("both `duration` and `length`: keep one of them")
    if duration is None and length is None:
        raise ValueError("neither `duration` nor `length`: give `duration` in seconds or `length` in frames")
    key, value = ("duration", duration) if length is None else ("length", length)
    unit: Unit = SECONDS if length is None else FRAMES
    if type(value) not in {int, float} or not SHORTEST <= value <= LONGEST:
        raise ValueError(f"`{key}` is {value!r:.40}: give a number of {unit} above 0")
    return float(value), unit


def parse_line(raw: bytes, folder: str) -> Example:
    """The example of a line; a ValueError says `id: what: remedy`, for the caller to put the place before it."""
    name = "(no id)"
    try:
        record = _load(raw)
        name = _name(record)
        length, _ = measure(record)
        return Example(
            id=name,
            media=_resolve(record, folder),
            length=length,
            text=_string(record, "text"),
            symbols=_symbols(record.get("symbols")),
            labels=_labels(record.get("labels")),
            group=_string(record, "group"),
            meta={key: value for key, value in record.items() if key not in KEYS},
        )
    except ValueError as flaw:
        raise ValueError(f"{name}: {flaw}") from None


def _load(raw: bytes) -> dict[str, Any]:
    try:
        record = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"not JSON, {error.msg} at column {error.colno}: mend the line or take it out") from None
    if type(record) is not dict:
        raise ValueError("not a JSON object: write one {...} a line")
    return record


def _name(record: Mapping[str, Any]) -> str:
    name = _string(record, "id")
    if name is None:
        raise ValueError("no `id`: give every example one of its own")
    if not name or not name.isprintable():
        raise ValueError(f"`id` is {name!r:.60}: make it of letters, digits and signs that can be printed")
    return name


def _string(record: Mapping[str, Any], key: str) -> str | None:
    value = record.get(key)
    if value is not None and type(value) is not str:
        raise ValueError(f"`{key}` is {value!r:.60}: give a string, in quotes")
    return value


def _resolve(record: Mapping[str, Any], folder: str) -> str:
    """Where the medium is: a path below the folder, or the URL as it stands."""
    media = _string(record, "media")
    if not media:
        kind = next((_FOREIGN[key] for key in record if key in _FOREIGN), None)
        hint = f"this looks like {kind}: `scansion prepare convert` reads it" if kind else "name the file, or its URL"
        raise ValueError(f"no `media`: {hint}")
    if "://" in media and _URL.match(media):
        return media
    path = posixpath.normpath(media) if ".." in media else media
    if path.startswith(("/", "../")) or path == ".." or "\0" in path:
        raise ValueError(
            f"`media` is {media!r:.200}, which leaves the manifest's folder: give a path below it, or a URL (file:///...)"
        )
    return f"{folder}/{path}"


def _symbols(value: Any) -> tuple[str, ...] | None:
    if value is None:
        return None
    if type(value) is not list or not all(type(symbol) is str and symbol for symbol in value):
        raise ValueError(f"`symbols` is {value!r:.60}: give a list of strings, none of them empty")
    return tuple(value)


def _labels(value: Any) -> dict[str, Any] | None:
    if value is not None and type(value) is not dict:
        raise ValueError(f"`labels` is {value!r:.60}: give an object, name -> label")
    return value


def _number(value: float) -> float:
    """A whole number as one, so that frames read as frames are counted."""
    return int(value) if value.is_integer() else value
