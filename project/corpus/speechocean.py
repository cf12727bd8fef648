"""SpeechOcean762: English read by Mandarin speakers, half of them children, with the scores that people gave.

Zhang et al., Interspeech 2021. Phones are those that should have been said; the corpus does not know all that was.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import orjson

from project.contract import Example, InputError
from project.corpus.held_out import held_out
from project.corpus.imported import FlawError, Found, read_lines, require_folder, write_corpus
from project.corpus.speechocean_scores import rater_labels, utterance_scores, word_labels
from project.data.foreign import Entry

OFFICIAL = ("train", "test")
ADULT = 16  # years


@dataclass(frozen=True, slots=True)
class _Utterance:
    """A line of either form."""

    where: str
    split: str  # official
    id: str
    media: str  # relative to the folder
    text: str
    speaker: str
    gender: str | None
    age: int | None
    scores: Mapping[str, Any]
    words: list[dict[str, Any]]
    marks: list[list[str]] | None  # for each word the texts of all raters
    rater_accuracy: list[float] | None
    source: str  # of the scores

    @property
    def kind(self) -> str:
        """Of a speaker, for a dev part that is like the rest."""
        return "unknown" if self.age is None else "adult" if self.age >= ADULT else "child"


class SpeechOcean:
    """The folder as it is published (scores.json, train/, test/, WAVE/), or a reduced one (train.jsonl, test.jsonl).

    dev is speakers of the official train split, children and adults as train has them; test is the official one.
    """

    def __init__(
        self, folder: str | None = None, dev_speakers: float = 20, media: Literal["copy", "link"] = "copy"
    ) -> None:
        self._folder = require_folder(folder, media)
        self._dev_speakers = dev_speakers
        self._media = media

    def make(self, out: str, progress: Callable[[int, int], None] = lambda _done, _total: None) -> list[str]:
        """Writes recordings and manifests into a folder and gives the manifests' paths."""
        reduced = (self._folder / "train.jsonl").is_file()
        utterances = list(self._read_reduced() if reduced else self._read_published())
        kinds = {one.speaker: one.kind for one in utterances if one.split == "train"}
        dev = held_out(kinds, self._dev_speakers)
        found = [
            self._found(one, "dev" if one.split == "train" and one.speaker in dev else one.split) for one in utterances
        ]
        settings = {"corpus": "speechocean@1", "dev_speakers": self._dev_speakers, "media": self._media}
        return write_corpus(found, out, settings, self._folder, self._media, progress)

    def _read_reduced(self) -> Iterator[_Utterance]:
        for split in OFFICIAL:
            texts = ("id", "audio", "text", "speaker", "score_source")
            for where, record in read_lines(self._folder / f"{split}.jsonl", texts):
                words = _words(where, record["id"], record)
                yield _Utterance(
                    where=where,
                    split=split,
                    id=record["id"],
                    media=record["audio"],
                    text=record["text"],
                    speaker=record["speaker"],
                    gender=record.get("gender"),
                    age=record.get("age"),
                    scores=record.get("scores") or {},
                    words=words,
                    marks=[word.get("rater_phones", []) for word in words] if "rater_scores" in record else None,
                    rater_accuracy=record.get("rater_scores", {}).get("accuracy"),
                    source=record["score_source"],
                )

    def _read_published(self) -> Iterator[_Utterance]:
        scores, details = self._scores("scores.json"), self._scores("scores-detail.json", optional=True)
        for split in OFFICIAL:
            names = ("wav.scp", "utt2spk", "spk2gender", "spk2age")
            media, speakers, genders, ages = (_table(self._folder / split / name) for name in names)
            for name, (where, path) in media.items():
                for place, table in (("scores.json", scores), (f"{split}/utt2spk", speakers)):
                    if name not in table:
                        raise InputError(f"{where}: {name}: it is not in {place}: restore the folder")
                record, detail, speaker = scores[name], details.get(name), speakers[name][1]
                at, age = ages.get(speaker, ("", None))
                if age is not None and not age.isdigit():
                    raise InputError(f"{at}: {speaker}: the age is {age!r}, no whole number: correct it")
                yield _Utterance(
                    where=where,
                    split=split,
                    id=name,
                    media=path,
                    text=record.get("text", ""),
                    speaker=speaker.removeprefix("SPEAKER"),
                    gender=genders.get(speaker, ("", None))[1],
                    age=None if age is None else int(age),
                    scores=record,
                    words=_words(where, name, record),
                    marks=None if detail is None else [word.get("phones", []) for word in _words(where, name, detail)],
                    rater_accuracy=None if detail is None else detail.get("accuracy"),
                    source="published",
                )

    def _scores(self, name: str, optional: bool = False) -> dict[str, dict[str, Any]]:
        """The objects of a file of scores, by the utterance's id."""
        path = next((path for path in (self._folder / name, self._folder / "resource" / name) if path.is_file()), None)
        if path is None and optional:
            return {}
        if path is None:
            places = f"neither {name} nor resource/{name} (as published), nor train.jsonl (reduced)"
            raise InputError(f"{self._folder}: {places}: correct corpus.folder")
        try:
            scores = orjson.loads(path.read_bytes())
        except orjson.JSONDecodeError as error:
            raise InputError(f"{path}: not JSON ({error}): restore the file") from None
        if not isinstance(scores, dict) or not all(isinstance(record, dict) for record in scores.values()):
            raise InputError(f"{path}: not an object of objects, id -> scores: restore the file")
        return scores

    def _found(self, one: _Utterance, split: str) -> Found:
        phones: list[str] = []
        labels: dict[str, Any] = {}
        flaw = ""
        try:
            phones, labels = word_labels(one.words)
            labels |= utterance_scores(one.scores)
            if one.marks is not None:
                labels |= rater_labels(one.words, one.marks, one.rater_accuracy)
        except FlawError as error:
            flaw = f"{one.where}: {one.id}: {error}"
        about = {"gender": one.gender, "age": one.age, "score_source": one.source}
        example = Example(
            one.id,
            str((self._folder / one.media).absolute()),
            math.nan,
            text=one.text,
            symbols=tuple(phones),
            labels=labels,
            group=one.speaker,
            meta={"corpus": "speechocean762", **{key: value for key, value in about.items() if value is not None}},
        )
        return Found(split, Entry(one.where, example, part=None), flaw)


def _words(where: str, name: str, record: Mapping[str, Any]) -> list[dict[str, Any]]:
    words = record.get("words")
    if not isinstance(words, list) or not words or not all(isinstance(word, dict) for word in words):
        raise InputError(f"{where}: {name}: `words` is {words!r:.60}: give its words, an object each")
    return words


def _table(path: Path) -> dict[str, tuple[str, str]]:
    """First word of each line of Kaldi's -> `file:line` and the rest of the line."""
    if not path.is_file():
        raise InputError(f"{path}: is missing: restore the folder")
    found: dict[str, tuple[str, str]] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        key, _, rest = line.strip().replace("\t", " ").partition(" ")
        if key in found:
            raise InputError(f"{path}:{number}: {key} stands in {found[key][0]} too: take one away")
        if key:
            found[key] = (f"{path}:{number}", rest.strip())
    return found
