"""Common Voice: sentences that volunteers read into their own microphones, one language a folder."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from project.contract import Example, InputError
from project.corpus.imported import Found, check_parts, flawed, import_published, read_rows, require_folder, utterance

_PARTS: Mapping[str, Sequence[str]] = MappingProxyType({"train": ["train"], "dev": ["dev"], "test": ["test"]})
_NEEDED = ("client_id", "path", "sentence")
# Column -> what it is called in our lines; releases call accents differently.
_ABOUT = {
    "age": "age",
    "gender": "gender",
    "accents": "accents",
    "accent": "accents",
    "variant": "variant",
    "sentence_domain": "sentence_domain",
    "locale": "locale",
}


class CommonVoice:
    """A language as published: clips/, and tables of tab-separated values (train.tsv, dev.tsv, test.tsv, ...).

    A group is a volunteer (client_id); texts are sentences as published. Whoever speaks in dev or test is left out of
    train (`apart`), as the published split has it: validated.tsv, which holds all three, can so be learned from.
    """

    def __init__(
        self,
        folder: str | None = None,
        parts: Mapping[str, str | Sequence[str]] = _PARTS,
        apart: bool = True,
        media: Literal["copy", "link"] = "copy",
        skip_bad: bool = False,
    ) -> None:
        self._folder = require_folder(folder, media)
        self._parts = check_parts(parts)
        self._apart = apart
        self._media = media
        self._skip_bad = skip_bad

    def make(self, out: str, progress: Callable[[int, int], None] = lambda _done, _total: None) -> list[str]:
        """Writes clips and manifests into a folder and gives the manifests' paths."""
        found = [one for split, parts in self._parts.items() for part in parts for one in self._read_table(split, part)]
        if self._apart:
            found = _apart(found)
        settings = {"corpus": "common_voice@1", "parts": self._parts, "apart": self._apart, "media": self._media}
        return import_published(found, out, settings, self._folder, self._media, self._skip_bad, progress)

    def _read_table(self, split: str, part: str) -> Iterator[Found]:
        """The clips of a table, and the lines that name none."""
        path = self._folder / f"{part}.tsv"
        if not path.is_file():
            there = ", ".join(sorted(table.stem for table in self._folder.glob("*.tsv"))) or "no table"
            raise InputError(f"{path}: is missing: correct corpus.folder or corpus.parts ({there} is there)")
        rows = read_rows(path)
        where, head = next(rows, (f"{path}:1", ""))
        columns = (head or "").split("\t")
        if missing := [name for name in _NEEDED if name not in columns]:
            raise InputError(f"{where}: no column {' or '.join(missing)} in the first line: restore the file")
        for where, line in rows:
            yield self._clip(split, where, line, columns)

    def _clip(self, split: str, where: str, line: str | None, columns: Sequence[str]) -> Found:
        """A line's clip. The table's last cells may be missing, those that are needed may not."""
        if line is None:
            return flawed(where, "(no id)", "not UTF-8: restore the line")
        cells = [_unquoted(cell) for cell in line.split("\t")]
        record = dict(zip(columns, cells, strict=False))
        name = Path(record.get("path") or "(no id)").stem
        if len(cells) > len(columns):
            return flawed(where, name, f"{len(cells)} cells under {len(columns)} headings: take tabs out of the text")
        if empty := [key for key in _NEEDED if not record.get(key, "").strip()]:
            return flawed(where, name, f"no {' and no '.join(empty)}: fill it in, or take the line out")
        if Path(record["path"]).name != record["path"]:
            return flawed(where, name, f"path is {record['path']!r:.80}, no name of a file in clips: correct it")
        meta = {ours: record[theirs] for theirs, ours in _ABOUT.items() if record.get(theirs)}
        media = str((self._folder / "clips" / record["path"]).absolute())
        example = Example(
            name,
            media,
            math.nan,
            text=record["sentence"].strip(),
            group=record["client_id"],
            meta={"corpus": "common_voice", **meta},
        )
        return utterance(split, where, example)


def _unquoted(cell: str) -> str:
    '''A cell without the quotes that the tables of some releases have around cells with quotes in them.

    >>> _unquoted('"""No,"" he said."'), _unquoted('"No," he said.'), _unquoted('"No."')
    ('"No," he said.', '"No," he said.', '"No."')
    '''
    inside = cell[1:-1]
    quoted = len(cell) > 1 and cell[0] == cell[-1] == '"' and '""' in inside
    return inside.replace('""', '"') if quoted and '"' not in inside.replace('""', "") else cell


def _apart(found: Sequence[Found]) -> list[Found]:
    """All but the clips of train whose volunteers speak in dev or test as well; how many those are is told."""
    judged = {one.entry.example.group for one in found if one.split in {"dev", "test"}}
    kept = [one for one in found if one.split != "train" or one.entry.example.group not in judged]
    if len(kept) < len(found):
        print(
            f"{len(found) - len(kept):,} clips are left out of train: dev or test has their speakers", file=sys.stderr
        )
    return kept
