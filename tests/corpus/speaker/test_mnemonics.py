"""What espeak-ng is asked for, and what its reports are worth."""

from __future__ import annotations

import pytest

from project.corpus.speaker.mnemonics import COLOURED, MNEMONICS, Unit, starts, units, write
from project.text.phoneme import PHONES, VOWELS

RATE = 10000


def asked(word: str) -> list[Unit]:
    found = units(word.split())
    assert found is not None
    return found


def test_every_phone_has_one_mnemonic_and_no_two_share_it() -> None:
    assert set(MNEMONICS) == set(PHONES)
    names = [*MNEMONICS.values(), *COLOURED.values()]
    assert len(set(names)) == len(names)
    assert set(COLOURED) <= set(VOWELS)


@pytest.mark.parametrize(
    ("word", "mnemonics"),
    [
        ("K AA1 R D", ["k", "'A@", "d"]),  # one vowel with r-colour
        ("S T AA1 R", ["s", "t", "'A@"]),
        ("S AO1 R IY0", ["s", "'O:", "r", "i:"]),  # this R is heard
        ("AH0 B AW2 T", ["@", "b", ",aU", "t"]),
        ("ER0 AY1 V", ["3:", "'aI", "v"]),
        ("AH0 R AW1 N D", ["V", "r", "'aU", "n", "d"]),  # a schwa before R would become ER
    ],
)
def test_units_of_words(word: str, mnemonics: list[str]) -> None:
    assert [unit.mnemonic for unit in asked(word)] == mnemonics
    assert [phone for unit in asked(word) for phone in unit.phones] == [p.rstrip("012") for p in word.split()]


@pytest.mark.parametrize("word", ["IY1 R", "S R", "R", "AE1 HH", "HH S", "K W", "OW1 Y T"])
def test_words_that_would_lose_a_phone_are_not_said(word: str) -> None:
    assert units(word.split()) is None


def test_separators_keep_neighbours_apart() -> None:
    assert write([asked("AE1 T SH IY0")]) == "[['a|t|S|i:]]"  # tS without it, another phone
    assert write([asked("T UW1"), asked("B IY1")], [True, True]) == "[[t|'u:]] [[_:]] [[b|'i:]] [[_:]]"


def test_phones_begin_where_it_was_reported() -> None:
    events = [(0, "_"), (100, "t"), (300, "'eI"), (900, "t#"), (1200, "@"), (1500, "_:"), (1800, "_")]
    assert starts(asked("T EY1 T AH0"), events, RATE) == [100, 300, 900, 1200, 1500]


def test_two_phones_of_one_vowel_share_its_time() -> None:
    events = [(0, "k"), (200, "'A@"), (1200, "d"), (1400, "_:")]
    assert starts(asked("K AA1 R D"), events, RATE) == [0, 200, 750, 1200, 1400]


def test_an_l_inside_the_vowel_before_it_begins_there() -> None:
    events = [(0, "h"), (200, "'E"), (1200, "l"), (1200, "T"), (1400, "_:")]
    assert starts(asked("HH EH1 L TH"), events, RATE) == [0, 200, 750, 1200, 1400]


@pytest.mark.parametrize(
    "events",
    [
        [(0, "s"), (900, "_:")],  # one vanished
        [(0, "s"), (500, "'I"), (900, "_:")],  # another
        [(0, "s"), (500, "'i:"), (700, "t"), (900, "_:")],  # one too many
        [(0, "s"), (0, "'i:"), (900, "_:")],  # no time for the first
        [(0, "s"), (500, "'i:")],  # no end
        [],
    ],
)
def test_what_was_not_said_as_asked_is_refused(events: list[tuple[int, str]]) -> None:
    assert starts(asked("S IY1"), events, RATE) is None
    assert starts(asked("S IY1"), [(0, "s"), (500, "'i:"), (900, "_:")], RATE) == [0, 500, 900]


def test_links_between_vowels_are_no_phones() -> None:
    events = [(0, "'3:"), (400, "r-"), (500, "i:"), (800, ";"), (850, "aU"), (1200, "_:")]
    assert starts([*asked("ER1"), *asked("IY0"), *asked("AW0")], events, RATE) == [0, 500, 850, 1200]
    unasked = [(0, "'i:"), (400, "r"), (500, "aU"), (900, "_:")]
    assert starts([*asked("IY1"), *asked("AW0")], unasked, RATE) is None
