"""Texts: every symbol, every kind, no text in two splits, and as long as was asked for."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import asdict, fields, replace
from typing import Any

import numpy as np
import pytest

from project.contract import InputError
from project.corpus.keyer import phrases, words
from project.corpus.keyer.dice import Dice
from project.corpus.keyer.texts import Symbols, Texts, draw_text, draw_text_of
from project.corpus.splits import split_of
from project.text.morse import CODE, DIGITS, LETTERS, PROSIGNS, PUNCTUATION, num_units, symbols_of

KINDS = ("groups", "calls", "contest", "qso", "english", "numbers")
NONE = dict.fromkeys(KINDS, 0.0)
SPLITS = ("train", "dev", "test")
ALPHABETS: dict[Symbols, set[str]] = {
    "plain": {*LETTERS, *DIGITS, " "},
    "punctuation": {*LETTERS, *DIGITS, *PUNCTUATION, " "},
    "full": {*CODE, " "},
}


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def only(kind: str, **given: Any) -> Texts:
    return Texts(**{**NONE, kind: 1.0, **given})


@pytest.mark.parametrize("symbols", list(ALPHABETS))
@pytest.mark.parametrize("split", SPLITS)
def test_all_symbols_occur_and_no_others(symbols: Symbols, split: str) -> None:
    generator = rng()
    texts = [draw_text_of(400, Texts(symbols=symbols), generator, split) for _ in range(600)]
    counts = Counter(symbol for text in texts for symbol in symbols_of(text))
    assert set(counts) == ALPHABETS[symbols]
    common = min(counts[symbol] for symbol in [*LETTERS, *DIGITS]) / sum(counts.values())
    assert common > 0.004, "a letter that hardly occurs is not learned"


@pytest.mark.parametrize("symbols", list(ALPHABETS))
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_varies_and_is_spaced_evenly(kind: str, symbols: Symbols) -> None:
    generator = rng(1)
    texts = [draw_text_of(500, only(kind, symbols=symbols), generator) for _ in range(100)]
    assert len(set(texts)) == 100
    for text in texts:
        assert text == " ".join(text.split())
        assert set(symbols_of(text)) <= ALPHABETS[symbols]


@pytest.mark.parametrize("units", [4, 50.5, 300, 2000])
def test_a_text_fills_its_units(units: float) -> None:
    generator = rng(2)
    lengths = [sum(map(num_units, symbols_of(draw_text_of(units, Texts(), generator)))) for _ in range(100)]
    longest = max(num_units(symbol) for symbol in ALPHABETS["plain"])
    if units < longest:
        assert max(lengths) <= longest
        return
    assert max(lengths) <= units
    assert min(lengths) > units - longest - 4, "nothing more than a symbol and a space before it would have fitted"


@pytest.mark.parametrize("symbols", list(ALPHABETS))
def test_a_text_has_the_symbols_asked_for(symbols: Symbols) -> None:
    generator = rng(3)
    lengths = Counter(
        len(symbols_of(draw_text("train", Texts(num_symbols=(3, 9), symbols=symbols), generator))) for _ in range(700)
    )
    assert set(lengths) == set(range(3, 10))
    assert {len(draw_text("dev", Texts(num_symbols=[5, 5]), generator)) for _ in range(30)} == {5}


def test_splits_share_no_text() -> None:
    generator = rng(4)
    drawn = {split: {draw_text(split, Texts(), generator) for _ in range(500)} for split in SPLITS}
    drawn["train"] |= {draw_text_of(60, Texts(), generator) for _ in range(500)}
    assert sum(map(len, drawn.values())) == len(set().union(*drawn.values()))
    assert all(split_of(text) == split for split, texts in drawn.items() for text in texts)
    shares = Counter(split_of(str(number)) for number in range(10_000))
    assert [shares[split] / 10_000 for split in SPLITS] == pytest.approx([0.8, 0.1, 0.1], abs=0.01)


def test_a_text_is_a_function_of_the_generator() -> None:
    texts = Texts(symbols="full")
    assert draw_text_of(300, texts, rng(5)) == draw_text_of(300, texts, rng(5)) != draw_text_of(300, texts, rng(6))
    assert draw_text("test", texts, rng(5)) == draw_text("test", texts, rng(5))


def test_parts_are_weights() -> None:
    """Of calls and figures alone, three to one: a text with a letter group and a digit in it is a call sign's."""
    texts = Texts(**{**NONE, "groups": 30.0, "numbers": 10.0})
    generator = rng(7)
    groups = sum(bool(re.search("[A-Z]{2}", draw_text_of(500, texts, generator))) for _ in range(400)) / 400
    numbers = sum(bool(re.search("[A-Z]{2}", draw_text_of(500, only("numbers"), generator))) for _ in range(400)) / 400
    assert groups == pytest.approx(0.75 + 0.25 * numbers, abs=0.06)


def test_call_signs_look_like_call_signs() -> None:
    dice = Dice(rng(8))
    calls = [phrases.call_sign(dice) for _ in range(2000)]
    plain = [call for call in calls if "/" not in call]
    prefixes = "|".join(sorted(words.PREFIXES, key=len, reverse=True))
    assert all(re.fullmatch(rf"({prefixes})\d{{1,4}}[A-Z]{{1,3}}", call) for call in plain)
    assert 0.8 < len(plain) / len(calls) < 0.9
    assert {call.rpartition("/")[2] for call in calls} >= {"P", "M", "QRP", "MM", "A"}
    assert len({re.match(r"\d?[A-Z]+", call)[0] for call in plain}) > 80  # type: ignore[index]
    assert not re.search("QRP|/", " ".join(draw_text_of(300, only("calls"), rng(seed)) for seed in range(100)))


def test_prosigns_are_used_as_operators_use_them() -> None:
    generator = rng(9)
    texts = " ".join(draw_text_of(3000, only("qso", symbols="full"), generator) for _ in range(60))
    alone = Counter(word for word in texts.split() if word in PROSIGNS)
    assert alone["<SK>"] > 20
    assert {"<SK>", "<BK>", "<HH>", "<CT>"} <= set(alone)
    assert sum(texts.count(prosign) for prosign in PROSIGNS) == sum(alone.values())
    assert "=" in texts.split()


def test_word_lists_are_plain_and_large() -> None:
    lists = {name: value for name, value in vars(words).items() if name.isupper()}
    assert len({word for value in lists.values() for item in value for word in item.split()}) > 1200
    for name, value in lists.items():
        assert set("".join(value)) <= {*LETTERS, *DIGITS, " ", "'"}, name


def test_dice_are_fair() -> None:
    dice = Dice(rng(10))
    drawn = np.array([dice.number() for _ in range(10_000)])
    reference = rng(10)
    np.testing.assert_array_equal(drawn[:128], np.concatenate([reference.random(64), reference.random(64)]))
    weighed = Counter(dice.weigh((1, 0, 3)) for _ in range(10_000))
    assert set(weighed) == {0, 2}
    assert weighed[2] / 10_000 == pytest.approx(0.75, abs=0.02)
    assert Counter(dice.between(2, 4) for _ in range(9000)).keys() == {2, 3, 4}
    early = Counter(dice.pick_early("abcd") for _ in range(10_000))
    assert early["a"] / 10_000 == pytest.approx(0.5, abs=0.02)
    assert sorted(early, key=early.__getitem__, reverse=True) == list("abcd")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"num_symbols": (5, 3)}, r"texts.num_symbols is \[5, 3\]: give \[low, high\] from 3 on"),
        ({"num_symbols": (2, 3)}, "num_symbols"),
        ({"num_symbols": (3,)}, "num_symbols"),
        ({"symbols": "all"}, "texts.symbols is 'all': give plain, punctuation or full"),
        ({"qso": -0.1}, r"texts.qso is -0.1: give 0 or more"),
        (NONE, "all parts of texts are 0: give one of groups, calls"),
    ],
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Texts(**wrong)


def test_a_split_without_texts_is_an_error_and_no_endless_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("project.corpus.keyer.texts.split_of", lambda _text: "train")
    with pytest.raises(InputError, match=r"no text for dev among 10,000: allow longer texts"):
        draw_text("dev", Texts(num_symbols=(3, 3)), rng())
    with pytest.raises(InputError, match="no text for test"):
        draw_text_of(10, Texts(), rng(), "test")


def test_settings_are_plain() -> None:
    texts = replace(Texts(), num_symbols=[4, 5])
    assert asdict(texts)["num_symbols"] == [4, 5]
    assert {field.name for field in fields(Texts)} == {"num_symbols", "symbols", *KINDS}
