"""What speaks for a text beside the recognizer, against all texts scored one by one."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from project.contract import Hypothesis, InputError
from project.decode import language
from project.decode.beam import Beam
from project.decode.frames import Pruning
from project.decode.language import Language, Lexicon
from project.text.alphabet import Alphabet
from project.text.ngram import Ngrams, count

AB = Alphabet(("A", "7", " "))
EVERYTHING = Pruning(symbol=0, blank=2)
WORDS, SHAPES, WORD_BONUS = ["A", "7A"], ["@#", "@#@"], 0.7


@pytest.fixture
def model(tmp_path: Path) -> tuple[str, Ngrams]:
    """A model whose symbols stand in another order than the alphabet's, and one more."""
    symbols = ("7", " ", "X", "A")
    texts = ["A7A", "7A A7", "A A A", "A77", "", "77 A", "XA"]
    ngrams = count([[symbols.index(letter) for letter in text] for text in texts], symbols, order=3)
    ngrams.save(tmp_path / "lm.json")
    return str(tmp_path / "lm.json"), ngrams


def language_value(ngrams: Ngrams, text: str, weight: float, bonus: float) -> float:
    return weight * ngrams.log_prob([ngrams.symbols.index(letter) for letter in text]) + bonus * len(text)


def lexicon_value(text: str) -> float:
    """Words are what stands between spaces, a@# shape's letters and digits put in by hand."""
    known = {*WORDS, "A7", "A7A"}
    return WORD_BONUS * sum(word in known for word in text.split(" "))


def check(emissions: Any, enumerate_texts: Any, value: Callable[[str], float], **parts: Any) -> None:
    for seed in range(4):
        output = emissions(4, ids=4, sharpness=1.0, seed=seed)
        (found,) = Beam(AB, 100, EVERYTHING, nbest=100, **parts)(output)
        expected = {
            tokens: score + value(AB.decode(tokens))
            for tokens, score in enumerate_texts(output.log_probs_BTV[0].numpy(), once=AB.space).items()
        }
        everything: list[Hypothesis] = [found, *found.alternatives]
        assert {one.tokens: one.score for one in everything} == pytest.approx(expected, abs=1e-6)
        assert found.tokens == max(expected, key=lambda tokens: expected[tokens])


@pytest.mark.parametrize(("weight", "bonus"), [(0.5, 0.0), (1.0, 0.8), (2.0, -0.3)])
def test_a_language_model_is_multiplied_in(
    emissions: Any, enumerate_texts: Any, model: tuple[str, Ngrams], weight: float, bonus: float
) -> None:
    path, ngrams = model
    value = lambda text: language_value(ngrams, text, weight, bonus)  # noqa: E731
    check(emissions, enumerate_texts, value, language=Language(path, weight), bonus=bonus)


def test_a_model_too_large_for_tables_gives_the_same(
    emissions: Any, model: tuple[str, Ngrams], monkeypatch: pytest.MonkeyPatch
) -> None:
    output = emissions(30, 20, ids=4, sharpness=1.0)
    dense = Beam(AB, 10, language=Language(model[0]), nbest=3)(output)
    monkeypatch.setattr(language, "_MOST_CELLS", 0)
    sparse = Beam(AB, 10, language=Language(model[0]), nbest=3)(output)
    assert [one.tokens for one in dense] == [one.tokens for one in sparse]
    assert [one.score for one in dense] == pytest.approx([one.score for one in sparse], abs=1e-9)


@pytest.mark.parametrize(("ids", "size"), [(23, 4), (90, 10)])
def test_a_model_without_weight_changes_nothing(emissions: Any, tmp_path: Path, ids: int, size: int) -> None:
    """With a model all symbols are looked at after all texts, without one only those that can matter."""
    alphabet = Alphabet(tuple(chr(0x4E00 + number) for number in range(ids - 1)))
    count([[0, 1, 2]], alphabet.symbols, order=2).save(tmp_path / "lm.json")
    output = emissions(40, 25, ids=ids, sharpness=1.5, seed=ids)
    plain = Beam(alphabet, size, nbest=size)(output)
    weightless = Beam(alphabet, size, language=Language(str(tmp_path / "lm.json"), weight=0), nbest=size)(output)
    for one, other in zip(plain, weightless, strict=True):
        assert one.tokens == other.tokens
        assert one.spans == other.spans
        assert [rest.tokens for rest in one.alternatives] == [rest.tokens for rest in other.alternatives]
        assert one.score == pytest.approx(other.score)


@pytest.mark.parametrize("bonus", [0.7, -0.4])
def test_each_symbol_has_its_bonus_without_a_model_too(emissions: Any, enumerate_texts: Any, bonus: float) -> None:
    check(emissions, enumerate_texts, lambda text: bonus * len(text), bonus=bonus)


def test_words_completed_have_their_bonus(emissions: Any, enumerate_texts: Any) -> None:
    check(emissions, enumerate_texts, lexicon_value, lexicon=Lexicon(WORDS, SHAPES, WORD_BONUS))


def test_both_together(emissions: Any, enumerate_texts: Any, model: tuple[str, Ngrams]) -> None:
    path, ngrams = model
    value = lambda text: language_value(ngrams, text, 0.5, 0.2) + lexicon_value(text)  # noqa: E731
    parts = {"language": Language(path, 0.5), "bonus": 0.2, "lexicon": Lexicon(WORDS, SHAPES, WORD_BONUS)}
    check(emissions, enumerate_texts, value, **parts)


def test_padding_and_neighbours_do_not_matter(emissions: Any, model: tuple[str, Ngrams]) -> None:
    decoder = Beam(AB, 6, language=Language(model[0]), lexicon=Lexicon(WORDS), nbest=6)
    output = emissions(20, 0, 9, 33, ids=4, blank=2.0)
    together = decoder(output)
    for row, length in enumerate(output.lengths_B.tolist()):
        part = type(output)(output.log_probs_BTV[row : row + 1, :length], output.lengths_B[row : row + 1])
        assert decoder(part) == [together[row]]


def test_no_frames_at_all_is_an_empty_text(emissions: Any, model: tuple[str, Ngrams]) -> None:
    path, ngrams = model
    found = Beam(AB, 4, language=Language(path, 1.0))(emissions(0, 3, ids=4))[0]
    assert (found.tokens, found.text) == ((), "")
    assert found.score == pytest.approx(ngrams.log_prob([]))


def test_settings_say_which_model_and_words(model: tuple[str, Ngrams]) -> None:
    path, ngrams = model
    settings: Mapping[str, Any] = Beam(AB, 4, language=Language(path), lexicon=Lexicon(WORDS)).settings
    assert settings["language"] == {"ngram": ngrams.hash, "weight": 0.5}
    assert json.loads(json.dumps(settings)) == settings
    others = [Beam(AB, 4, lexicon=Lexicon(words)).settings["lexicon"] for words in (WORDS, WORDS[::-1], WORDS[:1])]
    assert others[0] == others[1] != others[2], "the order of words changes nothing"
    assert "language" not in Beam(AB, 4, language=Language(), lexicon=Lexicon()).settings


def test_what_is_wrong_is_said(model: tuple[str, Ngrams]) -> None:
    with pytest.raises(InputError, match="does not know 'Q', which the recognizer can write"):
        Beam(Alphabet(("A", "Q")), language=Language(model[0]))
    with pytest.raises(InputError, match=r"missing\.json: the language model cannot be read"):
        Beam(AB, language=Language("missing.json"))
    with pytest.raises(InputError, match="'B' is no symbol of a word"):
        Beam(AB, lexicon=Lexicon(["AB"]))
    with pytest.raises(InputError, match="' ' is no symbol of a word"):
        Beam(AB, lexicon=Lexicon(["A A"]))


def test_many_words_make_a_small_automaton() -> None:
    alphabet = Alphabet(tuple("ABCDEFGH "))
    rng = np.random.default_rng(0)
    words = {"".join(rng.choice(list("ABCDEFGH"), rng.integers(1, 9))) for _ in range(500)}
    scorer, _ = Lexicon(sorted(words), bonus=1.0).scorer(alphabet)
    assert scorer is not None
    for word in [*words, "HHHHHHHHH", "A" * 20]:
        states = np.array([[scorer.start]])
        for letter in word:
            states = scorer.advance(states, np.array([alphabet.encode(letter)]))
        assert scorer.finish(states)[0, 0] == pytest.approx(math.e if word in words else 1)
