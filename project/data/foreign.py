"""Manifests of other tools, read line by line: NeMo, Hugging Face's JSON Lines and lhotse's cuts; and NeMo's, written.

It does not move media (`project.data.relocate` does) and does not read them: a length that a line lacks is NaN.

What each format means by a line, and what cannot be taken over:

- NeMo: `audio_filepath`, `duration`, `text`, perhaps `offset`. Tarred manifests are refused.
- Hugging Face: `audio` (a path, or an object with `path`), `file_name` or `path`; `text`, `sentence`, `transcription`
  or `transcript`; perhaps `duration`. Arrays and bytes inside the line are refused.
- lhotse: MonoCut and MultiCut of one file or URL with at most one supervision. Mixed and padded cuts, changes made on
  the fly (speed, volume, noise) and cuts of many supervisions are refused: lhotse itself can make files of them.
"""

from __future__ import annotations

import math
import os
import posixpath
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Any, Literal

import orjson

from project import atomic
from project.contract import Example, InputError
from project.data.line import KEYS, SECONDS, Unit, measure, parse_example
from project.data.media import is_url, local_path

Source = Literal["nemo", "huggingface", "lhotse", "scansion"]
Record = Mapping[str, Any]

_AUDIO = ("audio", "file_name", "path")
_TEXTS = ("text", "sentence", "transcription", "transcript")
_GROUPS = ("group", "speaker", "speaker_id", "client_id")
_IDS = ("id", "utt_id", "utterance_id")
_NEMO = frozenset({"audio_filepath", "duration", "offset", "text", "id", "speaker"})
_HARMLESS = frozenset({"Resample"})  # what lhotse does on the fly and every feature of ours does again
_SLACK_SECONDS = 0.01  # a cut this much shorter than its recording is the whole of it


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of somebody else's manifest in our words; `id` is empty where the line has none."""

    where: str  # file:line
    example: Example  # its length is NaN if only the medium knows
    start: float = 0.0  # seconds into the medium at which the example begins
    part: bool | None = False  # whether the example is less than the medium; None: only the medium knows
    channel: int | None = None  # the only one of the medium's channels, from 0, that is meant
    unit: Unit = SECONDS  # of its length


class RefusedError(ValueError):
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


def read_entry(raw: bytes, where: str, folder: str, source: Source) -> Entry:
    """A line's example, and which part of its medium it is; `folder` is the manifest's."""
    if source == "scansion":
        return Entry(where, parse_example(raw, where, folder), unit=measure(orjson.loads(raw))[1])
    record = _load(raw, where)
    read = {"nemo": _nemo, "huggingface": _huggingface, "lhotse": _lhotse}[source]
    name = next((str(record[key]) for key in _IDS if record.get(key) is not None), "")
    try:
        entry = read(record, where, folder)
    except RefusedError as refusal:
        raise InputError(f"{where}: {name or '(no id)'}: {refusal}") from None
    return replace(entry, example=replace(entry.example, id=name))


def name_entries(entries: Sequence[Entry], root: str) -> list[Entry]:
    """The entries, those without an id named after their media.

    By file name if that tells all of them apart, else by path below `root`, and if that does not either, by path and
    time.
    """
    unnamed = [entry for entry in entries if not entry.example.id]
    taken = {entry.example.id for entry in entries} - {""}
    for form in ("{stem}", "{path}", "{path}@{start:.3f}-{end:.3f}"):
        names = [_name(entry, form, root) for entry in unnamed]
        if len(set(names) - taken) == len(unnamed):
            break
    else:
        counts = Counter(names)
        twice = next(entry for entry, name in zip(unnamed, names, strict=True) if name in taken or counts[name] > 1)
        raise InputError(f"{twice.where}: (no id): medium and time are another line's too: give the lines `id`s")
    fresh = iter(names)
    return [
        entry if entry.example.id else replace(entry, example=replace(entry.example, id=next(fresh)))
        for entry in entries
    ]


def nemo_record(example: Example, folder: str) -> dict[str, Any]:
    """An example as a line of a NeMo manifest in that folder; media elsewhere have absolute paths.

    >>> nemo_record(Example("a", "/corpus/wav/a.wav", 2.0, text="hi", group="anna"), "/corpus")
    {'audio_filepath': 'wav/a.wav', 'duration': 2.0, 'text': 'hi', 'id': 'a', 'speaker': 'anna'}
    """
    media = (local_path(example.media) or example.media).removeprefix(folder.rstrip("/") + "/")
    record = {"audio_filepath": media, "duration": example.length, "text": example.text, "id": example.id}
    return {**record, **({} if example.group is None else {"speaker": example.group}), **example.meta}


def require_nemo(entry: Entry) -> None:
    """An example that NeMo's manifests can hold."""
    place, example = f"{entry.where}: {entry.example.id}", entry.example
    if example.text is None:
        raise InputError(f"{place}: no `text`, the only target that NeMo knows: leave the example out")
    if entry.unit != SECONDS:
        raise InputError(f"{place}: its length is in {entry.unit}, NeMo's are in seconds: give it a `duration`")
    if clash := _NEMO & example.meta.keys():
        raise InputError(f"{place}: its `{min(clash)}` means something else to NeMo: rename that key")


def write_nemo(path: Path, examples: Iterable[Example]) -> None:
    """Write a NeMo manifest, whole or not at all."""
    folder = str(path.absolute().parent)
    with atomic.writing(path) as file:
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


def _nemo(record: Record, where: str, folder: str) -> Entry:
    if "shard_id" in record:
        raise RefusedError("it is in a tar file (`shard_id`): unpack the shards and convert their untarred manifest")
    start = _seconds(record, "offset")
    media = _place(_text(record, ("audio_filepath",)), folder)
    example = _example(record, media, _seconds(record, "duration"), ("audio_filepath", "offset", "duration"))
    return Entry(where, example, start or 0.0, part=None if start == 0 else start is not None)


def _huggingface(record: Record, where: str, folder: str) -> Entry:
    audio = record.get("audio")
    if isinstance(audio, dict):
        if not audio.get("path"):
            raise RefusedError("its audio is inside the line: save it as a file and give the file's path")
        record = {**record, "audio": audio["path"]}
    paths = [_text(record, (key,)) for key in _AUDIO if record.get(key)]
    if not paths:
        raise RefusedError("no `audio`, `file_name` or `path`: give the medium's path")
    places = [_place(path, folder) for path in paths]
    media = next((place for place in places if Path(place).is_file()), places[0])
    return Entry(where, _example(record, media, _seconds(record, "duration"), (*_AUDIO, "duration")))


def _lhotse(record: Record, where: str, folder: str) -> Entry:
    kind = record.get("type", "MonoCut")
    saved = "save it as a file of its own with lhotse's CutSet.save_audios()"
    recording = record.get("recording")
    if kind not in {"MonoCut", "MultiCut"} or not isinstance(recording, dict):
        raise RefusedError(f"a {kind} without one recording: {saved}")
    changes = [change.get("name", "a transform") for change in recording.get("transforms") or []]
    if changes := [change for change in changes if change not in _HARMLESS]:
        raise RefusedError(f"its audio is changed on the fly ({', '.join(changes)}): {saved}")
    sources = recording.get("sources") or []
    if len(sources) != 1 or sources[0].get("type") not in {"file", "url"}:
        raise RefusedError(f"its recording is not one file or URL: {saved}")
    start, length, whole = (
        _seconds(record, "start") or 0.0,
        _seconds(record, "duration"),
        _seconds(recording, "duration"),
    )
    if length is None or whole is None:
        raise RefusedError("no `duration` of the cut or of its recording: write the cuts with lhotse")
    supervision = _supervision(record.get("supervisions") or (), length)
    custom = {**(supervision.get("custom") or {}), **(record.get("custom") or {})}
    said = {key: supervision.get(key) for key in ("text", "speaker", "language", "gender")}
    example = _example({**custom, **said}, _place(sources[0]["source"], folder), length, ())
    part = start > _SLACK_SECONDS or length < whole - _SLACK_SECONDS
    channel = _channel(record.get("channel"), sources[0].get("channels") or [0], saved)
    return Entry(where, example, start, part or channel is not None, channel)


def _supervision(supervisions: Sequence[Record], length: float) -> Record:
    """The one thing said in a cut; an empty record if nothing is."""
    if not supervisions:
        return {}
    if len(supervisions) > 1:
        raise RefusedError(
            f"{len(supervisions)} supervisions in one cut: part them with lhotse's trim_to_supervisions()"
        )
    start, end = supervisions[0]["start"], supervisions[0]["start"] + supervisions[0]["duration"]
    if start < -_SLACK_SECONDS or end > length + _SLACK_SECONDS:
        raise RefusedError(
            f"its supervision ({start:g} to {end:g} s) reaches beyond the cut: use trim_to_supervisions()"
        )
    return supervisions[0]


def _channel(wanted: Any, present: Sequence[int], remedy: str) -> int | None:
    """Which of a file's channels is meant; None for all of them."""
    channels = [wanted] if isinstance(wanted, int) else list(wanted or present)
    if sorted(channels) == sorted(present):
        return None
    if len(channels) != 1 or channels[0] not in present:
        raise RefusedError(f"channels {channels} of {list(present)}: {remedy}")
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
        meta={f"original_{key}" if key in KEYS else key: value for key, value in rest.items()},
    )


def _place(path: str, folder: str) -> str:
    """Where a path leads: from the manifest's folder, or if nothing is there, from the working folder; URLs stay."""
    if is_url(path) or (is_url(folder) and path.startswith("/")):
        return path
    if is_url(folder):
        scheme, _, place = folder.partition("://")
        return f"{scheme}://{posixpath.normpath(posixpath.join(place, path))}"
    below, here = Path(folder) / Path(path).expanduser(), Path(path).absolute()
    return os.path.normpath(here if not below.exists() and here.exists() else below)


def _text(record: Record, keys: Sequence[str]) -> str:
    for key in keys:
        value = record.get(key)
        if value is not None and not isinstance(value, str):
            raise RefusedError(f"`{key}` is {value!r:.60}: give a string")
        if value is not None:
            return value
    raise RefusedError(f"no `{keys[0]}`: give it")


def _seconds(record: Record, key: str) -> float | None:
    value = record.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise RefusedError(f"`{key}` is {value!r:.40}: give a number of seconds")
    return float(value)


def _name(entry: Entry, form: str, root: str) -> str:
    media = entry.example.media
    path = PurePath(media.partition("://")[2] if is_url(media) else os.path.relpath(media, root)).with_suffix("")
    return form.format(stem=path.name, path=path.as_posix(), start=entry.start, end=entry.start + entry.example.length)
