"""Pieces of words: whatever can be written comes back, and numbers, files and hashes are what they should be."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from project.contract import InputError
from project.text.alphabet import Alphabet
from project.text.vocabulary import END, START, UNKNOWN, Vocabulary, trained

TEXTS = ["The cat sat on the mat.", "That is the hat of the cat", "a hat, a mat and a cat"]
VOCABULARY = trained(TEXTS, 36)
SPACE = "▁"  # how the tokenizer writes a space
PLAIN = st.text(st.characters(exclude_categories=("Cs",), exclude_characters=SPACE), max_size=40)


def reference() -> Tokenizer:
    """The library by itself, from the file."""
    return Tokenizer.from_str(VOCABULARY.to_json())


@settings(max_examples=300, deadline=None)
@given(PLAIN)
def test_all_that_unicode_has_comes_back_but_for_spaces_around_it(text: str) -> None:
    ids = VOCABULARY.encode(text)
    assert all(0 <= number < len(VOCABULARY) for number in ids)
    assert VOCABULARY.decode(ids) == text.strip()


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(["cat", "<s>", "</s>", "<unk>", "<0x41>", "é", "😀", "\x00"]), min_size=1, max_size=6))
def test_what_looks_like_a_mark_is_text(parts: list[str]) -> None:
    """A text that spells `</s>` does not end there."""
    text = " ".join(parts)
    ids = VOCABULARY.encode(text)
    assert not {VOCABULARY.start, VOCABULARY.end, 0} & set(ids)
    assert VOCABULARY.decode(ids) == text.strip()


def test_numbers() -> None:
    assert VOCABULARY.symbols[:3] == (UNKNOWN, START, END)
    assert (VOCABULARY.blank, VOCABULARY.start, VOCABULARY.end) == (0, 1, 2)
    assert VOCABULARY.symbols[3 : 3 + 256] == tuple(f"<0x{byte:02X}>" for byte in range(256))
    assert len(VOCABULARY) == len(VOCABULARY.symbols) == len(set(VOCABULARY.symbols)) == 259 + 36
    assert VOCABULARY.symbols == tuple(reference().id_to_token(number) for number in range(len(VOCABULARY)))


@pytest.mark.parametrize("text", ["the cat", "q", "ж", "漢字", "😀 ok", "na\u0308h", "\u200bmat"])
def test_what_is_no_piece_of_a_word_is_its_bytes(text: str) -> None:
    """Character by character: pieces of words are known ones, all else is UTF-8."""
    known = set("".join(TEXTS))
    written = VOCABULARY.split(text)
    spelled = "".join(written)
    for character in text.replace(" ", SPACE):
        mark = character if character in known or character == SPACE else "".join(
            f"<0x{byte:02X}>" for byte in character.encode()
        )  # fmt: skip
        assert mark in spelled
    found = re.sub(r"(?:<0x[0-9A-F]{2}>)+", lambda run: bytes.fromhex(re.sub("<0x|>", "", run[0])).decode(), spelled)
    assert found.replace(SPACE, " ").strip() == text.strip()


def test_it_is_the_library_that_cuts() -> None:
    theirs = reference()
    for text in (*TEXTS, "unheard of: Œuvre", "CAT", "the  mat"):
        tokens = theirs.encode(text, add_special_tokens=False)
        assert VOCABULARY.encode(text) == tokens.ids
        assert VOCABULARY.split(text) == tokens.tokens
        assert VOCABULARY.decode(tokens.ids) == theirs.decode(tokens.ids).strip()
    assert theirs.encode("the cat").ids == [1, *VOCABULARY.encode("the cat")], (
        "published ones begin so, and have no end"
    )


def test_pieces_are_those_of_byte_pair_encoding() -> None:
    """The first merges are the pairs that are most frequent in the texts, counted by hand."""
    small = trained(["aab aab aab ab ab"], 6)  # pairs: ab 5 times, then ▁+a(a) ...
    pieces = small.symbols[259:]
    assert set("ab") | {SPACE} <= set(pieces)
    assert "ab" in pieces
    assert len(pieces) == 6
    assert small.split("ab") in (["▁ab"], ["▁", "ab"])


def test_start_end_and_padding_are_no_text() -> None:
    ids = VOCABULARY.encode("a cat")
    assert VOCABULARY.decode([VOCABULARY.start, *ids, VOCABULARY.end, 0, 0]) == "a cat"
    assert VOCABULARY.decode([]) == ""
    assert VOCABULARY.decode([3 + 0xE2]) == "\ufffd", "half a character is shown as one that cannot be"


def test_nothing_is_outside() -> None:
    assert VOCABULARY.uncovered("漢字 <unk> \x07") == []


def test_a_hash_is_equal_for_equal_tokenizers_alone() -> None:
    assert len(VOCABULARY.hash) == 16
    again = Vocabulary.from_json(VOCABULARY.to_json())
    assert again.hash == VOCABULARY.hash
    assert Vocabulary.from_json(json.dumps(json.loads(VOCABULARY.to_json()), indent=4)).hash == VOCABULARY.hash
    assert trained(TEXTS, 36).hash == VOCABULARY.hash, "training is a function of texts and size"
    assert trained(TEXTS, 35).hash != VOCABULARY.hash
    assert trained([text.upper() for text in TEXTS], 36).hash != VOCABULARY.hash


def test_it_is_loaded_from_a_file_a_folder_or_a_runs_folder(tmp_path: Path) -> None:
    file = tmp_path / "some.json"
    VOCABULARY.save(file)
    hub, run = tmp_path / "hub", tmp_path / "run"
    for folder, name in ((hub, "tokenizer.json"), (run, "alphabet.json")):
        folder.mkdir()
        VOCABULARY.save(folder / name)
    (hub / "config.json").write_text("{}")
    for place in (file, str(file), hub, run, str(run)):
        found = Vocabulary.load(place)
        assert found.hash == VOCABULARY.hash
        assert found.encode("a cat sat") == VOCABULARY.encode("a cat sat")


def test_a_file_that_pads_or_cuts_does_neither_here(tmp_path: Path) -> None:
    """Published ones often do."""
    theirs = reference()
    theirs.enable_padding(length=50)
    theirs.enable_truncation(max_length=2)
    theirs.save(str(tmp_path / "tokenizer.json"))
    assert Vocabulary.load(tmp_path).encode("the cat sat") == VOCABULARY.encode("the cat sat")


def test_bad_files_are_told_with_their_place(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"empty: it holds no tokenizer.json: name the file"):
        Vocabulary.load(tmp_path / "empty")
    with pytest.raises(InputError, match=r"text.tokenizer=.*gone.json: it cannot be read"):
        Vocabulary.load(tmp_path / "gone.json")
    for name, content in (
        ("text.json", b"no json"),
        ("list.json", b"[1, 2]"),
        ("alphabet.json", Alphabet(("A", "B")).to_json().encode()),
        ("half.json", VOCABULARY.to_json().encode()[:300]),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=f"{name}: no tokenizer.json of the tokenizers library.*name another file"):
            Vocabulary.load(tmp_path / name)
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"bytes.json: it cannot be read"):
        Vocabulary.load(tmp_path / "bytes.json")


@pytest.mark.parametrize("name", [START, END])
def test_one_without_marks_is_refused(name: str, tmp_path: Path) -> None:
    content = VOCABULARY.to_json().replace(f'"{name}"', '"<other>"')
    (tmp_path / "tokenizer.json").write_text(content)
    with pytest.raises(InputError, match=f"tokenizer.json: the tokenizer has no {name}"):
        Vocabulary.load(tmp_path)


def test_one_that_cannot_write_bytes_says_what_it_cannot_write(tmp_path: Path) -> None:
    content = json.loads(VOCABULARY.to_json())
    content["model"]["byte_fallback"] = False
    poor = Vocabulary.from_json(json.dumps(content))
    assert poor.encode("the cat") == VOCABULARY.encode("the cat")
    with pytest.raises(InputError, match=r"the tokenizer cannot write 'naïve': name one with byte fallback"):
        poor.encode("naïve")


def test_of_nothing_there_is_no_tokenizer() -> None:
    with pytest.raises(InputError, match=r"hold nothing to make a tokenizer of"):
        trained([], 20)


def test_capitals_cost_more_tokens_where_texts_have_few() -> None:
    """Why a corpus in capitals is learned in lower case with a cased tokenizer."""
    words = " ".join(TEXTS).lower().split()
    lower = sum(len(VOCABULARY.encode(word)) for word in words) / len(words)
    upper = sum(len(VOCABULARY.encode(word.upper())) for word in words) / len(words)
    assert lower < 2
    assert upper > 1.7 * lower
