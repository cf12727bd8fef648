"""Equal neighbours written once, against frames looked at one by one and all texts counted."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import pytest

from project.contract import Hypothesis, InputError
from project.decode.beam import Beam
from project.decode.collapse import Collapse
from project.decode.frames import Pruning
from project.decode.greedy import Greedy
from project.decode.stream import stream
from project.text.alphabet import Alphabet

GLOSSES = Alphabet(("RAIN", "SUN", "TRUE"), " ")


def once(tokens: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(token for token, _ in groupby(tokens))


def test_greedy_answers_frame_by_frame(emissions: Any) -> None:
    """The frames of one symbol, with blanks between them or without, are one span; those that say it are averaged."""
    output = emissions(60, 0, 1, 40, ids=4, sharpness=1.5, blank=1.0)
    shorter = 0
    for found, plain, log_probs_TV, length in zip(
        Collapse(Greedy(GLOSSES), GLOSSES)(output), Greedy(GLOSSES)(output), *_rows(output), strict=True
    ):
        path = log_probs_TV[:length].argmax(dim=1).tolist()
        said = [(frame, symbol) for frame, symbol in enumerate(path) if symbol]
        parts = [[frame for frame, _ in part] for _, part in groupby(said, key=lambda one: one[1])]
        assert found.tokens == tuple(path[part[0]] for part in parts)
        assert found.text == " ".join(GLOSSES.symbols[token - 1] for token in found.tokens)
        assert found.spans == tuple((part[0], part[-1] + 1) for part in parts)
        means = [sum(float(log_probs_TV[at, path[at]].exp()) for at in part) / len(part) for part in parts]
        assert found.confidences == pytest.approx(means, abs=1e-6)
        assert found.score == plain.score
        shorter += len(plain.tokens) - len(found.tokens)
    assert shorter > 5


def _rows(output: Any) -> tuple[Any, list[int]]:
    return output.log_probs_BTV, output.lengths_B.tolist()


def test_alternatives_are_collapsed_and_each_text_stands_once(emissions: Any, enumerate_texts: Any) -> None:
    """Of the texts that become one the likeliest gives its score, against every text enumerated."""
    for seed in range(4):
        output = emissions(4, ids=4, sharpness=1.0, seed=seed)
        (found,) = Collapse(Beam(GLOSSES, 100, Pruning(symbol=0, blank=2), nbest=100), GLOSSES)(output)
        texts = enumerate_texts(output.log_probs_BTV[0].numpy())
        expected: dict[tuple[int, ...], float] = {}
        for tokens, score in texts.items():
            expected[once(tokens)] = max(score, expected.get(once(tokens), score))
        everything: list[Hypothesis] = [found, *found.alternatives]
        assert len(everything) == len(expected) < len(texts)
        assert {one.tokens: one.score for one in everything} == pytest.approx(expected, abs=1e-6)
        assert all(one.text == GLOSSES.decode(one.tokens) for one in everything)
        assert all(one.spans == () for one in found.alternatives), "they have none to begin with"


def test_where_nothing_stands_twice_nothing_changes(emissions: Any) -> None:
    output = emissions(30, 8, ids=4, blank=3.0)
    decoder = Beam(GLOSSES, 10, nbest=3)
    plain = decoder(output)
    for one, other in zip(plain, Collapse(decoder, GLOSSES)(output), strict=True):
        if all(once(answer.tokens) == answer.tokens for answer in (one, *one.alternatives)):
            assert other == one or other.confidences == pytest.approx(one.confidences)


def test_it_stands_in_the_settings_and_the_plain_ones_stay_as_they_are() -> None:
    beam = Beam(GLOSSES, 4)
    assert Collapse(beam, GLOSSES).settings == {**beam.settings, "collapse": True}
    assert "collapse" not in beam.settings


def test_a_stream_cannot_take_back_what_it_told() -> None:
    with pytest.raises(InputError, match="decode=collapse: a stream"):
        stream(Collapse(Greedy(GLOSSES), GLOSSES))
