"""Describes manifests: how much there is in each, and what they share."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from project.action.output import console, progress, require_free, require_manifests, say, write_json
from project.data.leakage import KINDS, Shared, by_content, find_overlap, find_shared
from project.data.manifest import Manifest
from project.data.profile import Profile, Survey, profile, survey
from project.data.profile_picture import draw, require_picture
from project.data.profile_table import profile_table, shared_table, symbol_table
from project.part import Notation


class Describe:
    """Tables of lengths, groups, symbols and rates, one column a manifest, and of what each two manifests share.

    Each path or glob is one manifest. Media are the same if their bytes are; `hash_media` false compares paths only.
    Two excerpts of one file are two media; the rows that those of different manifests share are counted as overlap.
    """

    def __init__(
        self,
        manifest: str | Sequence[str],
        spelling: Notation | None = None,
        hash_media: bool = True,
        json: str | None = None,
        picture: str | None = None,
        overwrite: bool = False,
    ) -> None:
        self.patterns = require_manifests(manifest, "describe")
        self.spelling = spelling
        self.hash_media = hash_media
        self.json = None if json is None else Path(json)
        self.picture = None if picture is None else Path(picture)
        self.overwrite = overwrite

    def run(self) -> int:
        """0; what manifests share may be meant."""
        if self.picture:
            require_picture(self.picture)
        require_free([path for path in (self.json, self.picture) if path], self.overwrite)
        surveys = self._survey()
        media: dict[str, Any] = {name: one.media for name, one in surveys.items()}
        if self.hash_media:
            with progress("comparing media", sum(map(len, media.values()))) as advance:
                media = by_content(media, advance)
        profiles = [profile(name, one, media[name]) for name, one in surveys.items()]
        shared = find_all_shared(surveys, media)
        shared += find_overlap({name: one.media for name, one in surveys.items()}, self.hash_media)
        self._write(surveys, profiles, shared)
        return 0

    def _survey(self) -> dict[str, Survey]:
        manifests = {name: Manifest.open(pattern) for name, pattern in short_names(self.patterns).items()}
        with progress("reading", sum(map(len, manifests.values()))) as advance:
            return {name: survey(manifest, self.spelling, advance) for name, manifest in manifests.items()}

    def _write(self, surveys: dict[str, Survey], profiles: Sequence[Profile], shared: Sequence[Shared]) -> None:
        out = console()
        out.print(profile_table(profiles))
        if any(one.symbols for one in profiles):
            out.print(symbol_table(profiles))
        if shared:
            out.print(shared_table(shared))
        if self.json:
            write_json(
                self.json, {"manifests": [one.to_json() for one in profiles], "shared": [s.to_json() for s in shared]}
            )
            say(f"{self.json}: written")
        if self.picture:
            draw(self.picture, surveys)
            say(f"{self.picture}: drawn")


def find_all_shared(surveys: dict[str, Survey], media: dict[str, Any]) -> list[Shared]:
    """What each two manifests share, of every kind."""
    columns: dict[str, Any] = {
        "id": {name: one.ids for name, one in surveys.items()},
        "group": {name: one.groups for name, one in surveys.items()},
        "text": {name: one.texts for name, one in surveys.items()},
        "media": media,
    }
    return [found for kind in KINDS for found in find_shared(kind, columns[kind])]


def short_names(patterns: Sequence[str]) -> dict[str, str]:
    """A short name for each manifest: the file's, if that tells them apart.

    >>> short_names(["data/train.jsonl", "data/test.jsonl"])
    {'train': 'data/train.jsonl', 'test': 'data/test.jsonl'}
    >>> short_names(["a/test.jsonl", "b/test.jsonl"])
    {'a/test.jsonl': 'a/test.jsonl', 'b/test.jsonl': 'b/test.jsonl'}
    """
    stems = [Path(pattern).stem for pattern in patterns]
    return dict(zip(stems if len(set(stems)) == len(stems) else patterns, patterns, strict=True))
