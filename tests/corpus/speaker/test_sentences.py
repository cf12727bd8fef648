"""Given texts become sentences that can be said, and no sentence is in two splits."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from project.contract import InputError
from project.corpus.speaker.sentences import Given, divide, key_of, parse, said_of, text_of


def said(text: str) -> str:
    return " ".join(word.said for word in parse(text))


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("s a r a h", "s [['eI]] r [['eI]] h"),
        ("enter a b c", "enter [['eI]] b c"),
        ("fifty seven fourteen a", "fifty seven fourteen [['eI]]"),
        ("nine and a half", "nine and a half"),
        ("WHY AM I A GHOST", "why am i a ghost"),
        ("It is A I. A book", "It is [['eI]] I. [['eI]] book"),  # side by side, whatever stands between
        ("u. s. a. is", "u. s. [['eI]], is"),
        ("A", "[['eI]]"),
        ("a a", "[['eI]] [['eI]]"),
        ("NASA and the USA", "NASA and the USA"),
        ("IT IS 5 O’CLOCK", "it is 5 o'clock"),
        ("café  naïve", "café naïve"),
        ("cafe\u0301", "café"),  # a letter and its accent are one
    ],
)
def test_words_as_they_are_said(text: str, spoken: str) -> None:
    assert said(text) == spoken
    assert len(parse(text)) == len(text.split())


def test_the_text_stays_as_it_was_written() -> None:
    assert text_of(parse(" WHY AM  I A GHOST")) == "WHY AM I A GHOST"
    assert text_of(parse("It’s a b, c.")) == "It’s a b, c."


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "nothing to say"),
        (" .. - ", "nothing to say"),
        ("a [noise]", r"nobody says '\['"),
        ("你好", "nobody says '你'"),
    ],
)
def test_what_cannot_be_said(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        parse(text)


def test_pauses_stand_between_words() -> None:
    assert said_of(parse("one two three"), [True, False, True]) == "one [[_:]] two three"


def test_keys_of_sentences() -> None:
    assert key_of("It's  NINE, o'clock.") == key_of("it's nine o'clock")
    assert key_of("no - it’s") == key_of("no it's")
    assert key_of("its nine") != key_of("it's nine")


def test_drawn_anew_are_words_as_frequent_and_sentences_as_long() -> None:
    sentences = [parse("yes"), parse("no no - no"), parse("a b")]
    rng = np.random.default_rng(0)
    plain = Given(sentences, 0.0)
    assert {plain.draw(rng) for _ in range(60)} == {*sentences}
    mixed = Given(sentences, 1.0)
    drawn = [mixed.draw(rng) for _ in range(3000)]
    lengths = Counter(map(len, drawn))
    words = Counter(word.said for sentence in drawn for word in sentence)
    for length, part in {1: 1 / 3, 2: 1 / 3, 3: 1 / 3}.items():
        assert lengths[length] / 3000 == pytest.approx(part, abs=0.03)
    total = sum(words.values())
    for word, part in {"yes": 1 / 6, "no": 3 / 6, "[['eI]]": 1 / 6, "b": 1 / 6}.items():
        assert words[word] / total == pytest.approx(part, abs=0.03)
    assert sum(sentence in sentences for sentence in (Given(sentences, 0.5).draw(rng) for _ in range(1000))) > 500


def write(folder: Path, name: str, texts: list[str | None]) -> str:
    path = folder / name
    if name.endswith(".txt"):
        path.write_text("".join(f"{text}\n" for text in texts))
    else:
        lines = [
            {"id": str(number), "media": "a.wav", "duration": 1.0, "symbols": ["x"], **({"text": text} if text else {})}
            for number, text in enumerate(texts)
        ]
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return str(path)


NUMBERS = [f"number {number}" for number in range(400)]


def test_one_list_is_divided_by_what_the_sentences_are(tmp_path: Path) -> None:
    path = write(tmp_path, "all.txt", [*NUMBERS, *(text.upper() for text in NUMBERS), ""])
    found = divide([path], ["train", "dev", "test"])
    keys = {split: {key_of(text_of(one)) for one in sentences} for split, sentences in found.items()}
    assert sum(map(len, keys.values())) == 400
    assert sum(map(len, found.values())) == 800  # as often as they were given
    assert 20 <= len(keys["dev"]) <= 60
    assert 20 <= len(keys["test"]) <= 60
    fewer = divide([write(tmp_path, "half.txt", [*NUMBERS[::2]])], ["train", "dev", "test"])
    for split, sentences in fewer.items():  # the others decide nothing
        assert {key_of(text_of(one)) for one in sentences} <= keys[split]
    assert len(divide([path], ["test"])["test"]) == 800
    assert {key_of(text_of(one)) for one in divide([path], ["train", "dev"])["dev"]} == keys["dev"]


def test_files_for_each_split(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train = write(tmp_path, "train.jsonl", ["one", "two", "two", "three"])
    dev = write(tmp_path, "dev.jsonl", ["TWO", "four"])
    test = write(tmp_path, "test.txt", ["four.", "five"])
    found = divide({"train": [train], "dev": dev, "test": [test]}, ["train", "dev", "test"])
    assert {split: [text_of(one) for one in sentences] for split, sentences in found.items()} == {
        "train": ["one", "three"],
        "dev": ["TWO"],
        "test": ["four.", "five"],
    }
    told = capsys.readouterr().err
    assert "2 of train are left out" in told
    assert "1 of dev are left out" in told
    assert [text_of(one) for one in divide({"train": [train], "test": [dev]}, ["train"])["train"]] == ["one", "three"]


def test_globs(tmp_path: Path) -> None:
    for name in ("a.jsonl", "b.jsonl", "c.txt", "d.txt"):
        write(tmp_path, name, [name[0]])
    found = divide([str(tmp_path / "*.txt"), str(tmp_path / "[ab].jsonl")], ["train"])
    assert [text_of(one) for one in found["train"]] == ["c", "d", "a", "b"]


def test_what_is_left_out_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, "train.jsonl", ["one", "<noise>", None, "two"])
    assert len(divide([path], ["train"])["train"]) == 2
    told = capsys.readouterr().err
    assert f"{path}:2: nobody says '<'" in told
    assert f"{path}:3: it has nothing to say" in told
    assert "2 of 4 are left out" in told


def test_wrong_texts_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "one.txt", ["one"])
    with pytest.raises(InputError, match=r"no such file: correct corpus\.texts"):
        divide([str(tmp_path / "none.txt")], ["train"])
    with pytest.raises(InputError, match="no such manifest"):
        divide([str(tmp_path / "none.jsonl")], ["train"])
    with pytest.raises(InputError, match=r"no sentence is left for (train|dev): give more, or name texts\.(train|dev)"):
        divide([path], ["train", "dev"])
    with pytest.raises(InputError, match="texts: dev: name files for each of train, dev"):
        divide({"train": [path]}, ["train", "dev"])
    with pytest.raises(InputError, match="texts: valid: name files"):
        divide({"train": [path], "valid": [path]}, ["train"])
