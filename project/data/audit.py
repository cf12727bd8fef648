"""The audit of a manifest: every problem in it, not only the first, each with its place and its remedy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import orjson

from project.contract import Example, InputError
from project.data.line import SECONDS, measure, parse_line
from project.data.manifest import Manifest
from project.data.media import MediumError, check_medium, in_threads
from project.feature.excerpt import split_excerpt
from project.part import Feature, Notation
from project.text.spelling import Spelling

Flaw = tuple[str, str]  # what is wrong, the remedy

_SOUND: Mapping[str, Any] = {"id": "sound", "media": "sound", "duration": 1.0}
_ASPECTS = (("id",), ("media",), ("duration", "length"), ("text",), ("symbols",), ("labels",), ("group",))
_RELATIVE_TOLERANCE, _TOLERANCE_SECONDS = 0.02, 0.05  # a length may disagree with the medium by either
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with one line of a manifest."""

    row: int  # of the example in the manifest, from 0
    file: str
    line: int  # from 1
    id: str
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.id}: {self.what}: {self.remedy}"

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Checks:
    """What an audit looks at beside the lines themselves."""

    spelling: Notation | None = None  # symbols must be in its alphabet
    feature: Feature | None = None  # with a spelling: frames must suffice for the target under CTC
    reduction: int = 1  # frames that the model makes one of
    media: bool = True  # media must be there, readable and as long as the manifest says


def audit(manifest: Manifest, checks: Checks, advance: Callable[[], object] = lambda: None) -> Iterator[Problem]:
    """All problems of a manifest, in the order of its lines. `advance` is called once an example."""
    first: dict[str, int] = {}  # id -> row
    look = partial(_inspect, manifest, checks)
    results = (in_threads if checks.media else map)(look, range(len(manifest)))
    for row, (name, flaws) in enumerate(results):
        if name is not None and first.setdefault(name, row) != row:
            place = manifest.location(first[name])
            flaws.insert(0, (f"id is already that of {place}", "give every example an id of its own"))
        file, _, line = manifest.location(row).rpartition(":")
        for what, remedy in flaws:
            yield Problem(row, file, int(line), name or "(no id)", what, remedy)
        advance()


def _inspect(manifest: Manifest, checks: Checks, row: int) -> tuple[str | None, list[Flaw]]:
    """A line's id, if it has a sound one, and its flaws."""
    raw = manifest.raw(row)
    folder = manifest.folder(row)
    flaws: list[Flaw] = []
    unsound: set[str] = set()
    try:
        example = parse_line(raw, folder)
    except ValueError as error:
        record = _object(raw)
        if record is None:
            return None, [_split(str(error))]
        flaws, unsound = _dissect(record)
        example = parse_line(_repaired(record, unsound), folder)
    unit = None if "duration" in unsound else measure(orjson.loads(raw))[1]
    if unit not in {None, manifest.unit}:
        flaws.append((f"its length is in {unit}, those before are in {manifest.unit}", "use one unit throughout"))
    if not unsound & {"text", "symbols", "labels"}:
        flaws += target_flaws(example, checks, measured=unit is not None)
    if checks.media and "media" not in unsound:
        flaws += medium_flaws(example, in_seconds=unit == SECONDS)
    return None if "id" in unsound else example.id, flaws


def _object(raw: bytes) -> dict[str, Any] | None:
    """The JSON object that a line is, if it is one."""
    try:
        record = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    return record if isinstance(record, dict) else None


def _dissect(record: Mapping[str, Any]) -> tuple[list[Flaw], set[str]]:
    """Every flaw of a line that is no example, and the keys they are in: each aspect is judged beside sound others."""
    flaws, unsound = [], set()
    for aspect in _ASPECTS:
        others = {key for every in _ASPECTS for key in every} - set(aspect)
        try:
            parse_line(_repaired(record, others), "/")
        except ValueError as error:
            flaws.append(_split(str(error)))
            unsound |= set(aspect)
    return flaws, unsound


def _repaired(record: Mapping[str, Any], unsound: set[str]) -> bytes:
    """The line with what is sound in place of what is not; what need not be there is left out."""
    kept = {key: value for key, value in record.items() if key not in unsound}
    return orjson.dumps(kept | {key: value for key, value in _SOUND.items() if key in unsound})


def _split(message: str) -> Flaw:
    """What is wrong and the remedy, of a line's error `id: what: remedy`.

    >>> _split("(no id): no `id`: give every example one of its own")
    ('no `id`', 'give every example one of its own')
    """
    what, _, remedy = message.partition(": ")[2].rpartition(": ")
    return what, remedy


def target_flaws(example: Example, checks: Checks, measured: bool = True) -> list[Flaw]:
    """What is wrong with what should be recognized; `measured` false: the example's length is not to be believed."""
    spelling = checks.spelling
    if spelling is not None and spelling.reads == "labels":
        return _label_flaws(example, spelling)
    if example.text is None and example.symbols is None:
        return [] if example.labels else [("no target", "give the line `text`, `symbols` or `labels`")]
    if spelling is None:
        return []
    assert isinstance(spelling, Spelling)
    reference = spelling.reference(example)
    uncovered = spelling.uncovered(reference)
    if uncovered:
        shown = ", ".join(map(repr, uncovered[:_SHOWN])) + (", ..." if len(uncovered) > _SHOWN else "")
        remedy = "add them to the text's symbols, or name a normalizer that maps or removes them"
        return [(f"not in the alphabet: {shown}", remedy)]
    ids = spelling.encode(reference)
    if not ids and (example.text or example.symbols):
        return [("nothing is left of the target after normalizing", "correct the text or leave the line out")]
    if checks.feature is None or not measured:
        return []
    frames = -(-checks.feature.num_frames(example.length) // checks.reduction)
    needed = frames_needed(ids)
    if frames >= needed:
        return []
    what = f"{frames} frames are too few for CTC: {len(ids)} symbols need {needed}"
    return [(what, "correct the length or the text, use a higher frame rate, or leave the line out")]


def _label_flaws(example: Example, notation: Notation) -> list[Flaw]:
    """What is wrong with labels, as the notation that reads them says it."""
    try:
        notation.reference(example)
    except InputError as error:
        what, _, remedy = str(error).rpartition(": ")
        return [(what, remedy)]
    return []


def frames_needed(ids: list[int]) -> int:
    """The fewest frames in which CTC can write these symbols: a blank must part equal neighbours.

    >>> frames_needed([1, 2, 2, 3]), frames_needed([])
    (5, 0)
    """
    return len(ids) + sum(a == b for a, b in pairwise(ids))


def medium_flaws(example: Example, in_seconds: bool) -> list[Flaw]:
    """What is wrong with the medium, or with the length that the line gives it."""
    try:
        seconds = check_medium(example.media)
    except MediumError as error:
        return [(error.what, error.remedy)]
    _, rows = split_excerpt(example.media)
    if rows is not None and not in_seconds and example.length != rows[1] - rows[0]:
        what = f"`length` is {example.length:g}, but {example.media} has {rows[1] - rows[0]} rows"
        return [(what, "correct the length, or the rows")]
    if seconds is None or not in_seconds:
        return []
    difference = abs(seconds - example.length)
    if difference <= _TOLERANCE_SECONDS or difference <= _RELATIVE_TOLERANCE * example.length:
        return []
    what = f"`duration` is {example.length:g} s, but {example.media} lasts {seconds:.3f} s"
    return [(what, "correct the duration, or cut the medium to it")]
