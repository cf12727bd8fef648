"""RWTH-PHOENIX-Weather 2014 and 2014 T from its annotations and a folder of landmarks: a manifest for each part.

The corpus itself is to be had from RWTH Aachen; landmarks must have been found in its pictures before. It does not look
at pictures. Everything that is wrong is told; nothing is written then, unless `skip_bad` imports the rest.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

from project import atomic
from project.contract import InputError
from project.corpus.folder import Folder
from project.corpus.foreign_landmarks import SUFFIXES, load
from project.corpus.phoenix_annotation import PARTS, Sentence, Split, find_tables, read_table, require, require_apart
from project.data.media import in_threads
from project.feature import landmark_file
from project.text.normalize import find_normalizers, normalize


@dataclass(frozen=True, slots=True)
class _Found:
    """A sentence with its landmarks, or with what is wrong with them."""

    part: str
    sentence: Sentence
    media: Path | None = None
    digest: str = ""
    seconds: float = 0.0
    problem: str = ""


class Phoenix:
    """Sentences of the published parts. Glosses stay as they were written: normalizing them is the experiment's.

    `normalize` makes `alphabet.json`, the glosses of train; it is said how many of dev's and test's are none of them.
    Landmarks that are not in our own form are taken to have `frame_rate` frames a second and to be measured in parts of
    the picture's width and height: `aspect` is width by height, and 1 leaves them as they are.
    """

    def __init__(
        self,
        folder: str | None = None,
        landmarks: str | None = None,
        split: Split = "si5",
        frame_rate: float = 25.0,
        aspect: float = 0.7,
        normalize: Sequence[str] = ("rwth_glosses",),
        skip_bad: bool = False,
    ) -> None:
        self._folder = require(folder, "folder", "annotations")
        self._landmarks = require(landmarks, "landmarks", "landmarks")
        if split not in {"si5", "multisigner"}:
            raise InputError(f"corpus.split is {split!r}: choose si5 or multisigner")
        if not 1 <= frame_rate <= 1000 or not 0.1 <= aspect <= 10:
            raise InputError(f"corpus: frame_rate {frame_rate:g}, aspect {aspect:g}: give 1 to 1000, and 0.1 to 10")
        self._split = split
        self._frame_rate = frame_rate
        self._aspect = aspect
        self._normalizers = find_normalizers(normalize)
        self._skip_bad = skip_bad

    def make(self, out: str, progress: Callable[[int, int], None] = lambda _done, _total: None) -> list[str]:
        """Writes manifests, landmarks and the alphabet into a folder, if they are not there already; the manifests.

        `progress` is told how many sentences of how many were looked at or written.
        """
        sentences = self._sentences()
        jobs = [(part, sentence) for part in PARTS for sentence in sentences[part]]
        found: list[_Found] = []
        for looked in in_threads(lambda job: self._look(*job), jobs):
            found.append(looked)
            progress(len(found), 2 * len(jobs))
        problems = [one.problem for one in found if one.problem]
        _tell(problems)
        if problems and not self._skip_bad:
            raise InputError(
                f"{self._landmarks}: {len(problems):,} of {len(jobs):,} sentences cannot be imported, so none is: "
                "mend them, or corpus.skip_bad=true imports the rest"
            )
        good = [one for one in found if not one.problem]
        if empty := [part for part in PARTS if all(one.part != part for one in good)]:
            raise InputError(f"{self._landmarks}: no sentence of {', '.join(empty)} has landmarks: correct the folder")
        left_out = ["left_out.jsonl"] if problems else []
        names = [*(f"{part}.jsonl" for part in PARTS), "alphabet.json", *left_out]
        folder = Folder(out, self._settings(good), names, "landmarks")
        alphabet = self._alphabet(good)
        if not folder.begin():
            (folder.path / "landmarks").mkdir(exist_ok=True)
            for done, one in enumerate(good, start=1):
                self._write(one, folder.path / "landmarks")
                progress(len(jobs) + done, len(jobs) + len(good))
            lines: dict[str, list[dict[str, Any]]] = {"alphabet.json": [{"separator": " ", "symbols": alphabet}]}
            lines |= {name: [{"problem": problem} for problem in problems] for name in left_out}
            folder.finish(lines | {f"{part}.jsonl": [_line(one) for one in good if one.part == part] for part in PARTS})
        self._report(good, alphabet)
        if problems:
            print(f"{len(problems):,} sentences left out, see {folder.path / 'left_out.jsonl'}", file=sys.stderr)
        return folder.manifests[: len(PARTS)]

    def _sentences(self) -> dict[str, list[Sentence]]:
        """The sentences of each part; a table that is wrong is never passed over."""
        tables, problems = find_tables(self._folder, self._split)
        sentences = {}
        for part, table in tables.items():
            sentences[part], wrong = read_table(table)
            problems += wrong
        problems += require_apart(sentences)
        _tell(problems)
        if problems:
            raise InputError(
                f"{self._folder}: {len(problems):,} problems in its tables, nothing is imported: mend them"
            )
        return sentences

    def _look(self, part: str, sentence: Sentence) -> _Found:
        """A sentence with its file of landmarks, read through."""
        media = self._find(part, sentence.id)
        if media is None:
            places = f"{self._landmarks} or {part}/ in it ({' '.join(SUFFIXES)})"
            problem = f"{sentence.where}: no landmarks of {sentence.id} in {places}: add the file"
            return _Found(part, sentence, problem=problem)
        try:
            content = media.read_bytes()
            landmarks = load(content, media)
        except OSError as error:
            return _Found(part, sentence, problem=f"{media}: it cannot be read ({error}): make it readable")
        except InputError as error:
            return _Found(part, sentence, problem=str(error))
        seconds = len(landmarks.points_TPX) / (landmarks.frame_rate or self._frame_rate)
        return _Found(part, sentence, media, hashlib.sha256(content).hexdigest(), round(seconds, 6))

    def _find(self, part: str, name: str) -> Path | None:
        """The file of a sentence: `<id>.npz` and the like, among all or in a folder of the part."""
        files = (
            folder / f"{name}{suffix}" for folder in (self._landmarks, self._landmarks / part) for suffix in SUFFIXES
        )
        return next((file for file in files if file.is_file()), None)

    def _write(self, one: _Found, folder: Path) -> None:
        """A sentence's landmarks in our own form."""
        assert one.media is not None
        content = one.media.read_bytes()
        landmarks = load(content, one.media)
        path = folder / f"{one.sentence.id}.npz"
        if landmarks.own:
            atomic.write(path, content)
            return
        points_TPX = landmarks.points_TPX * (self._aspect, 1.0, self._aspect)  # z has the scale of x
        landmark_file.write(path, points_TPX, landmarks.frame_rate or self._frame_rate)

    def _glosses(self, sentence: Sentence) -> list[str]:
        return normalize(" ".join(sentence.glosses), self._normalizers).split()

    def _alphabet(self, good: Sequence[_Found]) -> list[str]:
        """The glosses of train after normalizing, in the order of their letters."""
        return sorted({gloss for one in good if one.part == "train" for gloss in self._glosses(one.sentence)})

    def _report(self, good: Sequence[_Found], alphabet: Sequence[str]) -> None:
        """Says how many sentences there are, and how many glosses nobody can learn from train."""
        known = set(alphabet)
        for part in PARTS:
            sentences = [self._glosses(one.sentence) for one in good if one.part == part]
            unknown = [sum(gloss not in known for gloss in glosses) for glosses in sentences]
            outside = f", {sum(unknown):,} in {sum(map(bool, unknown)):,} sentences are none of train's {len(known):,}"
            count = f"{part}: {len(sentences):,} sentences, {sum(map(len, sentences)):,} glosses"
            print(f"{count}{'' if part == 'train' else outside}", file=sys.stderr)

    def _settings(self, good: Sequence[_Found]) -> Mapping[str, Any]:
        """What the corpus is made of: other sentences, or other bytes in a file of landmarks, make another one."""
        content = [{**asdict(one.sentence), "where": one.part, "digest": one.digest} for one in good]
        return {
            "corpus": "phoenix@1",
            "split": self._split,
            "frame_rate": self._frame_rate,
            "aspect": self._aspect,
            "normalize": list(map(str, self._normalizers)),
            "sentences": hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest(),
        }


def _tell(problems: Sequence[str]) -> None:
    if problems:
        print("\n".join(problems), file=sys.stderr)


def _line(one: _Found) -> dict[str, Any]:
    return {
        "id": one.sentence.id,
        "media": f"landmarks/{one.sentence.id}.npz",
        "duration": one.seconds,
        "symbols": list(one.sentence.glosses),
        "group": one.sentence.signer,
    }
