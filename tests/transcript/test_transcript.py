"""Words and captions of what was recognized."""

from __future__ import annotations

from itertools import pairwise

import pytest

from project.transcript.transcript import Mark, Transcript


def spelled(text: str, every: float = 0.5, length: float = 0.1) -> list[Mark]:
    return [Mark(symbol, i * every, i * every + length, 0.5 + i % 2 / 2) for i, symbol in enumerate(text)]


def whole(marks: list[Mark], separator: str = "", seconds: float = 1000.0) -> Transcript:
    return Transcript("a.wav", seconds, tuple(marks), separator)


def test_text_and_confidence() -> None:
    one = whole(spelled("CQ DE"))
    assert one.text == "CQ DE"
    assert one.confidence == pytest.approx(0.7)
    assert whole([]).confidence is None
    assert whole([Mark("a:", 0, 1, 1), Mark("t", 1, 2, 1)], separator=" ").text == "a: t"


def test_words_are_between_spaces() -> None:
    words = whole(spelled(" CQ  DE")).words()
    assert [word.text for word in words] == ["CQ", "DE"]
    assert [(word.start, word.end) for word in words] == [(0.5, 1.1), (2.5, 3.1)]
    assert words[0].confidence == pytest.approx(0.75)
    assert whole(spelled("  ")).words() == []


def test_pauses_end_words_where_nobody_writes_spaces() -> None:
    marks = [Mark("1", 0.0, 0.1, 1), Mark("2", 0.5, 0.6, 1), Mark("3", 3.0, 3.1, 1)]
    assert [word.text for word in whole(marks).words()] == ["12", "3"]


def test_with_a_separator_each_symbol_is_a_word() -> None:
    marks = [Mark("HELLO", 0.0, 0.5, 1), Mark("WORLD", 0.6, 1.0, 1)]
    assert [word.text for word in whole(marks, separator=" ").words()] == ["HELLO", "WORLD"]


def test_captions_are_short_and_do_not_overlap() -> None:
    text = "THE QUICK BROWN FOX JUMPS OVER THE LAZY DOG " * 8
    captions = whole(spelled(text, every=0.15)).captions()
    assert " ".join(one.text for one in captions) == text.strip()
    assert all(len(one.text) <= 42 and one.end - one.start <= 7.0 for one in captions)
    assert all(a.end <= b.start for a, b in pairwise(captions))
    assert 8 < len(captions) < 20


def test_a_short_caption_is_shown_as_long_as_there_is_room() -> None:
    marks = [Mark("A", 1.0, 1.02, 1), Mark("B", 5.0, 5.02, 1)]
    assert [(one.start, one.end) for one in whole(marks, seconds=5.5).captions()] == [(1.0, 2.0), (5.0, 5.5)]
