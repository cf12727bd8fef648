"""AN4: Americans of about 1991 who spell, count and give commands; native speech beside that of learners."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal

from project.contract import Example
from project.corpus.held_out import held_out
from project.corpus.imported import FlawError, Found, read_lines, require_folder, require_phones, write_corpus
from project.data.foreign import Entry


class AN4:
    """train.jsonl and test.jsonl of a folder, imported whole; dev is speakers of train, of both genders.

    It does not know how well anybody spoke: lines have no scores.
    """

    def __init__(
        self, folder: str | None = None, dev_speakers: float = 6, media: Literal["copy", "link"] = "copy"
    ) -> None:
        self._folder = require_folder(folder, media)
        self._dev_speakers = dev_speakers
        self._media = media

    def make(self, out: str, progress: Callable[[int, int], None] = lambda _done, _total: None) -> list[str]:
        """Writes recordings and manifests into a folder and gives the manifests' paths."""
        records = {
            split: list(read_lines(self._folder / f"{split}.jsonl", ("id", "audio", "text", "speaker")))
            for split in ("train", "test")
        }
        dev = held_out({line["speaker"]: str(line.get("gender")) for _, line in records["train"]}, self._dev_speakers)
        found = [
            self._found("dev" if split == "train" and record["speaker"] in dev else split, where, record)
            for split, lines in records.items()
            for where, record in lines
        ]
        settings = {"corpus": "an4@1", "dev_speakers": self._dev_speakers, "media": self._media}
        return write_corpus(found, out, settings, self._folder, self._media, progress)

    def _found(self, split: str, where: str, record: dict[str, Any]) -> Found:
        phones: list[str] = []
        problem = ""
        try:
            phones = require_phones(record["text"], record.get("phones"))
        except FlawError as flaw:
            problem = f"{where}: {record['id']}: {flaw}"
        example = Example(
            record["id"],
            str((self._folder / record["audio"]).absolute()),
            math.nan,
            text=record["text"],
            symbols=tuple(phones),
            group=record["speaker"],
            meta={"corpus": "an4", **{key: record[key] for key in ("gender",) if record.get(key)}},
        )
        return Found(split, Entry(where, example, part=None), problem)
