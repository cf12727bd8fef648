"""Morse recordings with their transcripts, imported as they are: a manifest beside copies of (or links to) them."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Literal

import orjson

from project.contract import InputError
from project.corpus.folder import Folder
from project.corpus.transcripts import Columns, read_transcripts
from project.data.foreign import Entry
from project.data.line import example_record
from project.data.media import in_threads
from project.data.relocate import complete, relocate, require_whole
from project.text.alphabet import Alphabet
from project.text.morse import CODE
from project.text.normalize import find_normalizers, normalize

_ALPHABET = Alphabet((*CODE, " "))
_DEFAULT = ("nfc", "ascii_punctuation", "morse_prosigns", "upper", "squeeze_spaces")


class MorseFiles:
    """Recordings that others made. Texts stay as they were written: normalizing them is the experiment's.

    `normalize` serves a check alone: after it, all of a text must have Morse code. It does not know whether a text is
    what is heard. Everything that is wrong is told; nothing is written then, unless `skip_bad` imports the rest.
    """

    def __init__(
        self,
        folder: str | None = None,
        transcripts: str | None = None,
        columns: Columns | None = None,
        group_by: Literal["column", "folder"] = "column",
        media: Literal["copy", "link"] = "copy",
        name: str = "all",
        normalize: Sequence[str] = _DEFAULT,
        skip_bad: bool = False,
    ) -> None:
        if folder is None:
            raise InputError("corpus: no folder of recordings is named: add corpus.folder=recordings")
        if media not in {"copy", "link"} or group_by not in {"column", "folder"}:
            raise InputError(
                f"corpus: media is {media!r}, group_by {group_by!r}: give copy or link, and column or folder"
            )
        if not name or Path(name).name != name:
            raise InputError(f"corpus: name is {name!r}, no name of a file: use letters, digits and signs")
        self._folder = Path(folder).expanduser()
        self._transcripts = transcripts
        self._columns = columns or Columns()
        self._by_folder = group_by == "folder"
        self._media = media
        self._manifest = f"{name}.jsonl"
        self._normalizers = find_normalizers(normalize)
        self._skip_bad = skip_bad

    def make(self, out: str, progress: Callable[[int, int], None] = lambda _done, _total: None) -> list[str]:
        """Writes the manifest and its recordings into a folder, if they are not there already; the manifest's path.

        `progress` is told how many examples of how many were looked at.
        """
        if Path(out).resolve().is_relative_to(self._folder.resolve()):
            raise InputError(f"{out}: lies among the recordings that are imported: choose another out=")
        entries, problems = self._survey(progress)
        if problems:
            print("\n".join(problems), file=sys.stderr)
        counted = f"{self._folder}: {len(problems):,} problems"
        if problems and not self._skip_bad:
            raise InputError(f"{counted}, nothing is imported: mend them, or corpus.skip_bad=true imports the rest")
        if not entries:
            raise InputError(f"{counted}, and no example without one: mend them")
        left_out = ["left_out.jsonl"] if problems else []
        folder = Folder(out, self._settings(entries), [self._manifest, *left_out], "audio")
        if not folder.begin():
            examples = relocate(entries, folder.path / "audio", self._media, overwrite=True)
            home = str(folder.path.absolute())
            lines = {name: [{"problem": problem} for problem in problems] for name in left_out}
            folder.finish({**lines, self._manifest: [example_record(example, home) for example in examples]})
        if problems:
            print(f"{len(problems):,} left out, see {folder.manifests[1]}", file=sys.stderr)
        return folder.manifests[:1]

    def _survey(self, progress: Callable[[int, int], None]) -> tuple[list[Entry], list[str]]:
        """The examples that can be imported, and all that is wrong with the others."""
        found, problems = read_transcripts(self._folder, self._transcripts, self._columns)
        entries: list[Entry] = []
        first: dict[str, Entry] = {}  # by id
        for done, looked in enumerate(in_threads(self._look, found), start=1):
            progress(done, len(found))
            entry, flaws = looked
            known = first.setdefault(entry.example.id, entry)
            if known is not entry:
                what = f"id {entry.example.id} is already that of {known.example.media} ({known.where})"
                flaws = [*flaws, f"{what}: rename one, or give each an `id`"]
            problems += [f"{entry.where}: {flaw}" for flaw in flaws]
            if not flaws:
                entries.append(entry)
        return entries, problems

    def _look(self, entry: Entry) -> tuple[Entry, list[str]]:
        """An entry with its length and group, and what is wrong with it."""
        flaws = []
        uncovered = _ALPHABET.uncovered(normalize(entry.example.text or "", self._normalizers))
        if uncovered:
            remedy = "correct the text, or name in corpus.normalize what maps them (fold_accents, strip_punctuation)"
            flaws.append(f"no Morse code for {' '.join(map(repr, uncovered))}: {remedy}")
        try:
            entry = complete(entry)
            require_whole(entry, self._media)
        except InputError as error:
            flaws.append(str(error).removeprefix(f"{entry.where}: "))
        if self._by_folder:
            parent = os.path.relpath(Path(entry.example.media).parent, self._folder.absolute())
            entry = replace(entry, example=replace(entry.example, group=None if parent == "." else parent))
        return entry, flaws

    def _settings(self, entries: Sequence[Entry]) -> dict[str, Any]:
        """What the corpus is made of: other texts, or other bytes in a recording, make another one."""
        media = list(dict.fromkeys(entry.example.media for entry in entries))
        digests = dict(zip(media, in_threads(_digest, media), strict=True))
        content = [
            {**asdict(entry.example), "media": digests[entry.example.media], "start": entry.start} for entry in entries
        ]
        return {
            "corpus": "morse_files@1",
            "manifest": self._manifest,
            "media": self._media,
            "recordings": hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest(),
        }


def _digest(media: str) -> str:
    with Path(media).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
