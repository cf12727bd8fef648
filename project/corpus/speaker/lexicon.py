"""Words and how they are said: the built-in ones, or those of a file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from project.contract import InputError
from project.corpus.speaker.mnemonics import bare
from project.corpus.speaker.words import WORDS
from project.text.phoneme import PHONES, VOWELS

Lexicon = Mapping[str, tuple[str, ...]]  # word, in lower case -> phones, vowels with 0, 1 or 2 behind for stress

_ANOTHER = re.compile(r"\(\d+\)$")  # A(2) is another way to say A


def built_in() -> Lexicon:
    """The words that come along."""
    entries = (entry.split() for line in WORDS.strip().splitlines() for entry in line.split(";"))
    return {word: stressed(phones, guess=False) for word, *phones in entries}


def load(path: str) -> Lexicon:
    """A file with a word and its phones in each line, apart by spaces or tabs; of several ways to say a word the first.

    Stress digits may be there or not. Words that have a phone of other alphabets are refused.
    """
    file = Path(path)
    if not file.is_file():
        raise InputError(f"{path}: there is no such lexicon: correct texts.lexicon, or null for the built-in one")
    found: dict[str, tuple[str, ...]] = {}
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        word, *phones = line.split() or [""]
        unknown = [phone for phone in phones if bare(phone) not in PHONES]
        if unknown or (word and not phones):
            what = f"{unknown[0]} is none of the 39 phones" if unknown else f"{word} has no phones"
            raise InputError(f"{path}:{number}: {what}: correct the line or take it out")
        if word:
            found.setdefault(_ANOTHER.sub("", word).lower(), stressed(phones))
    if not found:
        raise InputError(f"{path}: it holds no words: write a word and its phones in each line")
    return found


def stressed(phones: Sequence[str], guess: bool = True) -> tuple[str, ...]:
    """Phones whose vowels all have stress digits; where none says 1 or 2, `guess` puts it on the first full vowel.

    >>> stressed(["AH", "B", "AW", "T"]), stressed(["DH", "AH"], guess=False)
    (('AH0', 'B', 'AW1', 'T'), ('DH', 'AH0'))
    """
    digits = [phone if phone[-1].isdigit() or phone not in VOWELS else f"{phone}0" for phone in phones]
    vowels = [place for place, phone in enumerate(digits) if bare(phone) in VOWELS]
    if guess and vowels and not any(digits[place][-1] in "12" for place in vowels):
        full = [place for place in vowels if bare(digits[place]) != "AH"]
        place = (full or vowels)[0]
        digits[place] = f"{bare(digits[place])}1"
    return tuple(digits)


def phones_of(words: Iterable[Sequence[str]]) -> list[str]:
    """The phones of several words, without stress.

    >>> phones_of([("DH", "AH0"), ("AY1",)])
    ['DH', 'AH', 'AY']
    """
    return [bare(phone) for word in words for phone in word]
