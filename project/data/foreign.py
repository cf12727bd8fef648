"""Manifests of other tools, read line by line: NeMo, Hugging Face's JSON Lines and lhotse's cuts; and NeMo's, written.

It does not move media (`project.data.relocate` does) and does not read them: a length that a line lacks is NaN.

What each format means by a line, and what cannot be taken over:

- NeMo: `audio_filepath`, `duration`, `text`, perhaps `offset`. Tarred manifests are refused.
- Hugging Face: `audio` (a path, or an object with `path`), `file_name` or `path`; `text`, `sentence`, `transcription` or
  `transcript`; perhaps `duration`. Arrays and bytes inside the line are refused.
- lhotse: MonoCut and MultiCut of one file or URL with at most one supervision. Mixed and padded cuts, changes made on
  the fly (speed, volume, noise) and cuts of many supervisions are refused: lhotse itself can make files of them.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import orjson

from project.contract import Example, InputError
from project.data.line_index import write_atomically
from project.data.manifest import parse_example
from project.data.media import is_url, local_path

Source = Literal["nemo", "huggingface", "lhotse", "scansion"]
Record = Mapping[str, Any]

_AUDIO = ("audio", "file_name", "path")
_TEXTS = ("text", "sentence", "transcription", "transcript")
_GROUPS = ("group", "speaker", "speaker_id", "client_id")
_IDS = ("id", "utt_id", "utterance_id")
_OURS = frozenset({"id", "media", "duration", "length", "text", "symbols", "labels", "group"})
_HARMLESS = frozenset({"Resample"})  # what lhotse does on the fly and every feature of ours does again
_SLACK_SECONDS = 0.01  # a cut this much shorter than its recording is the whole of it


@dataclass(frozen=True, slots=True)
class Line:
    """A line of somebody else's manifest in our words; `id` is empty where the line has none."""

    where: str  # file:line
    example: Example  # its length is NaN if only the medium knows
    start: float = 0.0  # seconds into the medium at which the example begins
    part: bool | None = False  # whether the example is less than the medium; None: only the medium knows
    channel: int | None = None  # the only one of the medium's channels, from 0, that is meant


class Refusal(ValueError):
    """What a line has that an example cannot be: `what: remedy`."""


def detect(raw: bytes, where: str) -> Source:
    """The format of a manifest, told by the keys of a line.

    >>> detect(b'{"audio_filepath": "a.wav", "duration": 1.0, "text": "a"}', "m.json:1")
    'nemo'
    """
    record = _load(raw, where)
    marks: tuple[tuple[Source, tuple[str, ...]], ...] = (
        ("nemo", ("audio_filepath",)),
        ("lhotse", ("recording", "supervisions", "tracks")),
        ("scansion", ("media",)),
        ("huggingface", _AUDIO),
    )
    for source, keys in marks:
        if any(key in record for key in keys):
            return source
    raise InputError(
        f"{where}: no format known has the keys {', '.join(map(str, record))}: "
        "say source=nemo, huggingface, lhotse or scansion"
    )


def read_line(raw: bytes, where: str, folder: str, source: Source) -> Line:
    """A line's example, and which part of its medium it is; `folder` is the manifest's."""
    if source == "scansion":
        return Line(where, parse_example(raw, where, folder))
    record = _load(raw, where)
    read = {"nemo": _nemo, "huggingface": _huggingface, "lhotse": _lhotse}[source]
    name = next((str(record[key]) for key in _IDS if record.get(key) is not None), "")
    try:
        line = read(record, where, folder)
    except Refusal as refusal:
        raise InputError(f"{where}: {name or '(no id)'}: {refusal}") from None
    return replace(line, example=replace(line.example, id=name))


def name_lines(lines: Sequence[Line], root: str) -> list[Line]:
    """The lines, those without an id named after their media: by file name if that tells all of them apart, else by
    path below `root`, and if that does not either, by path and time."""
    unnamed = [line for line in lines if not line.example.id]
    taken = {line.example.id for line in lines} - {""}
    for form in ("{stem}", "{path}", "{path}@{start:.3f}"):
        names = [_name(line, form, root) for line in unnamed]
        if len(set(names) - taken) == len(unnamed):
            break
    else:
        twice = next(line for line, name in zip(unnamed, names, strict=True) if name in taken or names.count(name) > 1)
        raise InputError(f"{twice.where}: its medium and time are another line's too: give the lines `id`s")
    fresh = iter(names)
    return [line if line.example.id else replace(line, example=replace(line.example, id=next(fresh))) for line in lines]


def nemo_record(example: Example, folder: str) -> dict[str, Any]:
    """An example as a line of a NeMo manifest in that folder; media elsewhere have absolute paths.

    >>> nemo_record(Example("a", "/corpus/wav/a.wav", 2.0, text="hi", group="anna"), "/corpus")
    {'audio_filepath': 'wav/a.wav', 'duration': 2.0, 'text': 'hi', 'id': 'a', 'speaker': 'anna'}
    """
    if example.text is None:
        raise InputError(f"{example.id}: it has no `text`, the only target that NeMo knows: leave it out")
    named = {"id": example.id} | ({} if example.group is None else {"speaker": example.group})
    media = local_path(example.media) or example.media
    known = {"audio_filepath": media.removeprefix(folder.rstrip("/") + "/"), "duration": example.length}
    return {**example.meta, **known, "text": example.text, **named} if example.meta else {**known, "text": example.text, **named}


def write_nemo(path: Path, examples: Iterable[Example]) -> None:
    """Write a NeMo manifest, whole or not at all."""
    folder = str(path.absolute().parent)
    with write_atomically(path) as file:
        for example in examples:
            file.write(orjson.dumps(nemo_record(example, folder), option=orjson.OPT_APPEND_NEWLINE))


def _load(raw: bytes, where: str) -> Record:
    try:
        record = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise InputError(f"{where}: (no id): not JSON, {error.msg}: mend the line or take it out") from None
    if not isinstance(record, dict):
        raise InputError(f"{where}: (no id): not a JSON object: write one {{...}} a line")
    return record


def _nemo(record: Record, where: str, folder: str) -> Line:
    if "shard_id" in record:
        raise Refusal("it is in a tar file (`shard_id`): unpack the shards and convert their untarred manifest")
    start = _number(record, "offset")
    media = _place(_text(record, ("audio_filepath",)), folder)
    example = _example(record, media, _number(record, "duration"), ("audio_filepath", "offset", "duration"))
    return Line(where, example, start or 0.0, part=None if start == 0 else start is not None)


def _huggingface(record: Record, where: str, folder: str) -> Line:
    audio = record.get("audio")
    if isinstance(audio, dict):
        if not audio.get("path"):
            raise Refusal("its audio is inside the line: save it as a file and give the file's path")
        record = {**record, "audio": audio["path"]}
    paths = [_text(record, (key,)) for key in _AUDIO if record.get(key)]
    if not paths:
        raise Refusal("no `audio`, `file_name` or `path`: give the medium's path")
    places = [_place(path, folder) for path in paths]
    media = next((place for place in places if os.path.isfile(place)), places[0])
    return Line(where, _example(record, media, _number(record, "duration"), (*_AUDIO, "duration")))


def _lhotse(record: Record, where: str, folder: str) -> Line:
    kind = record.get("type", "MonoCut")
    saved = "save it as a file of its own with lhotse's CutSet.save_audios()"
    recording = record.get("recording")
    if kind not in {"MonoCut", "MultiCut"} or not isinstance(recording, dict):
        raise Refusal(f"a {kind} without one recording: {saved}")
    changes = [change.get("name", "a transform") for change in recording.get("transforms") or ()]
    if changes := [change for change in changes if change not in _HARMLESS]:
        raise Refusal(f"its audio is changed on the fly ({', '.join(changes)}): {saved}")
    sources = recording.get("sources") or ()
    if len(sources) != 1 or sources[0].get("type") not in {"file", "url"}:
        raise Refusal(f"its recording is not one file or URL: {saved}")
    start, length, whole = record.get("start", 0.0), record["duration"], recording["duration"]
    supervision = _supervision(record.get("supervisions") or (), length)
    custom = {**(supervision.get("custom") or {}), **(record.get("custom") or {})}
    said = {key: supervision[key] for key in ("text", "speaker", "language", "gender") if supervision.get(key) is not None}
    example = _example({**custom, **said}, _place(sources[0]["source"], folder), float(length), ())
    part = start > _SLACK_SECONDS or length < whole - _SLACK_SECONDS
    channel = _channel(record.get("channel"), sources[0].get("channels") or [0], saved)
    return Line(where, example, float(start), part or channel is not None, channel)


def _supervision(supervisions: Sequence[Record], length: float) -> Record:
    """The one thing said in a cut; an empty record if nothing is."""
    if not supervisions:
        return {}
    if len(supervisions) > 1:
        raise Refusal(f"{len(supervisions)} supervisions in one cut: part them with lhotse's trim_to_supervisions()")
    start, end = supervisions[0]["start"], supervisions[0]["start"] + supervisions[0]["duration"]
    if start < -_SLACK_SECONDS or end > length + _SLACK_SECONDS:
        raise Refusal(f"its supervision ({start:g} to {end:g} s) reaches beyond the cut: use trim_to_supervisions()")
    return supervisions[0]


def _channel(wanted: Any, present: Sequence[int], remedy: str) -> int | None:
    """Which of a file's channels is meant; None for all of them."""
    channels = [wanted] if isinstance(wanted, int) else list(wanted or present)
    if sorted(channels) == sorted(present):
        return None
    if len(channels) != 1 or channels[0] not in present:
        raise Refusal(f"channels {channels} of {list(present)}: {remedy}")
    return list(present).index(channels[0])


def _example(record: Record, media: str, length: float | None, used: Sequence[str]) -> Example:
    """An example of what a record says; keys that mean something else in our lines are kept as `original_<key>`."""
    text = next((key for key in _TEXTS if record.get(key) is not None), None)
    group = next((key for key in _GROUPS if record.get(key) is not None), None)
    name = next((key for key in _IDS if record.get(key) is not None), None)
    rest = {key: value for key, value in record.items() if key not in {text, group, name, *used} and value is not None}
    return Example(
        id="",
        media=media,
        length=math.nan if length is None else length,
        text=None if text is None else _text(record, (text,)),
        group=None if group is None else str(record[group]),
        meta={f"original_{key}" if key in _OURS else key: value for key, value in rest.items()},
    )


def _place(path: str, folder: str) -> str:
    """Where a path leads: from the manifest's folder, or if nothing is there, from the working folder; URLs as they are."""
    if is_url(path):
        return path
    below = os.path.normpath(os.path.join(folder, os.path.expanduser(path)))
    here = os.path.abspath(path)
    return here if not os.path.exists(below) and os.path.exists(here) else below


def _text(record: Record, keys: Sequence[str]) -> str:
    for key in keys:
        value = record.get(key)
        if value is not None and not isinstance(value, str):
            raise Refusal(f"`{key}` is {value!r:.60}: give a string")
        if value is not None:
            return value
    raise Refusal(f"no `{keys[0]}`: give it")


def _number(record: Record, key: str) -> float | None:
    value = record.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        raise Refusal(f"`{key}` is {value!r:.40}: give a number of seconds")
    return float(value)


def _name(line: Line, form: str, root: str) -> str:
    media = line.example.media
    path = os.path.splitext(media.partition("://")[2] if is_url(media) else os.path.relpath(media, root))[0]
    return form.format(stem=os.path.basename(path), path=path, start=line.start)
