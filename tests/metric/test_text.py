"""Error rates and exact matches, against another library."""

from __future__ import annotations

import random

import jiwer
import pytest

from project.contract import Hypothesis, InputError
from project.metric.text import ErrorRate, ExactMatch, LengthRatio, OracleErrorRate
from project.text.alphabet import Alphabet

WORDS = ["CQ", "DE", "THE", "WX", "73", "PARIS"]


def sentences(count: int = 100) -> list[tuple[str, str]]:
    rng = random.Random(0)
    return [
        (" ".join(rng.choices(WORDS, k=rng.randint(1, 6))), " ".join(rng.choices(WORDS, k=rng.randint(0, 6))))
        for _ in range(count)
    ]


def summary(
    metric: ErrorRate | ExactMatch | OracleErrorRate | LengthRatio, pairs: list[tuple[str, str]]
) -> dict[str, float]:
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


def test_three_words_for_one_are_two_hundred_per_cent() -> None:
    """And one for three two thirds: whoever swaps them gets another figure."""
    wer = ErrorRate("wer", "word")
    assert summary(wer, [("CQ", "CQ DE THE")]) == {
        "wer": 2, "wer_substitutions": 0, "wer_deletions": 0, "wer_insertions": 2,
    }  # fmt: skip
    assert summary(wer, [("CQ DE THE", "CQ")])["wer"] == pytest.approx(2 / 3)
    assert summary(ErrorRate("ger", "symbol", Alphabet(("RAIN", "SUN"), " ")), [("SUN", "SUN RAIN SUN")])["ger"] == 2


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


def hypothesis(text: str, *others: str) -> Hypothesis:
    return Hypothesis((), text, 0.0, alternatives=tuple(Hypothesis((), other, -1.0) for other in others))


def test_phonemes_are_told_apart_by_the_separator() -> None:
    """AH0 and AH are two symbols, and one substitution, however many characters differ."""
    alphabet = Alphabet(("AH", "AH0", "B", "T"), " ")
    per = ErrorRate("per", "symbol", alphabet)
    assert dict(per.score("B AH0 T", hypothesis("B AH T T"))) == {
        "per_substitutions": 1, "per_deletions": 0, "per_insertions": 1, "per_length": 3,
    }  # fmt: skip
    pairs = [("B AH T", "B AH0"), ("T", "T"), ("AH B", "")]
    expected = jiwer.wer([reference for reference, _ in pairs], [text for _, text in pairs])
    assert summary(per, pairs)["per"] == pytest.approx(expected)


def test_the_oracle_is_the_best_of_all_answers() -> None:
    oracle, cer = OracleErrorRate("oracle", "character"), ErrorRate("cer", "character")
    assert dict(oracle.score("PARIS", hypothesis("PRIS", "PARES", "PARIS"))) == {"oracle_errors": 0, "oracle_length": 5}
    assert oracle.score("PARIS", hypothesis("PARI", "P", ""))["oracle_errors"] == 1
    assert summary(oracle, sentences())["oracle"] == summary(cer, sentences())["cer"]  # no alternatives
    with pytest.raises(InputError, match=r"metric\.oracle: the references hold no character"):
        oracle.summarize({"oracle_errors": [0.0], "oracle_length": [0.0]})


def test_length_ratio() -> None:
    ratio = LengthRatio("length_ratio", "word")
    assert ratio.better == "one"
    assert summary(ratio, [("A B", "A"), ("C D", "C D E F")]) == {"length_ratio": 1.25}
    assert summary(LengthRatio("r", "character"), [("A B", "A")]) == {"r": pytest.approx(1 / 3)}
    with pytest.raises(InputError, match=r"metric\.r: the references hold no word"):
        summary(LengthRatio("r", "word"), [("", "A")])
