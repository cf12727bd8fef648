"""Sentences of given texts: as words, and as what espeak-ng is told so that it says them as people would.

It does not know English: all but a spelled A is said as espeak-ng reads it, 5 as "five", dr as "doctor", ii as "roman
two". So texts should be written as they are spoken.
"""

from __future__ import annotations

import glob
import hashlib
import sys
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Final

import numpy as np

from project.contract import InputError
from project.corpus.splits import SPLITS
from project.corpus.splits import split_of as split_of_text
from project.data.manifest import Manifest

Files = Sequence[str] | Mapping[str, Sequence[str]]  # for all splits together, or for each its own

# espeak-ng (1.51, 1.52) takes "a" for the article wherever a word follows: "s a r a h" is ['Es a# 'A@ a# 'eItS] in each
# of its eight accents, where "a" alone is ['eI]. No other letter changes its name among words or letters. [['eI]] keeps
# the accent of the voice: in all eight it sounds as "a" alone does, sample by sample.
_LETTER_A: Final = "[['eI]]"
_PAUSE: Final = "[[_:]]"
_MARKS: Final = frozenset(".,;:!?'’‘\"“”()-–—…&%$£€+/@#")  # besides letters and digits; others mark what is no speech
_STOPS: Final = ".,;:!?"  # make a pause; after [[...]] a full stop would be said: "dot"
_SHOWN: Final = 3  # of what is left out


@dataclass(frozen=True, slots=True)
class Word:
    """A word as it is written, and as espeak-ng is to read it."""

    text: str
    said: str


Sentence = tuple[Word, ...]


class Given:
    """The sentences of one split, each as often as it was given; some are said with other words in their places."""

    def __init__(self, sentences: Sequence[Sentence], recombined: float) -> None:
        """`recombined`: part of utterances whose words are drawn anew, as frequent as they are in all sentences."""
        self._sentences = sentences
        self._words = [word for sentence in sentences for word in sentence if _is_said(word)]
        self._recombined = recombined

    def draw(self, rng: np.random.Generator) -> Sentence:
        """A sentence, all equally likely; or one that is as long, of words that need not belong together."""
        sentence = self._sentences[int(rng.integers(len(self._sentences)))]
        if rng.random() >= self._recombined:
            return sentence
        count = sum(map(_is_said, sentence))
        return tuple(self._words[place] for place in rng.integers(len(self._words), size=count))


def text_of(sentence: Sentence) -> str:
    return " ".join(word.text for word in sentence)


def said_of(sentence: Sentence, pauses: Sequence[bool]) -> str:
    """What espeak-ng is told, with pauses after some words."""
    said = []
    for place, word in enumerate(sentence):
        said.append(word.said)
        if pauses[place] and place + 1 < len(sentence):
            said.append(_PAUSE)
    return " ".join(said)


def key_of(text: str) -> str:
    """What two texts have in common that are one sentence, however written."""
    kept = "".join(mark for mark in text.lower().replace("’", "'") if mark.isalnum() or mark.isspace() or mark == "'")
    return " ".join(kept.split())


def divide(files: Files, splits: Sequence[str]) -> dict[str, list[Sentence]]:
    """The sentences of each of these splits, and of others that files are named for; no sentence is in two of them.

    Of one list for all, a tenth of different sentences is dev's, a tenth test's, the rest are for training: each
    sentence by itself decides. A split that is alone has all. Of files for each, what test says is said in no other
    split, and what dev says is not said in training.
    """
    if not isinstance(files, Mapping):
        every = _load(files)
        found = {split: [one for one in every if split_of(one, splits) == split] for split in splits}
    else:
        strange = [name for name in files if name not in SPLITS] + [name for name in splits if not files.get(name)]
        if strange:
            raise InputError(f"corpus: texts: {strange[0]}: name files for each of {', '.join(splits)}, and no others")
        found = _apart({split: _load(paths) for split, paths in files.items() if paths})
    for split in splits:
        if not found[split]:
            raise InputError(f"corpus: texts: no sentence is left for {split}: give more, or name texts.{split}=[...]")
    return found


def split_of(sentence: Sentence, splits: Sequence[str]) -> str:
    """The only one of these splits in which a sentence may be said."""
    if len(splits) == 1:
        return splits[0]
    split = split_of_text(key_of(text_of(sentence)))
    return split if split in splits else splits[0]


def digest(sentences: Mapping[str, Sequence[Sentence]]) -> dict[str, str]:
    """Of the sentences of each split: files of the same name may hold others another day."""
    return {
        split: hashlib.sha256("\n".join(map(text_of, found)).encode()).hexdigest()[:8]
        for split, found in sentences.items()
    }


def parse(text: str) -> Sentence:
    """The words of a text; ValueError says why it cannot be said.

    >>> [word.said for word in parse("s a r a h has a book")]
    ['s', "[['eI]]", 'r', "[['eI]]", 'h', 'has', 'a', 'book']
    >>> [word.said for word in parse("WHY AM I A GHOST")]
    ['why', 'am', 'i', 'a', 'ghost']
    """
    text = unicodedata.normalize("NFC", text)
    if not any(map(str.isalnum, text)):
        raise ValueError("it has nothing to say: no letter and no digit")
    for mark in text:
        if not (mark.isspace() or mark in _MARKS or (mark.isascii() and mark.isalnum()) or _is_latin(mark)):
            raise ValueError(f"nobody says {mark!r}: write what is to be heard")
    words = text.split()
    spoken = [word.replace("’", "'") for word in (text.lower().split() if text.isupper() else words)]
    letters = _letters(spoken)
    return tuple(
        Word(word, _letter_a(said) if place in letters and said[0] in "aA" else said)
        for place, (word, said) in enumerate(zip(words, spoken, strict=True))
    )


def _letter_a(written: str) -> str:
    return _LETTER_A + ("," if len(written) > 1 else "")


def _letters(words: Sequence[str]) -> set[int]:
    """The places of letters that are spelled: they stand side by side, or A at the end, where no article stands.

    "i a" is a pronoun and an article. In AN4 this finds 218 of the 219 letters A, all but that of "a seven".
    """
    found: set[int] = set()
    alone = [word.rstrip(_STOPS).lower() for word in words]
    for is_letter, group in groupby(range(len(words)), lambda place: len(alone[place]) == 1 and alone[place].isalpha()):
        places = [*group]
        run = "".join(alone[place] for place in places)
        if is_letter and len(run) > 1 and (run[0] == "a" or {*run} - {"a", "i"}):
            found |= {*places}
    return found | ({len(words) - 1} if alone[-1] == "a" else set())


def _load(patterns: str | Sequence[str]) -> list[Sentence]:
    """The sentences of manifests and of .txt files; those that cannot be said are told and left out."""
    found: list[Sentence] = []
    flaws: list[str] = []
    for pattern in [patterns] if isinstance(patterns, str) else patterns:
        for where, text in _lines(pattern):
            try:
                found.append(parse(text))
            except ValueError as flaw:
                flaws.append(f"{where}: {flaw}")
    if flaws:
        print("\n".join(flaws[:_SHOWN]), file=sys.stderr)
        print(f"corpus: texts: {len(flaws):,} of {len(found) + len(flaws):,} are left out", file=sys.stderr)
    return found


def _lines(pattern: str) -> Iterator[tuple[str, str]]:
    """`file:line` and text of each that a path or glob has; blank lines of .txt files are none."""
    if not pattern.endswith(".txt"):
        manifest = Manifest.open(pattern)
        yield from ((manifest.location(place), example.text or "") for place, example in enumerate(manifest))
        return
    files = sorted(glob.glob(str(Path(pattern).expanduser())))  # noqa: PTH207 - absolute patterns, too
    if not files:
        raise InputError(f"{pattern}: no such file: correct corpus.texts")
    for name in files:
        for number, line in enumerate(Path(name).read_text(encoding="utf-8").splitlines(), 1):
            if line.strip():
                yield f"{name}:{number}", line


def _apart(found: dict[str, list[Sentence]]) -> dict[str, list[Sentence]]:
    """Without what a split after this one says; told, as it was asked for."""
    later: set[str] = set()
    kept: dict[str, list[Sentence]] = {}
    for split in reversed([split for split in SPLITS if split in found]):
        kept[split] = [one for one in found[split] if key_of(text_of(one)) not in later]
        if gone := len(found[split]) - len(kept[split]):
            print(f"corpus: texts: {gone:,} of {split} are left out: another split says them", file=sys.stderr)
        later |= {key_of(text_of(one)) for one in kept[split]}
    return kept


def _is_said(word: Word) -> bool:
    return any(map(str.isalnum, word.text))


def _is_latin(mark: str) -> bool:
    return mark.isalpha() and unicodedata.name(mark, "").startswith("LATIN")
