"""Alphabets: what is encoded comes back, and what cannot come back is refused."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from project.contract import InputError
from project.text.alphabet import Alphabet

SYMBOLS = st.lists(st.text(alphabet="ab<> ", min_size=1, max_size=3), min_size=1, max_size=6, unique=True)


def made(symbols: list[str], separator: str = "") -> Alphabet | None:
    try:
        return Alphabet(tuple(symbols), separator)
    except InputError:
        return None


@settings(derandomize=True, max_examples=300, deadline=None)
@given(SYMBOLS)
def test_an_alphabet_is_refused_exactly_if_some_text_is_read_otherwise_than_written(symbols: list[str]) -> None:
    """Against enumeration of all short sequences of ids, cut at the longest symbol by a plain loop."""

    def longest_first(text: str) -> list[str] | None:
        found: list[str] = []
        while text:
            fits = [symbol for symbol in symbols if text.startswith(symbol)]
            if not fits:
                return None
            found.append(max(fits, key=len))
            text = text[len(found[-1]) :]
        return found

    sequences = [list(some) for size in range(1, 5) for some in itertools.product(symbols, repeat=size)]
    invertible = all(longest_first("".join(some)) == some for some in sequences)
    assert (made(symbols) is not None) == invertible


@settings(derandomize=True, max_examples=200, deadline=None)
@given(SYMBOLS, st.sampled_from(["", " "]), st.data())
def test_ids_to_text_and_back(symbols: list[str], separator: str, data: st.DataObject) -> None:
    alphabet = made(symbols, separator)
    if alphabet is not None:
        ids = data.draw(st.lists(st.integers(1, len(alphabet) - 1), max_size=12))
        text = alphabet.decode(ids)
        assert alphabet.encode(text) == ids
        assert alphabet.uncovered(text) == []


def test_it_counts_the_blank() -> None:
    assert len(Alphabet(tuple("AB"))) == 3
    assert Alphabet.blank == 0


def test_a_prosign_is_one_symbol() -> None:
    alphabet = Alphabet(("A", "R", "<AR>"))
    assert alphabet.encode("AR<AR>A") == [1, 2, 3, 1]


def test_phones_are_separated_by_spaces() -> None:
    alphabet = Alphabet(("AH", "A", "H"), separator=" ")
    assert alphabet.encode("A H  AH") == [2, 3, 1]
    assert alphabet.decode([2, 3, 1]) == "A H AH"


def test_what_is_not_covered_is_listed_once_and_never_dropped() -> None:
    alphabet = Alphabet(tuple("ABC "))
    assert alphabet.uncovered("A?B!?É") == ["?", "!", "É"]
    assert alphabet.split("A?B") == ["A", "?", "B"]
    with pytest.raises(InputError, match=r"'\?', '!' in 'A\?B!'"):
        alphabet.encode("A?B!")


@pytest.mark.parametrize("ids", [[0], [1, 4], [-1]])
def test_ids_outside_are_refused(ids: list[int]) -> None:
    with pytest.raises(ValueError, match="no symbols"):
        Alphabet(tuple("ABC")).decode(ids)


@pytest.mark.parametrize(
    ("symbols", "separator", "words"),
    [
        ((), "", "no symbols"),
        (("A", ""), "", "at least one character"),
        (("A", "B", "A"), "", "twice"),
        (("A", "A B"), " ", "white space"),
        (("A",), "-", "separator"),
        (("A", "B", "AB"), "", "'A' followed by 'B'"),
        (("A", "AB", "BC"), "", "'A' followed by 'B'"),
    ],
)
def test_bad_alphabets_are_refused(symbols: tuple[str, ...], separator: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        Alphabet(symbols, separator)


def test_saved_and_loaded_it_is_the_same(tmp_path: Path) -> None:
    alphabet = Alphabet(("é", "<AR>", '"', " "))
    alphabet.save(tmp_path / "alphabet.json")
    assert Alphabet.load(tmp_path / "alphabet.json") == alphabet
    assert [file.name for file in tmp_path.iterdir()] == ["alphabet.json"]


def test_the_hash_tells_alphabets_apart() -> None:
    alphabets = [Alphabet(("A", "B")), Alphabet(("B", "A")), Alphabet(("A", "B"), " "), Alphabet(("A", "B", "C"))]
    assert len({alphabet.hash for alphabet in alphabets}) == 4
    assert alphabets[0].hash == Alphabet(("A", "B")).hash
    assert len(alphabets[0].hash) == 16


@pytest.mark.parametrize("content", ["", "[]", '{"symbols": "AB", "separator": ""}', '{"symbols": ["A", 1]}', "\xff"])
def test_a_bad_file_is_named(tmp_path: Path, content: str) -> None:
    file = tmp_path / "alphabet.json"
    file.write_text(content, encoding="latin-1")
    with pytest.raises(InputError, match=str(file)):
        Alphabet.load(file)
    with pytest.raises(InputError, match="cannot be read"):
        Alphabet.load(tmp_path / "absent.json")
