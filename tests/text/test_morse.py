"""The code: against its tree, and against what punctuation and prosigns sound like as letters run together."""

from __future__ import annotations

import pytest

from project.contract import InputError
from project.text.morse import (
    CODE,
    DIGITS,
    LETTERS,
    PROSIGNS,
    PUNCTUATION,
    num_units,
    symbols_of,
)

# The code as operators learn it: from the top, a dit goes left and a dah right; level by level, _ where nothing is.
TREE = "ETIANMSURWDKGOHVF_L_PJBXCYZQ__"
RUN_TOGETHER = {
    ".": "AAA",
    ",": "MIM",
    "?": "UD",
    "'": "WG",
    "!": "KW",
    "/": "DN",
    "(": "KN",
    ")": "KK",
    ":": "OS",
    ";": "KR",
    "=": "BT",
    "+": "AR",
    "-": "DU",
    "_": "UK",
    '"': "RR",
    "$": "SX",
    "@": "AC",
    "&": "AS",
}


def test_letters_stand_where_the_tree_has_them() -> None:
    marks = [format(number, "b")[1:].replace("0", ".").replace("1", "-") for number in range(2, 2 + len(TREE))]
    assert {letter: mark for letter, mark in zip(TREE, marks, strict=True) if letter != "_"} == LETTERS


def test_digits_count_dits_or_dahs() -> None:
    assert len(DIGITS) == 10
    for digit in range(1, 6):
        assert CODE[str(digit)] == "." * digit + "-" * (5 - digit)
        assert CODE[str((digit + 5) % 10)] == "-" * digit + "." * (5 - digit)


def test_punctuation_and_prosigns_are_letters_run_together() -> None:
    assert {sign: "".join(map(LETTERS.__getitem__, letters)) for sign, letters in RUN_TOGETHER.items()} == PUNCTUATION
    for prosign, marks in PROSIGNS.items():
        assert marks == "".join(LETTERS[letter] for letter in prosign.strip("<>"))


def test_no_two_symbols_sound_alike() -> None:
    assert len(set(CODE.values())) == len(CODE) == 36 + 18 + 7


def test_paris_with_its_word_gap_is_fifty_units() -> None:
    assert sum(map(num_units, "PARIS ")) == 50
    assert sum(map(num_units, symbols_of("CODEX CODEX "))) == 120, "the other standard word has sixty"
    for symbol, marks in CODE.items():
        sound = "0".join({".": "1", "-": "111"}[mark] for mark in marks) + "000"
        assert num_units(symbol) == len(sound)


def test_symbols_are_cut_at_brackets() -> None:
    assert symbols_of("R<BK>73 <SK>") == ["R", "<BK>", "7", "3", " ", "<SK>"]
    assert symbols_of("") == []
    with pytest.raises(InputError, match="no Morse code for '%' 'é': leave it out"):
        symbols_of("CAFé 5%%")
    with pytest.raises(InputError, match="<ZZ>"):
        symbols_of("CQ <ZZ>")
