"""Text in pieces of words: what is learned, what is scored, and in which case."""

from __future__ import annotations

from pathlib import Path

import pytest

from project.contract import Example, InputError
from project.text.subwords import Subwords, settled_case
from project.text.vocabulary import Vocabulary, trained

SCORED = ("nfc", "lower", "strip_punctuation", "squeeze_spaces")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    trained(["Do not go there", "He said no, Sir!", "go on and on"], 50).save(path)
    return path


def line(text: str | None) -> Example:
    return Example("a", "a.wav", 1.0, text)


def test_what_is_learned_keeps_what_the_corpus_has(file: Path) -> None:
    text = Subwords(str(file), SCORED, case="keep")
    example = line("He  said: NO!")
    targets, more = text.targets(text.reference(example), example, 100)
    assert targets["symbols"][-1] == text.alphabet.end == 2
    assert text.decode(targets["symbols"]) == "He said: NO!"
    assert targets["symbols"][:-1] == Vocabulary.load(file).encode("He said: NO!")
    assert more == {}
    assert text.reference(example) == "he said no"


def test_lower_case_is_of_what_is_learned_alone(file: Path) -> None:
    text = Subwords(str(file), (), case="lower")
    example = line("HE SAID É")
    assert text.decode(text.encode("HE SAID É")) == "he said é"
    assert text.reference(example) == "HE SAID É", "nothing was asked to be done to what is scored"
    assert text.encode("E\u0301") == text.encode("é") != text.encode("e"), "accents are composed"


def test_answers_and_references_are_scored_alike(file: Path) -> None:
    text = Subwords(str(file), SCORED)
    said, wanted = "Do NOT go  there!", "“do not”, go there"
    assert text.normalize(said) == text.reference(line(wanted)) == "do not go there"
    assert text.normalize(text.normalize(said)) == text.normalize(said)
    assert text.changes(said) == ["lower@1", "strip_punctuation@1", "squeeze_spaces@1"]
    assert text.settings == {"alphabet": text.alphabet.hash, "normalize": [f"{name}@1" for name in SCORED]}


def test_the_case_of_what_is_learned_is_no_setting_of_a_protocol(file: Path) -> None:
    """Two runs that learned in other cases are scored alike."""
    assert Subwords(str(file), SCORED, "keep").settings == Subwords(str(file), SCORED, "lower").settings


def test_only_the_text_of_a_line_is_read(file: Path) -> None:
    text = Subwords(str(file), SCORED)
    both = Example("a", "a.wav", 1.0, "go on", symbols=("G", "OW"), labels={"accuracy": 3})
    assert text.written(both) == text.reference(both) == "go on"
    assert text.written(line(None)) is None
    with pytest.raises(InputError, match="no target: give the line `text`"):
        text.reference(line(None))


def test_nothing_is_uncovered(file: Path) -> None:
    text = Subwords(str(file), SCORED)
    assert text.uncovered("漢字 ^ @") == []
    for same in (text.for_validation(), text.lenient()):
        assert same.encode("漢字") == text.encode("漢字")
        assert same.settings == text.settings
    assert text.lenient() is not text


def test_a_runs_own_file_goes_before_the_one_it_was_made_from(file: Path, tmp_path: Path) -> None:
    kept = tmp_path / "alphabet.json"
    trained(["other words"], 20).save(kept)
    assert Subwords("/gone/tokenizer.json", saved=str(kept)).alphabet.hash == Vocabulary.load(kept).hash
    assert Subwords(None, saved=str(kept)).alphabet.hash != Vocabulary.load(file).hash


def test_what_is_wrong_is_told(file: Path) -> None:
    with pytest.raises(InputError, match=r"text.tokenizer names nothing: make one with scansion prepare tokenizer"):
        Subwords(None)
    with pytest.raises(InputError, match=r"text.case=upper: choose from auto, keep, lower"):
        Subwords(str(file), case="upper")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="there is no normalizer 'lowr': did you mean 'lower'"):
        Subwords(str(file), ["lowr"])


@pytest.mark.parametrize(
    ("texts", "case", "part"),
    [
        (["ALL CAPITALS HERE", "AND HERE"], "lower", 1.0),
        (["A" * 91 + "b" * 9], "lower", 0.91),
        (["A" * 9 + "b"], "keep", 0.9),
        (["A sentence"], "keep", 1 / 9),
        (["12 34", "..."], "keep", 0.0),
        ([], "keep", 0.0),
        (["漢字"], "keep", 0.0),
        (["ONE", "two three four five"], "keep", 3 / 19),
    ],
)
def test_the_case_of_a_corpus(texts: list[str], case: str, part: float) -> None:
    found, of_letters = settled_case(iter(texts))
    assert found == case
    assert of_letters == pytest.approx(part)


def test_capitals_cost_more_than_their_lower_case(file: Path) -> None:
    keep, lower = (Subwords(str(file), case=case) for case in ("keep", "lower"))
    text = "DO NOT GO THERE AND SAID NO"
    assert len(keep.encode(text)) > 1.5 * len(lower.encode(text))
