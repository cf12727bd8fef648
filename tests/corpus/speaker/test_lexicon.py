"""Words and how they are said, built in and from files."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from project.contract import InputError
from project.corpus.speaker.lexicon import built_in, load, phones_of, stressed
from project.text.phoneme import PHONES, VOWELS


def test_built_in_words_hold_every_phone_several_times() -> None:
    counts = Counter(phones_of(built_in().values()))
    assert set(counts) == set(PHONES)
    assert min(counts.values()) >= 8
    assert len(built_in()) > 400


def test_vowels_alone_have_stress() -> None:
    for phones in built_in().values():
        assert all((phone[-1] in "012") == (phone.rstrip("012") in VOWELS) for phone in phones)
        assert sum(phone[-1] == "1" for phone in phones) <= 1


def test_a_file_of_words(tmp_path: Path) -> None:
    file = tmp_path / "lexicon.txt"
    file.write_text("A                    AH\nA(2)                 EY\nABOUT\tAH0 B AW1 T\n\nAND AE N D\n")
    assert load(str(file)) == {"a": ("AH1",), "about": ("AH0", "B", "AW1", "T"), "and": ("AE1", "N", "D")}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("GOOD G UH D\nBAD B AX D\n", ":2: AX is none"),
        ("ALONE\n", ":1: ALONE has no phones"),
        ("", "no words"),
    ],
)
def test_files_that_are_no_lexicon(tmp_path: Path, content: str, words: str) -> None:
    file = tmp_path / "lexicon.txt"
    file.write_text(content)
    with pytest.raises(InputError, match=words):
        load(str(file))
    with pytest.raises(InputError, match="there is no such lexicon"):
        load(str(tmp_path / "other.txt"))


def test_stress_is_guessed_on_the_first_full_vowel() -> None:
    assert stressed(["AH", "G", "EH", "N"]) == ("AH0", "G", "EH1", "N")
    assert stressed(["HH", "AH", "M"]) == ("HH", "AH1", "M")
    assert stressed(["S", "T"]) == ("S", "T")
    assert stressed(["T", "UW2", "IY0"]) == ("T", "UW2", "IY0")
