"""The Protocol: everything that must be equal before two error rates may be compared."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, TypeAlias

from project.contract import InputError
from project.part import Adapted

Settings: TypeAlias = Mapping[str, Any]
FULL = "full"
ABSENT = "absent"  # stands in a difference for a key that one side does not have
BESIDE_ANSWERS = {  # of the sources: what makes corpora, watches, writes, compares and shows
    "action", "benchmark", "calibration", "callbacks", "checkup", "completion", "corpus", "diagnosis", "evaluation",
    "exporting", "launcher", "listing", "logger", "reporting", "search", "serving", "sweeping", "transcript",
    "__main__.py", "bench.py", "cli.py", "doctor.py", "environment.py", "export.py", "list.py", "notebook.py",
    "package.py", "prepare.py", "report.py", "serve.py", "stop.py", "sweep.py", "train.py", "transcribe.py",
}  # fmt: skip
SOUND = ("sample_rate", "channels", "level")  # settings of a feature that say what is done to sound before it


@dataclass(frozen=True, slots=True, eq=False)
class Protocol:
    """How an evaluation was done, as a value: two Reports are comparable when theirs are equal, field by field.

    Settings are kept as plain JSON (tuples become lists, 10.0 becomes 10), so that a Protocol read back from disk
    equals the one that was written. It does not know what the settings mean, nor which run was evaluated.
    """

    manifest_hash: str  # of the manifest's content
    manifest_ids_hash: str  # of the ordered ids that were scored, see hash_ids
    num_examples: int  # that were scored
    coverage: str  # "full", or "200 of 6300, not for decisions"
    audio: Settings  # what is done to sound before all else: sample rate, normalization of the level, see SOUND
    text: Settings  # the text normalizers in their order, each with its version
    alphabet_hash: str
    decode: Settings  # the decoder's settings, any logit bias included
    adapter: Settings | Literal["none"]  # of each by name: active or not, changes anything or not
    precision: str  # of the arithmetic, and on what kind of device: "32-true on cpu"
    code_version: str  # see hash_code
    feature: Settings = field(default_factory=dict)  # all other settings of the feature; older Reports have it in audio
    checkpoint: str = "best"  # which of a run's weights
    batching: str = "padded"  # or "equal lengths": what shares a batch changes what some models say

    def __post_init__(self) -> None:
        for one in fields(self):
            object.__setattr__(self, one.name, canonical(getattr(self, one.name), one.name))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Protocol) and self.to_json() == other.to_json()

    def __hash__(self) -> int:
        return hash(self.to_json())

    @property
    def hash(self) -> str:
        """12 hexadecimal digits that stand for the whole."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:12]

    @property
    def is_complete(self) -> bool:
        """Whether every example of the manifest was scored; otherwise nothing should be decided by it."""
        return self.coverage == FULL

    def to_mapping(self) -> dict[str, Any]:
        """Fields in their order, as plain data."""
        return {one.name: getattr(self, one.name) for one in fields(self)}

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any]) -> Protocol:
        """The Protocol with these fields; names it does not know, or lacks, are refused."""
        known = {one.name for one in fields(cls)}
        required = {f.name for f in fields(cls) if f.default is MISSING and f.default_factory is MISSING}
        for what, names in (("lacks", required - mapping.keys()), ("has unknown", mapping.keys() - known)):
            if names:
                raise InputError(
                    f"protocol {what} {', '.join(sorted(names))}: evaluate the run again with this version"
                )
        return cls(**mapping)

    def to_json(self) -> str:
        """The one canonical text of this Protocol."""
        return _dump(self.to_mapping())

    @classmethod
    def from_json(cls, text: str) -> Protocol:
        """The Protocol of that text."""
        return cls.from_mapping(json.loads(text))

    def flat(self) -> dict[str, Any]:
        """Every leaf by its full name: decode.size and so on."""
        return dict(_leaves("", self.to_mapping()))

    def differences(self, other: Protocol) -> list[tuple[str, Any, Any]]:
        """(field, mine, theirs) wherever the two disagree; settings key by key, as in decode.size."""
        return list(_differences("", self.to_mapping(), other.to_mapping()))


def hash_ids(ids: Iterable[str]) -> str:
    """16 hexadecimal digits of ids in their order.

    >>> hash_ids(["a", "b"]) == hash_ids(["b", "a"]), hash_ids(["a", "b"]) == hash_ids(["ab"])
    (False, False)
    """
    digest = hashlib.sha256()
    for example_id in ids:
        data = example_id.encode()
        digest.update(f"{len(data)}:".encode() + data)
    return digest.hexdigest()[:16]


def hash_code(folder: Path) -> str:
    """12 hexadecimal digits of the Python source that can change an answer or its score, whatever its commit."""
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*.py")):
        if file.relative_to(folder).parts[0] in BESIDE_ANSWERS:
            continue
        content = file.read_bytes()
        digest.update(f"{file.relative_to(folder).as_posix()}:{len(content)}:".encode() + content)
    return digest.hexdigest()[:12]


def sound_and_feature(settings: Settings) -> tuple[Settings, Settings]:
    """A feature's settings, told apart: what is done to sound before it, and all else.

    >>> sound_and_feature({"feature": "envelope@1", "sample_rate": 8000, "level": {"rms": 0.1}, "smooth_ms": 10})
    ({'sample_rate': 8000, 'level': {'rms': 0.1}}, {'feature': 'envelope@1', 'smooth_ms': 10})
    """
    sound = {key: value for key, value in settings.items() if key in SOUND}
    return sound, {key: value for key, value in settings.items() if key not in SOUND}


def adapter_state(model: object) -> Settings | Literal["none"]:
    """A model's adapters as they stand in a Protocol: active or not, and whether they change anything at all.

    How much they change belongs to the weights, as what they are does: two seeds are evaluated alike. One that is off
    changes nothing, whatever it learned.
    """
    states = model.adapter_state() if isinstance(model, Adapted) else {}
    return {
        name: {"active": bool(state["active"]), "changes": bool(state["active"]) and float(state["norm"]) > 0}
        for name, state in states.items()
    } or "none"


def coverage(num_scored: int, num_listed: int) -> str:
    """How much of a manifest was scored, in words.

    >>> coverage(300, 300), coverage(200, 6300)
    ('full', '200 of 6300, not for decisions')
    """
    if not 0 < num_scored <= num_listed:
        raise InputError(
            f"{num_scored} of {num_listed} examples scored: every example counts once, and there must be one"
        )
    return FULL if num_scored == num_listed else f"{num_scored} of {num_listed}, not for decisions"


def canonical(value: Any, name: str = "value") -> Any:
    """A value as plain JSON data with one spelling only.

    >>> canonical({"size": 10.0, "beams": (1, 2), "bias": float("-inf")})
    {'size': 10, 'beams': [1, 2], 'bias': '-inf'}
    """
    if isinstance(value, Mapping):
        return {str(key): canonical(item, f"{name}.{key}") for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [canonical(item, name) for item in value]
    if isinstance(value, float):
        if not math.isfinite(value):
            return str(value)
        return int(value) if value.is_integer() else value
    if value is None or isinstance(value, str | bool | int):
        return value
    raise TypeError(
        f"protocol: {name} is a {type(value).__name__}: settings hold text, numbers, lists and mappings only"
    )


def _dump(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _leaves(prefix: str, value: Any) -> Iterator[tuple[str, Any]]:
    if not isinstance(value, Mapping) or (not value and prefix):
        yield prefix, value
        return
    for key, item in value.items():
        yield from _leaves(f"{prefix}.{key}" if prefix else key, item)


def _differences(prefix: str, mine: Any, theirs: Any) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(mine, Mapping) and isinstance(theirs, Mapping):
        for key in [*mine, *(key for key in theirs if key not in mine)]:
            name = f"{prefix}.{key}" if prefix else key
            if key in mine and key in theirs:
                yield from _differences(name, mine[key], theirs[key])
            else:
                yield name, mine.get(key, ABSENT), theirs.get(key, ABSENT)
    elif _dump(mine) != _dump(theirs):
        yield prefix, mine, theirs
