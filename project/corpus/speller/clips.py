"""Recorded letters: a folder of short landmark clips, each one letter of one signer.

The folder holds `manifest.jsonl` (id, signer, label, path, start, n_frames, fps) and `.npz` files with `xyz`, zero
where a point was not detected. It does not know words.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from project.contract import InputError
from project.feature.landmark_file import Points, checked, resample, told

_KEYS: Mapping[str, type | tuple[type, ...]] = {
    "id": str,
    "signer": str,
    "label": str,
    "path": str,
    "start": int,
    "n_frames": int,
    "fps": (int, float),
}


@dataclass(frozen=True, slots=True)
class Clip:
    """One letter of one signer."""

    id: str
    signer: str
    label: str
    points_TPX: Points  # at the frame rate that was asked for, NaN where a point was not detected


def read_clips(folder: Path, frame_rate: float) -> dict[str, Clip]:
    """The clips of a folder by id."""
    clips: dict[str, Clip] = {}
    files: dict[str, Points] = {}
    for place, line in read_lines(folder / "manifest.jsonl"):
        _check(place, line)
        path, name = folder / line["path"], line["id"]
        if line["path"] not in files:
            files[line["path"]] = _read_points(path, place)
        whole_TPX, start = files[line["path"]], line["start"]
        end = start + line["n_frames"]
        if not 0 <= start < end <= len(whole_TPX):
            raise InputError(
                f"{place}: {name}: frames {start} to {end} are not in {path}, which has {len(whole_TPX)}: "
                "restore the folder"
            )
        if name in clips:
            raise InputError(f"{place}: {name}: the id stands twice: leave one of the lines out")
        points_TPX = resample(whole_TPX[start:end], line["fps"], frame_rate)
        clips[name] = Clip(name, line["signer"], line["label"], points_TPX)
    if not clips:
        raise InputError(f"{folder / 'manifest.jsonl'}: it names no clip: restore the folder")
    return clips


def read_lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """`file:line` and object of each line."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: not readable ({error.strerror}): correct the key `folder`") from None
    for number, raw in enumerate(content.splitlines(), start=1):
        place = f"{path}:{number}"
        try:
            line = orjson.loads(raw)
        except orjson.JSONDecodeError as error:
            raise InputError(f"{place}: not JSON, {error.msg}: mend the line or take it out") from None
        if not isinstance(line, dict):
            raise InputError(f"{place}: not a JSON object: mend the line or take it out")
        yield place, line


def require_signers(leave_out: Iterable[str], clips: Mapping[str, Clip]) -> None:
    """Whoever is to be left out must be there: a slip in a name would let a signer in by whom others are judged."""
    signers = {clip.signer for clip in clips.values()}
    if strangers := sorted(set(leave_out) - signers):
        raise InputError(
            f"corpus.leave_out: nobody is called {strangers[0]!r}: choose from {', '.join(sorted(signers))}, or []"
        )


def digest(clips: Mapping[str, Clip], recipes: Iterable[Mapping[str, Any]] = ()) -> str:
    """A hash of recordings, and of what is to be made of them."""
    found = hashlib.blake2b(orjson.dumps(list(recipes)), digest_size=16)
    for clip in sorted(clips.values(), key=lambda clip: clip.id):
        found.update(orjson.dumps([clip.id, clip.signer, clip.label]))
        found.update(np.ascontiguousarray(clip.points_TPX).data)
    return found.hexdigest()


def _check(place: str, line: Mapping[str, Any]) -> None:
    for key, kind in _KEYS.items():
        if not isinstance(line.get(key), kind):
            raise InputError(f"{place}: {line.get('id', '(no id)')}: `{key}` is {line.get(key)!r}: restore the folder")
    if not 1 <= line["fps"] <= 1000:
        raise InputError(f"{place}: {line['id']}: `fps` is {line['fps']}: give frames a second, 1 to 1000")


def _read_points(path: Path, place: str) -> Points:
    where = f"{place}: {path}"
    with told(where, "restore the folder"), np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as content:
        points_TPX = np.asarray(content["xyz"], dtype=np.float32)
    return checked(points_TPX, where)
