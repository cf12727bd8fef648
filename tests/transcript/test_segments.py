"""Segments: texts of windows, the words in them, and what formats make of those."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from itertools import pairwise

import pytest

from project.contract import Hypothesis
from project.text.vocabulary import Vocabulary, trained
from project.transcript.formats import format_of, json_line, named_text
from project.transcript.segments import SegmentTranscript, segment_of, words_of
from project.transcript.transcript import Mark, Word

FIRST = Mark("Hello, Mr. Jones", 0.0, 20.5, 0.75, (Word("Hello,", 0.5), Word("Mr.", 0.75), Word("Jones", 1.0)))
SECOND = Mark("<is> here", 25.0, 30.0, 0.5, (Word("<is>", 0.25), Word("here", 0.75)))
ONE = SegmentTranscript("a.wav", 30.0, (FIRST, SECOND))
NOTHING = SegmentTranscript("b.wav", 3.0, ())
TEXT = "Hello there, Mr. Jones: ça va, ça va! Hello there"


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return trained([TEXT.replace("ç", "c")] * 3, 30)


def by_pieces(vocabulary: Vocabulary, tokens: Sequence[int]) -> list[list[int]]:
    """Places of the tokens of each word, told by the mark that tokenizers of this kind put before words."""
    words: list[list[int]] = []
    for place, token in enumerate(tokens):
        if vocabulary.symbols[token].startswith("▁"):
            words.append([])
        words[-1].append(place)
    return words


def test_words_have_the_mean_of_their_tokens(vocabulary: Vocabulary) -> None:
    tokens = vocabulary.encode(TEXT)
    assert any(vocabulary.symbols[token].startswith("<0x") for token in tokens), "a letter of two bytes is in it"
    sure = [(place % 7 + 1) / 8 for place in range(len(tokens))]
    words = words_of(tokens, sure, vocabulary.decode)
    assert [word.text for word in words] == TEXT.split()
    wanted = [sum(sure[place] for place in places) / len(places) for places in by_pieces(vocabulary, tokens)]
    assert [word.confidence for word in words] == pytest.approx(wanted)


def test_any_tokens_make_words(vocabulary: Vocabulary) -> None:
    """Halves of letters, spaces that are bytes, ends in the middle: each word has tokens, and none is lost."""
    by_name = {name: number for number, name in enumerate(vocabulary.symbols)}
    odd = ["<0xE2>", "<0x80>", "<0x83>", "▁", "▁", "<0xC3>", "<0xA7>", "</s>", "<0x20>", "<0x0A>", "<0xC3>", "▁"]
    for start in range(len(odd)):
        for end in range(start, len(odd) + 1):
            tokens = [by_name[name] for name in odd[start:end]]
            words = words_of(tokens, [0.5] * len(tokens), vocabulary.decode)
            assert [word.text for word in words] == vocabulary.decode(tokens).split()
            assert all(word.confidence == 0.5 for word in words)


def test_a_segment_is_what_was_written_on_one_line() -> None:
    letters = ["a", "\n", "b"]
    written = Hypothesis((0, 1, 2), "a\nb", -1.0, (), (0.5, 1.0, 0.75))
    found = segment_of(written, 1.0, 2.0, lambda ids: "".join(letters[one] for one in ids).strip())
    assert found == Mark("a b", 1.0, 2.0, 0.6875, (Word("a", 0.5), Word("b", 0.875)))
    assert segment_of(Hypothesis((), "", -1.0), 1.0, 2.0, lambda ids: "") is None


def test_text_and_confidence() -> None:
    assert ONE.text == "Hello, Mr. Jones <is> here"
    assert ONE.confidence == pytest.approx((0.5 + 0.75 + 1.0 + 0.25 + 0.75) / 5)
    assert NOTHING.text == ""
    assert NOTHING.confidence is None
    assert named_text(ONE) == "a.wav\tHello, Mr. Jones <is> here\n"


def test_json_has_segments_with_times_and_words_without() -> None:
    content = json.loads(json_line(ONE))
    assert list(content) == ["file", "seconds", "text", "confidence", "segments"]
    assert content["segments"][1] == {
        "segment": "<is> here", "start": 25.0, "end": 30.0, "confidence": 0.5,
        "words": [{"word": "<is>", "confidence": 0.25}, {"word": "here", "confidence": 0.75}],
    }  # fmt: skip
    assert json.loads(json_line(NOTHING))["segments"] == []


def test_a_window_of_much_text_gives_captions_in_proportion() -> None:
    text = "The quick brown fox jumps over the lazy dog. " * 8
    long = Mark(text.strip(), 10.0, 40.0, 0.5, (Word("The", 0.5),))
    captions = SegmentTranscript("a.wav", 45.0, (FIRST, long)).captions()
    assert (captions[0].text, captions[0].start, captions[0].end) == (FIRST.text, 0.0, 20.5)
    rows = captions[1:]
    assert " ".join(row.text for row in rows) == text.strip()
    assert all(len(row.text) <= 42 for row in rows)
    assert (rows[0].start, rows[-1].end) == (10.0, 40.0)
    assert all(a.end == b.start for a, b in pairwise(rows))
    paces = [len(row.text) / (row.end - row.start) for row in rows]
    assert paces == pytest.approx([paces[0]] * len(rows))


def test_captions_as_files() -> None:
    assert format_of("srt").write(ONE) == (
        "1\n00:00:00,000 --> 00:00:20,500\nHello, Mr. Jones\n\n2\n00:00:25,000 --> 00:00:30,000\n<is> here\n"
    )
    assert "&lt;is&gt; here" in format_of("vtt").write(ONE)
    assert format_of("srt").write(NOTHING) == ""


def test_textgrid_has_a_tier_of_segments() -> None:
    written = format_of("textgrid").write(ONE)
    assert re.findall(r'name = "(\w+)"', written) == ["segments"]
    assert re.findall(r'text = "(.*)"', written) == ["Hello, Mr. Jones", "", "<is> here"]
    assert re.findall(r"intervals \[\d\]:\n *xmin = ([\d.]+)", written) == ["0.000000", "20.500000", "25.000000"]
