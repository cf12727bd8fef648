"""Generation: how long a text may be, what can be written at all, and what becomes of what a model wrote."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
import torch

from project.build.bind import make
from project.build.compose import compose, options
from project.contract import Batch, InputError, TokenOutput
from project.decode.generate import Generate, repeats
from project.model.moonshine import Moonshine
from project.part import Written
from project.text.alphabet import Alphabet


class Dictated:
    """Writes what it was given, and keeps what it was asked."""

    def __init__(self, *rows: Written) -> None:
        self.rows, self.asked = rows, ()

    def write(self, limits_B: torch.Tensor, *settings: Any) -> list[Written]:
        self.asked = (limits_B.tolist(), *settings)
        return list(self.rows)


def output_of(seconds: Sequence[float], *rows: Written) -> TokenOutput:
    seconds_B = torch.tensor(seconds)
    return TokenOutput(torch.ones(len(seconds), dtype=torch.int64), seconds_B, Dictated(*rows))


@pytest.mark.parametrize("samples", [1, 700, 16000, 31999, 32000, 32001, 64000, 160_000, 479_999, 480_000, 960_000])
@pytest.mark.parametrize(("rate", "extra"), [("6.5", 2), ("6.5", 0), ("10", 1), ("0", 0), ("12.25", 3)])
def test_a_text_is_as_long_as_the_sound_allows(tones: Any, samples: int, rate: str, extra: int) -> None:
    """Reckoned with whole numbers, and by what the model is asked."""
    decoder = Generate(tones.vocabulary, tokens_per_second=float(rate), extra_tokens=extra)
    expected = max(1, math.floor(Fraction(samples, 16000) * Fraction(rate)) + extra)
    assert decoder.limit(samples / 16000) == expected
    output = output_of([float(torch.tensor(samples) / 16000)], Written((), (0.0,)))
    decoder(output)
    assert output.writer.asked[0] == [expected]


def test_each_example_has_its_own_limit_and_all_have_one_way(tones: Any) -> None:
    output = output_of([1.0, 4.0, 0.01], *[Written((), (0.0,))] * 3)
    Generate(tones.vocabulary, 3, 6.5, 2, 4, 0.5)(output)
    assert output.writer.asked == ([8, 28, 2], 3, 4, 0.5)


def test_what_was_written_is_a_hypothesis(tones: Any) -> None:
    tokens = tuple(tones.vocabulary.encode("one ten"))
    log_probs = (*(-0.1 * n for n in range(len(tokens))), -2.0)
    empty, full = Generate(tones.vocabulary)(output_of([1.0, 1.0], Written((), (-0.5,)), Written(tokens, log_probs)))
    assert (empty.text, empty.tokens, empty.score, empty.confidences) == ("", (), -0.5, ())
    assert (full.text, full.tokens, full.spans) == ("one ten", tokens, ())
    assert full.score == pytest.approx(sum(log_probs)), "its end is part of it"
    assert full.confidences == pytest.approx([math.exp(value) for value in log_probs[:-1]])


def test_what_comes_twice() -> None:
    """Every place beside every other, counted."""
    for size, length in itertools.product(range(1, 4), range(6)):
        for tokens in itertools.product((5, 6, 7), repeat=length):
            grams = [tokens[place : place + size] for place in range(length - size + 1)]
            expected = any(one == other for one, other in itertools.combinations(grams, 2))
            assert repeats(tokens, size) is expected, (tokens, size)
    assert not repeats([5, 5, 5], 0)


def test_what_can_be_reached(tones: Any) -> None:
    plain = Generate(tones.vocabulary, tokens_per_second=10, extra_tokens=0)
    assert plain.reaches(range(20), 2.0)
    assert not plain.reaches(range(21), 2.0)
    assert plain.reaches([5] * 20, 2.0), "nothing is forbidden"
    assert plain.reaches([], 0.0)
    held = Generate(tones.vocabulary, tokens_per_second=10, no_repeat=2)
    said = tones.vocabulary.encode("one one two two")
    assert plain.reaches(said, 2.0)
    assert not held.reaches(said, 2.0)
    assert held.reaches(tones.vocabulary.encode("one two"), 2.0)


@pytest.fixture(scope="module")
def batch(tones: Any) -> Batch:
    found: Batch = tones.batch(["one two six", "one one two two", "six", "ten six ten six", "two ten", "six six one"])
    return found


@pytest.fixture(scope="module")
def model(tones: Any, batch: Batch) -> Moonshine:
    """It knows these texts by heart."""
    model: Moonshine = tones.model(padding="exact")
    tones.teach(model, batch, steps=200, enough=0.01)
    return model


def texts(model: Moonshine, batch: Batch, decoder: Generate) -> list[str]:
    with torch.no_grad():
        return [one.text for one in decoder(model(replace(batch, targets={})))]


def tokens_of(tones: Any, batch: Batch) -> list[list[int]]:
    return [tones.vocabulary.encode(text) for text in batch.references]


@pytest.mark.parametrize("beams", [1, 4])
@pytest.mark.parametrize("no_repeat", [0, 1, 2, 3])
def test_what_it_knows_it_writes_exactly_where_settings_reach(
    tones: Any, model: Moonshine, batch: Batch, beams: int, no_repeat: int
) -> None:
    decoder = Generate(tones.vocabulary, beams, tokens_per_second=40, no_repeat=no_repeat)
    reached = [decoder.reaches(tokens, 9.9) for tokens in tokens_of(tones, batch)]
    right = [text == reference for text, reference in zip(texts(model, batch, decoder), batch.references, strict=True)]
    assert right == reached
    assert sum(reached) in ({len(batch)} if no_repeat == 0 else range(1, len(batch)))


@pytest.mark.parametrize("rate", [5.0, 15.0, 17.5, 20.0])
def test_what_is_longer_than_its_limit_is_cut_there(tones: Any, model: Moonshine, batch: Batch, rate: float) -> None:
    """Each at its own, whoever shares the batch."""
    decoder = Generate(tones.vocabulary, tokens_per_second=rate, extra_tokens=0)
    seconds = (batch.lengths_B / 16000).tolist()
    found = texts(model, batch, decoder)
    for text, length, tokens in zip(found, seconds, tokens_of(tones, batch), strict=True):
        assert text == tones.vocabulary.decode(tokens[: decoder.limit(length)])
        assert (len(tokens) <= decoder.limit(length)) == decoder.reaches(tokens, length)


def test_settings_are_plain_and_equal_where_generation_is(tones: Any) -> None:
    def told(**changes: Any) -> Any:
        settings = Generate(tones.vocabulary, **changes).settings
        assert json.loads(json.dumps(dict(settings))) == dict(settings)
        return settings

    assert told() == told(length_penalty=0.3), "one beam has no length to be divided by"
    changes = [{}, {"beams": 2}, {"beams": 2, "length_penalty": 0.3}, {"tokens_per_second": 7.0}, {"extra_tokens": 3}]
    found = [told(**change) for change in [*changes, {"no_repeat": 2}]]
    assert all(one != other for one, other in itertools.combinations(found, 2))
    assert told()["decode"] == "generate@1"


@pytest.mark.parametrize("name", [name for name in options("decode") if name.startswith("generate")])
def test_what_conf_offers_forbids_no_repetition(tones: Any, name: str) -> None:
    node = compose("train", [f"decode={name}"])["decode"]
    settings = make(node, "decode", alphabet=tones.vocabulary).settings
    assert (settings["no_repeat"], settings["tokens_per_second"], settings["extra_tokens"]) == (0, 6.5, 2)
    assert settings["beams"] == {"generate": 1, "generate_beam": 4}[name]


@pytest.mark.parametrize(
    "wrong", [{"beams": 0}, {"extra_tokens": -1}, {"no_repeat": -1}, {"tokens_per_second": -0.5}], ids=str
)
def test_values_that_mean_nothing_are_refused(tones: Any, wrong: dict[str, Any]) -> None:
    ((name, value),) = wrong.items()
    with pytest.raises(InputError, match=rf"decode.{name}={value}: give \d or more"):
        Generate(tones.vocabulary, **wrong)


def test_it_needs_a_tokenizer() -> None:
    with pytest.raises(InputError, match="decode=generate writes tokens of a tokenizer: set text=subwords"):
        Generate(Alphabet(("A",)))  # type: ignore[arg-type]
