"""Greedy decoding, against a plain loop."""

from __future__ import annotations

import math

import pytest
import torch

from project.contract import Emissions, Hypothesis
from project.decode.greedy import Greedy
from project.text.alphabet import Alphabet

ALPHABET = Alphabet(tuple("ABC "))


def plain(log_probs: list[list[float]]) -> Hypothesis:
    tokens: list[int] = []
    spans: list[tuple[int, int]] = []
    probs: list[list[float]] = []
    score, previous, is_told = 0.0, 0, True
    for frame, row in enumerate(log_probs):
        best = row.index(max(row))
        score += row[best]
        if best and best == previous and is_told:
            spans[-1] = (spans[-1][0], frame + 1)
            probs[-1].append(math.exp(row[best]))
        elif best and best != previous:
            is_told = tokens[-1:] != [best] or ALPHABET.symbols[best - 1] != " "
        if best and best != previous and is_told:
            tokens.append(best)
            spans.append((frame, frame + 1))
            probs.append([math.exp(row[best])])
        previous = best
    text = "".join(ALPHABET.symbols[token - 1] for token in tokens)
    return Hypothesis(tuple(tokens), text, score, tuple(spans), tuple(sum(one) / len(one) for one in probs))


def random_emissions(*lengths: int, sharpness: float = 2.0) -> Emissions:
    generator = torch.Generator().manual_seed(0)
    scores_BTV = sharpness * torch.randn(len(lengths), max(lengths), len(ALPHABET), generator=generator)
    return Emissions(scores_BTV.log_softmax(dim=2), torch.tensor(lengths))


def test_it_is_what_a_plain_loop_gives() -> None:
    output = random_emissions(40, 0, 1, 17, 40, 39)
    found = Greedy(ALPHABET)(output)
    assert len(found) == 6
    for hypothesis, log_probs_TV, length in zip(found, output.log_probs_BTV, output.lengths_B, strict=True):
        expected = plain(log_probs_TV[:length].tolist())
        assert abs(hypothesis.score - expected.score) < 1e-4
        assert hypothesis.confidences == pytest.approx(expected.confidences, abs=1e-6)
        assert (hypothesis.tokens, hypothesis.text, hypothesis.spans) == (
            expected.tokens,
            expected.text,
            expected.spans,
        )


def test_what_lies_beyond_a_length_does_not_matter() -> None:
    output = random_emissions(12, 5)
    before = Greedy(ALPHABET)(output)
    output.log_probs_BTV[1, 5:] = float("nan")
    assert Greedy(ALPHABET)(output) == before


def test_half_precision_and_a_graph_are_fine() -> None:
    output = random_emissions(12, 5)
    halved = Emissions(output.log_probs_BTV.bfloat16().requires_grad_(), output.lengths_B)
    assert [one.text for one in Greedy(ALPHABET)(halved)] == [one.text for one in Greedy(ALPHABET)(output)]
