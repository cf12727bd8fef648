"""How espeak-ng writes the 39 phones, and how to tell from what it reports whether and when it said them.

It drops what it cannot read without a word, and its rules change some phones in passing: so what it was asked for
and what it reports are compared phone by phone. An R that no vowel follows is reported and yet not heard: there the
vowel before it and the R are one of its vowels with r-colour.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from project.text.phoneme import PHONES, VOWELS

MNEMONICS: Mapping[str, str] = {
    "AA": "A:", "AE": "a", "AH": "V", "AO": "O:", "AW": "aU", "AY": "aI", "EH": "E", "ER": "3:", "EY": "eI", "IH": "I",
    "IY": "i:", "OW": "oU", "OY": "OI", "UH": "U", "UW": "u:",
    "B": "b", "CH": "tS", "D": "d", "DH": "D", "F": "f", "G": "g", "HH": "h", "JH": "dZ", "K": "k", "L": "l", "M": "m",
    "N": "n", "NG": "N", "P": "p", "R": "r", "S": "s", "SH": "S", "T": "t", "TH": "T", "V": "v", "W": "w", "Y": "j",
    "Z": "z", "ZH": "Z",
}  # fmt: skip
SCHWA = "@"  # of AH without stress
COLOURED: Mapping[str, str] = {"AA": "A@", "AO": "o@", "EH": "e@", "IH": "i@3", "UH": "U@"}  # with an R after them
_ALSO = {"AH": {SCHWA}, "IY": {"i"}, "T": {"t#"}}  # what passes for a phone: a schwa, a short [i], a flap
_HEARD = {phone: {MNEMONICS[phone], *_ALSO.get(phone, ())} for phone in PHONES}
_ONLY_BEFORE_VOWELS = {"R", "HH", "W", "Y"}
_STRESS = {"1": "'", "2": ","}
_MARKS = "',%="  # stress, as it is reported
_PAUSE = "[[_:]]"
_SPLIT = 0.55  # into a vowel with r-colour, or one that holds the L after it: there formants begin to move
_LEAST_SECONDS = 0.008  # shorter phones were not said


@dataclass(frozen=True, slots=True)
class Unit:
    """What has one mnemonic: a phone, or a vowel and the R after it."""

    phones: tuple[str, ...]
    mnemonic: str  # with its stress
    heard: frozenset[str]  # what of it may be reported


def units(word: Sequence[str]) -> list[Unit] | None:
    """A word of phones, vowels with or without stress digits, in units; None if it cannot be said so that all is heard.

    >>> [unit.mnemonic for unit in units(["S", "T", "AA1", "R", "T"])], units(["S", "R"])
    (['s', 't', "'A@", 't'], None)
    """
    found: list[Unit] = []
    for place, phone in enumerate(word):
        vowel_next = place + 1 < len(word) and bare(word[place + 1]) in VOWELS
        before = found[-1].phones if found else ()
        if phone == "R" and not vowel_next and before and before[-1] in COLOURED:
            name = COLOURED[before[-1]]
            found[-1] = Unit((*before, "R"), _mark(word[place - 1]) + name, frozenset({name}))
        elif phone in _ONLY_BEFORE_VOWELS and not vowel_next:
            return None
        else:
            before_r = place + 1 < len(word) and word[place + 1] == "R"  # there a schwa would become ER
            name = SCHWA if bare(phone) == "AH" and not _mark(phone) and not before_r else MNEMONICS[bare(phone)]
            found.append(Unit((bare(phone),), _mark(phone) + name, frozenset(_HEARD[bare(phone)])))
    return found


def write(words: Sequence[Sequence[Unit]], pauses: Sequence[bool] = ()) -> str:
    """Words in units as text for espeak-ng; pauses after words.

    >>> write([units(["DH", "AH0"]), units(["K", "AA1", "R"])], [True, False])
    "[[D|@]] [[_:]] [[k|'A@]]"
    """
    text = []
    for place, word in enumerate(words):
        text.append(f"[[{'|'.join(unit.mnemonic for unit in word)}]]")
        if place < len(pauses) and pauses[place]:
            text.append(_PAUSE)
    return " ".join(text)


def starts(asked: Sequence[Unit], events: Sequence[tuple[int, str]], rate: int) -> list[int] | None:
    """At which sample each phone begins, by the report of what was said, and the last one ends; None if it was not so.

    A glide or a linking r that espeak-ng puts between two vowels is no phone of its own.

    >>> starts(units(["S", "IY1"]), [(0, "_"), (5, "s"), (905, "'i:"), (2000, "_:")], 22050)
    [5, 905, 2000]
    >>> starts(units(["S", "IY1"]), [(5, "s"), (2000, "_:")], 22050)
    """
    begins: list[int] = []
    ends: list[int] = []
    for sample, event in events:
        name = event.strip(_MARKS)
        number = len(begins)
        if len(ends) < number:
            ends.append(sample)
        if not name or name[0] == "_" or name == ";" or (name in {"r", "r-"} and _links(asked, number)):
            continue
        if number == len(asked) or name not in asked[number].heard:
            return None
        begins.append(sample)
    if len(ends) < len(asked) or not asked:
        return None
    return _placed(asked, begins, ends, rate)


def _links(asked: Sequence[Unit], number: int) -> bool:
    """Whether an r here only links a vowel that ends with R's colour to the next."""
    return (
        number > 0
        and asked[number - 1].phones[-1] in {"R", "ER"}
        and (number == len(asked) or asked[number].phones[0] in VOWELS)
    )


def _placed(asked: Sequence[Unit], begins: list[int], ends: list[int], rate: int) -> list[int] | None:
    """Where phones begin, those too that share a vowel with the one before; None if one is too short to be heard."""
    places: list[int] = []
    for number, unit in enumerate(asked):
        begin, end = begins[number], ends[number]
        if end - begin < _LEAST_SECONDS * rate:
            before = asked[number - 1].phones[-1] if number else ""
            if unit.phones != ("L",) or before not in {*VOWELS, "R"}:
                return None
            begin = round(places[-1] + _SPLIT * (begin - places[-1]))
        places.append(begin)
        if len(unit.phones) > 1:
            places.append(round(begin + _SPLIT * (end - begin)))
    return [*places, ends[-1]]


def _mark(phone: str) -> str:
    return _STRESS.get(phone[-1], "")


def bare(phone: str) -> str:
    """A phone without its stress digit.

    >>> bare("AH0"), bare("T")
    ('AH', 'T')
    """
    return phone.rstrip("012")
