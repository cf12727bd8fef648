"""Error rates and exact matches, against another library."""

from __future__ import annotations

import random

import jiwer
import pytest

from project.contract import Hypothesis, InputError
from project.metric.text import ErrorRate, ExactMatch
from project.text.alphabet import Alphabet

WORDS = ["CQ", "DE", "THE", "WX", "73", "PARIS"]


def sentences(count: int = 100) -> list[tuple[str, str]]:
    rng = random.Random(0)
    return [
        (" ".join(rng.choices(WORDS, k=rng.randint(1, 6))), " ".join(rng.choices(WORDS, k=rng.randint(0, 6))))
        for _ in range(count)
    ]


def summary(metric: ErrorRate | ExactMatch, pairs: list[tuple[str, str]]) -> dict[str, float]:
    rows = [metric.score(reference, Hypothesis((), text, 0.0)) for reference, text in pairs]
    return dict(metric.summarize({column: [row[column] for row in rows] for column in rows[0]}))


def test_character_and_word_error_rates_are_jiwers() -> None:
    references, hypotheses = (list(side) for side in zip(*sentences(), strict=True))
    cer = summary(ErrorRate("cer", "character"), sentences())
    wer = summary(ErrorRate("wer", "word"), sentences())
    assert cer["cer"] == pytest.approx(jiwer.cer(references, hypotheses))
    assert wer["wer"] == pytest.approx(jiwer.wer(references, hypotheses))
    for name, figures in (("cer", cer), ("wer", wer)):
        assert next(iter(figures)) == name
        assert figures[name] == pytest.approx(sum(list(figures.values())[1:]))


def test_reference_and_hypothesis_are_not_swapped() -> None:
    figures = summary(ErrorRate("cer", "character"), [("ABCD", "AB")])
    assert figures == {"cer": 0.5, "cer_substitutions": 0, "cer_deletions": 0.5, "cer_insertions": 0}


def test_a_symbol_may_be_several_characters() -> None:
    alphabet = Alphabet(("A", "R", "<AR>"))
    assert summary(ErrorRate("ser", "symbol", alphabet), [("A<AR>", "AA")])["ser"] == 0.5
    with pytest.raises(InputError, match="needs an alphabet"):
        ErrorRate("ser", "symbol")


def test_the_rate_is_of_all_together_not_a_mean_of_rates() -> None:
    assert summary(ErrorRate("cer", "character"), [("A", "B"), ("AAA", "AAA")])["cer"] == 0.25


def test_without_any_reference_there_is_no_rate() -> None:
    with pytest.raises(InputError, match=r"metric\.cer: the references hold no character"):
        summary(ErrorRate("cer", "character"), [("", "A")])
    with pytest.raises(InputError, match=r"metric\.exact: there are no examples"):
        ExactMatch("exact").summarize({"exact_matches": []})


def test_exact_matches() -> None:
    assert summary(ExactMatch("exact"), [("A", "A"), ("A", "A "), ("", ""), ("B", "C")]) == {"exact": 0.5}


def test_an_unknown_unit_is_refused() -> None:
    with pytest.raises(InputError, match="character, word, symbol"):
        ErrorRate("cer", "letter")  # type: ignore[arg-type]
