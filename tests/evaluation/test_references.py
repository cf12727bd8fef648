"""What became of references: counted as by hand."""

from __future__ import annotations

import random
import unicodedata
from collections import Counter

import pytest

from project.contract import InputError
from project.evaluation.references import NAMED, count_references
from project.text.spelling import Spelling

ENGLISH = Spelling("abcdefghijklmnopqrstuvwxyz' ", normalize=["nfc", "lower", "squeeze_spaces"])


def test_counts_are_those_of_a_count_by_hand() -> None:
    rng = random.Random(0)
    texts = ["".join(rng.choices("abcAB  é!e\u0301", k=rng.randint(0, 6))) for _ in range(300)]
    found = count_references([(f"m:{n}", text) for n, text in enumerate(texts)], ENGLISH)
    nfc = [unicodedata.normalize("NFC", text) for text in texts]
    lower = [text.lower() for text in nfc]
    squeezed = [" ".join(text.split()) for text in lower]
    outside = [[letter for letter in text if letter not in "abcdefghijklmnopqrstuvwxyz' "] for text in squeezed]
    assert (found.total, found.changed) == (300, sum(a != b for a, b in zip(texts, squeezed, strict=True)))
    assert dict(found.by_normalizer) == {
        "nfc@1": sum(a != b for a, b in zip(texts, nfc, strict=True)),
        "lower@1": sum(a != b for a, b in zip(nfc, lower, strict=True)),
        "squeeze_spaces@1": sum(a != b for a, b in zip(lower, squeezed, strict=True)),
    }
    assert found.empty == squeezed.count("") > 0
    assert found.uncovered == sum(map(bool, outside)) > 0
    assert dict(found.symbols) == Counter(letter for letters in outside for letter in letters)
    assert found.first == f"m:{next(n for n, letters in enumerate(outside) if letters)}"
    with pytest.raises(
        InputError, match=rf"^{found.first}: not in the alphabet: .* {found.uncovered} of 300 references"
    ):
        found.require_covered()
    found.require_text()


def test_a_change_that_another_undoes_is_counted() -> None:
    there_and_back = Spelling("AB", normalize=["lower", "upper"])
    found = count_references([("m:1", "A"), ("m:2", "b")], there_and_back)
    assert dict(found.by_normalizer) == {"lower@1": 1, "upper@1": 2}
    assert found.changed == 2


def test_many_symbols_are_counted_and_the_most_frequent_named() -> None:
    strange = [chr(0x400 + n) for n in range(40)]
    found = count_references([("m:1", "".join(letter * (40 - n) for n, letter in enumerate(strange)))], ENGLISH)
    told = found.to_mapping()["uncovered"]
    assert told["symbols"] == sum(range(41))
    assert len(told["most_frequent"]) == NAMED
    with pytest.raises(InputError, match="and 35 more; 1 of 1 references"):
        found.require_covered()


def test_symbols_between_spaces() -> None:
    phones = Spelling(["AA", "B"], separator=" ")
    found = count_references([("m:1", "AA B ZH B"), ("m:2", "AA")], phones)
    assert (found.uncovered, dict(found.symbols)) == (1, {"ZH": 1})


def test_nothing_to_score_against() -> None:
    with pytest.raises(InputError, match="all 2 references are empty after normalizing: evaluate examples that have"):
        count_references([("m:1", ""), ("m:2", "  ")], ENGLISH).require_text()
    count_references([], ENGLISH).require_text()


def test_lenient_spelling_keeps_the_reference_and_learns_nothing_from_it() -> None:
    strict = Spelling(["A", "R", "<AR>"], normalize=["upper"])
    lenient = strict.lenient()
    assert lenient.encode("a?<ar>é") == [1, 3]
    assert lenient.normalize("a?<ar>é") == "A?<AR>É"
    assert lenient.encode("??") == []
    assert lenient.settings == strict.settings
    with pytest.raises(InputError, match="not in the alphabet"):
        strict.encode("a?")
    assert Spelling(["AA", "B"], separator=" ").lenient().encode("AA ZH B") == [1, 2]
