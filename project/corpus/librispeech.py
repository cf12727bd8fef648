"""LibriSpeech: audio books read aloud, as it is published, and whatever else lies in folders of its form."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Literal

from project.contract import Example, InputError
from project.corpus.imported import Found, check_parts, flawed, import_published, read_rows, require_folder, utterance

_PARTS: Mapping[str, Sequence[str]] = MappingProxyType(
    {"train": ["train-clean-100"], "dev": ["dev-clean"], "test": ["test-clean"]}
)


class LibriSpeech:
    """Parts (train-clean-100, ...) with speaker/chapter/*.flac, and a .trans.txt of ids and texts in each chapter.

    A group is a speaker; texts are as published, in capitals. SPEAKERS.TXT, if it is there, tells who is a woman.
    """

    def __init__(
        self,
        folder: str | None = None,
        parts: Mapping[str, str | Sequence[str]] = _PARTS,
        media: Literal["copy", "link"] = "copy",
        skip_bad: bool = False,
    ) -> None:
        self._folder = require_folder(folder, media)
        self._parts = check_parts(parts)
        self._media = media
        self._skip_bad = skip_bad

    def make(self, out: str, progress: Callable[[int, int], None] = lambda _done, _total: None) -> list[str]:
        """Writes recordings and manifests into a folder and gives the manifests' paths."""
        for part in (part for parts in self._parts.values() for part in parts):
            if not (self._folder / part).is_dir():
                there = ", ".join(sorted(path.name for path in self._folder.iterdir() if path.is_dir())) or "no folder"
                raise InputError(f"{self._folder / part}: is missing: correct corpus.parts ({there} is there)")
        genders, found = self._speakers()
        for split, parts in self._parts.items():
            for part in parts:
                found += self._read_part(split, part, genders)
        settings = {"corpus": "librispeech@1", "parts": self._parts, "media": self._media}
        return import_published(found, out, settings, self._folder, self._media, self._skip_bad, progress)

    def _speakers(self) -> tuple[dict[str, str], list[Found]]:
        """Speaker -> f or m, and the lines of SPEAKERS.TXT that do not say it."""
        path = self._folder / "SPEAKERS.TXT"
        genders: dict[str, str] = {}
        found: list[Found] = []
        for where, line in read_rows(path) if path.is_file() else ():
            cells = [cell.strip() for cell in (line or "|").split("|")]
            if cells[0].startswith(";"):
                continue
            if len(cells) < 2 or cells[1] not in {"F", "M"}:
                found.append(flawed(where, cells[0] or "(no id)", "no `speaker | F or M | ...`: restore the file"))
            else:
                genders[cells[0]] = cells[1].lower()
        return genders, found

    def _read_part(self, split: str, part: str, genders: Mapping[str, str]) -> Iterator[Found]:
        """The utterances of a part, and what is wrong with it."""
        recordings = {path.stem: path for path in sorted((self._folder / part).glob("*/*/*.flac"))}
        transcripts = sorted((self._folder / part).glob("*/*/*.trans.txt"))
        if not recordings and not transcripts:
            yield flawed(str(self._folder / part), part, "no speaker/chapter/*.flac in it: correct corpus.parts")
        for path in transcripts:
            speaker = path.parent.parent.name
            for where, line in read_rows(path):
                name, _, text = (line or "").strip().partition(" ")
                recordings.pop(name, None)
                if not name.startswith(f"{speaker}-{path.parent.name}-"):
                    what = f"no id of speaker {speaker}, chapter {path.parent.name}, and a text: restore the file"
                    yield flawed(where, name or "(no id)", what)
                elif not text.strip():
                    yield flawed(where, name, "no text after the id: restore the file")
                else:
                    about = {"gender": genders[speaker]} if speaker in genders else {}
                    media = str((path.parent / f"{name}.flac").absolute())
                    meta = {"corpus": "librispeech", "part": part, **about}
                    yield utterance(
                        split, where, Example(name, media, math.nan, text=text.strip(), group=speaker, meta=meta)
                    )
        for name, path in recordings.items():
            yield flawed(str(path), name, f"no transcript in {path.parent}: restore its .trans.txt, or move it away")
