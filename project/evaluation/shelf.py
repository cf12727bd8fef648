"""The Reports that lie in a run's folder: known by what they were made under, and read whole only when needed."""

from __future__ import annotations

import functools
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from project.contract import InputError
from project.data.manifest import Manifest
from project.evaluation.hypotheses.claim import Where, satisfies
from project.evaluation.protocol import FULL, Protocol
from project.evaluation.result import Report, load

HASH = re.compile(r"[0-9a-f]{8,64}")


@dataclass(frozen=True, slots=True)
class Shelved:
    """One Report on disk, of which only the head was read."""

    folder: Path
    content: Mapping[str, Any]  # of its Protocol
    manifest: str | None  # the file that was scored, as evaluate was told; older Reports do not say
    created: str

    @property
    def is_complete(self) -> bool:
        return bool(self.content.get("coverage") == FULL)

    @property
    def protocol(self) -> Protocol:
        return Protocol.from_mapping(self.content)

    def read(self) -> Report:
        """The whole Report."""
        return read(self.folder)

    def scored(self, manifest: str | None) -> bool:
        """Whether it is about a manifest: by its name, by the beginning of its hash, or by the content of that file."""
        if manifest is None:
            return True
        if self.manifest is not None and os.path.abspath(self.manifest) == os.path.abspath(manifest):  # noqa: PTH100
            return True
        known = str(self.content.get("manifest_hash", ""))
        if HASH.fullmatch(manifest) and known.startswith(manifest):
            return True
        return known == content_hash(manifest)

    def key(self, allow: Sequence[str]) -> str:
        """What must be equal between Reports that are compared: all of the Protocol but what may differ."""
        kept = {name: value for name, value in self.protocol.flat().items() if not _is_below(name, allow)}
        return json.dumps(kept, sort_keys=True)


@dataclass(frozen=True, slots=True)
class Entrant:
    """A run that claims may be about: what it is, and the Reports that it has."""

    name: str
    folder: Path
    settings: Mapping[str, Any]  # dotted keys that can change results; init_from.<key> of the run it began with
    identity: Mapping[str, Any]  # the other keys: name, family, ...
    reports: tuple[Shelved, ...]

    @property
    def values(self) -> Mapping[str, Any]:
        """All its keys."""
        return {**self.identity, **self.settings}

    def on(self, manifest: str | None, protocol: Where) -> list[Shelved]:
        """Its Reports of a manifest, made under such a Protocol."""
        found = [one for one in self.reports if one.scored(manifest)]
        return [one for one in found if satisfies(one.protocol.flat(), protocol)] if protocol else found


def browse(folder: Path) -> tuple[Shelved, ...]:
    """The Reports below a folder of reports, as far as this version can read them; others are evaluated again."""
    return tuple(_heads(folder))


def read(folder: Path) -> Report:
    """A Report as `load` gives it, read once however many claims are about it."""
    file = folder / "report.json"
    return _read(folder, file.stat().st_mtime_ns if file.is_file() else 0)


def choose(first: Sequence[Sequence[Shelved]], second: Sequence[Sequence[Shelved]], allow: Sequence[str]) -> str:
    """The key that Reports of all runs of both sides have: of a whole manifest rather than a part, then the latest."""
    offers = [{one.key(allow): one for one in _oldest_first(found)} for found in (*first, *second)]
    common = set.intersection(*(set(offer) for offer in offers))
    if not common:
        left, right = _furthest(offers)
        found = left.protocol.differences(right.protocol)
        names = [f"{name} ({mine} against {theirs})" for name, mine, theirs in found if not _is_below(name, allow)]
        roots = dict.fromkeys(name.split(".")[0] for name, *_ in found if not _is_below(name, allow))
        raise InputError(
            f"these runs were not evaluated alike: {left.folder} and {right.folder} differ in {', '.join(names)}: "
            f"evaluate them alike, or say that this may differ with allow: [{', '.join(roots)}]"
        )
    return max(common, key=lambda key: (offers[0][key].is_complete, max(offer[key].created for offer in offers)))


def pick(found: Sequence[Shelved], key: str, allow: Sequence[str]) -> Shelved:
    """The latest of a run's Reports that has the key."""
    return next(one for one in reversed(_oldest_first(found)) if one.key(allow) == key)


def content_hash(manifest: str) -> str | None:
    """The hash of a manifest's content; None where there is no such file any more."""
    file = Path(manifest)
    return _content_hash(manifest, file.stat().st_mtime_ns) if file.is_file() else None


def _heads(folder: Path) -> Iterator[Shelved]:
    for file in sorted(folder.glob("*/report.json")):
        try:
            content = json.loads(file.read_bytes())
            protocol, info = content["protocol"], content["info"]
            Protocol.from_mapping(protocol)
        except (ValueError, KeyError, TypeError, InputError):
            continue  # of another version or cut off: load() tells why, should it be asked for
        named = info.get("manifest")
        names = [named] if isinstance(named, str) else list(named or ())
        yield Shelved(file.parent, protocol, names[0] if len(names) == 1 else None, str(content["created"]))


@functools.cache
def _read(folder: Path, changed: int) -> Report:
    return load(folder)


@functools.cache
def _content_hash(manifest: str, changed: int) -> str:
    return Manifest.open(manifest).hash


def _oldest_first(found: Sequence[Shelved]) -> list[Shelved]:
    return sorted(found, key=lambda one: one.created)


def _furthest(offers: Sequence[Mapping[str, Shelved]]) -> tuple[Shelved, Shelved]:
    """A Report that all runs up to some run could be compared by, and that run's own latest, which is another."""
    shared = set(offers[0])
    for offer in offers[1:]:
        if not shared & set(offer):
            return next(one for key, one in offers[0].items() if key in shared), list(offer.values())[-1]
        shared &= set(offer)
    raise AssertionError("runs that share a key are not asked about")


def _is_below(name: str, roots: Sequence[str]) -> bool:
    return any(name == root or name.startswith(f"{root}.") for root in roots)
