"""Writing token by token: against a loop that keeps nothing, against all texts there are, and alone as in a batch."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from typing import Any

import pytest
import torch

from project.contract import Batch
from project.model.moonshine import Moonshine
from project.model.token_writer import until_end
from project.part import Written
from project.text.vocabulary import END, START, UNKNOWN, Vocabulary

TEXTS = ("two ten six one", "one one ten", "ten six two", "six six")
LIMITS = (12, 3, 7, 9)


def noise(*seconds: float) -> Batch:
    lengths = [round(16000 * one) for one in seconds]
    signals_BTF = torch.zeros(len(lengths), max(lengths), 1)
    for place, (row, length) in enumerate(zip(signals_BTF, lengths, strict=True)):
        row[:length] = 0.1 * torch.randn(length, 1, generator=torch.Generator().manual_seed(100 * place + length))
    return Batch(tuple(map(str, range(len(lengths)))), signals_BTF, torch.tensor(lengths), {}, ("",) * len(lengths))


def only(batch: Batch, place: int) -> Batch:
    length = int(batch.lengths_B[place])
    signals_BTF = batch.signals_BTF[place : place + 1, :length]
    return Batch(batch.ids[place : place + 1], signals_BTF, batch.lengths_B[place : place + 1], {}, ("",))


def next_log_probs(model: Moonshine, batch: Batch, tokens: list[int]) -> torch.Tensor:
    """Of the one example of a batch, all run through again from the sound on."""
    with torch.no_grad():
        heard, _ = model.encode(batch.signals_BTF[..., 0], batch.lengths_B)
        given = torch.tensor([[1, *tokens]])
        logits = model.network(encoder_outputs=heard, decoder_input_ids=given, use_cache=False).logits
    return logits[0, -1].double().log_softmax(dim=0)


def greedy(model: Moonshine, batch: Batch, limit: int) -> list[int]:
    tokens: list[int] = []
    while len(tokens) < limit:
        best = int(next_log_probs(model, batch, tokens).argmax())
        if best == 2:
            break
        tokens.append(best)
    return tokens


def score(model: Moonshine, batch: Batch, tokens: tuple[int, ...]) -> list[float]:
    """By teacher forcing: of each token and the end, given those before it."""
    steps = [*tokens, 2]
    return [float(next_log_probs(model, batch, steps[:place])[token]) for place, token in enumerate(steps)]


def write(model: Moonshine, batch: Batch, *limits: int, **options: Any) -> list[Written]:
    with torch.no_grad():
        found: list[Written] = model(batch).writer.write(torch.tensor(limits), **options)
    return found


@pytest.fixture(scope="module")
def model(tones: Any) -> Moonshine:
    """It has learned a little: it is not sure of much, and ends now and then."""
    model: Moonshine = tones.model(padding="exact")
    tones.teach(model, tones.batch(), steps=14)
    return model


@pytest.fixture(scope="module")
def batch(tones: Any) -> Batch:
    """Sounds of four lengths, and nothing about what is said."""
    found: Batch = tones.batch(TEXTS)
    return replace(found, targets={})


def test_there_are_ends_within_the_limits_and_beyond(model: Moonshine, batch: Batch) -> None:
    """So that what follows here is about both."""
    sizes = [len(one.tokens) for one in write(model, batch, *LIMITS)]
    assert any(size < limit for size, limit in zip(sizes, LIMITS, strict=True))
    assert any(size == limit for size, limit in zip(sizes, LIMITS, strict=True))


def test_greedy_is_the_likeliest_token_after_each_other(model: Moonshine, batch: Batch) -> None:
    found = write(model, batch, *LIMITS)
    for place, limit in enumerate(LIMITS):
        assert list(found[place].tokens) == greedy(model, only(batch, place), limit)


@pytest.mark.parametrize("options", [{}, {"beams": 4}, {"beams": 3, "length_penalty": 0.0}, {"no_repeat": 2}])
def test_in_a_batch_each_is_written_as_alone_up_to_its_own_limit(
    model: Moonshine, batch: Batch, options: dict[str, Any]
) -> None:
    together = write(model, batch, *LIMITS, **options)
    for place, limit in enumerate(LIMITS):
        (alone,) = write(model, only(batch, place), limit, **options)
        assert together[place].tokens == alone.tokens
        assert together[place].log_probs == pytest.approx(alone.log_probs, abs=1e-4)
        assert len(alone.tokens) <= limit


@pytest.mark.parametrize("options", [{}, {"beams": 4}, {"no_repeat": 1}])
def test_what_it_is_sure_of_is_its_score_by_teacher_forcing(
    model: Moonshine, batch: Batch, options: dict[str, Any]
) -> None:
    for place, one in enumerate(write(model, batch, *LIMITS, **options)):
        expected = score(model, only(batch, place), one.tokens)
        assert len(one.log_probs) == len(one.tokens) + 1, "the end as well"
        assert one.log_probs == pytest.approx(expected, abs=1e-4)
        assert math.fsum(one.log_probs) == pytest.approx(math.fsum(expected), abs=1e-3)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_what_may_not_come_twice_does_not(model: Moonshine, batch: Batch, size: int) -> None:
    for one in write(model, batch, 30, 20, 10, 30, no_repeat=size):
        grams = [one.tokens[place : place + size] for place in range(len(one.tokens) - size + 1)]
        assert len(set(grams)) == len(grams)
    free = write(model, batch, 30, 20, 10, 30)
    assert any(len(set(one.tokens)) < len(one.tokens) for one in free), "left alone it says something twice"


class Few(Vocabulary):
    """Few tokens, so that all texts can be counted."""

    def __init__(self) -> None:
        self.start, self.end = 1, 2

    def __len__(self) -> int:
        return 5


def few(tones: Any, seed: int) -> Moonshine:
    torch.manual_seed(seed)
    return Moonshine(Few(), config={**tones.sizes, "initializer_range": 0.35}, padding="exact").eval()


def finished(model: Moonshine, batch: Batch, limit: int) -> dict[tuple[int, ...], float]:
    """Every text that can be written in so many steps, with what the search gives it: cut ones have no end."""
    with torch.no_grad():
        heard, _ = model.encode(batch.signals_BTF[..., 0], batch.lengths_B)
        given = torch.tensor(list(itertools.product((0, 1, 3, 4), repeat=limit)))
        given = torch.cat([torch.ones(len(given), 1, dtype=torch.int64), given], dim=1)
        wide = type(heard)(
            heard.last_hidden_state.expand(len(given), -1, -1),
            attention_mask=heard.attention_mask.expand(len(given), -1),
        )
        log_probs_NLV = model.network(encoder_outputs=wide, decoder_input_ids=given).logits.double().log_softmax(dim=2)
    found: dict[tuple[int, ...], float] = {}
    for row, log_probs_LV in zip(given[:, 1:].tolist(), log_probs_NLV, strict=True):
        steps = [float(log_probs_LV[place, token]) for place, token in enumerate(row)]
        found[tuple(row)] = math.fsum(steps)
        for size in range(limit):
            found[tuple(row[:size])] = math.fsum(steps[:size]) + float(log_probs_LV[size, 2])
    return found


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_enough_beams_find_the_likeliest_of_all_texts(tones: Any, seed: int) -> None:
    """Three steps of four tokens and an end: no more than 64 texts go on at any step, so nothing is ever dropped."""
    model, batch, limit = few(tones, seed), noise(0.2), 3
    best = max((value, tokens) for tokens, value in finished(model, batch, limit).items())
    (found,) = write(model, batch, limit, beams=64, length_penalty=0.0)
    assert found.tokens == best[1]


@pytest.mark.parametrize("seed", [0, 1, 2, 3, 4, 5])
def test_beams_divide_by_length(tones: Any, seed: int) -> None:
    """With enough of them the best is the one with the most log-probability per step, its end being one."""
    model, batch, limit = few(tones, seed), noise(0.2), 3
    texts = finished(model, batch, limit)
    per_step = {tokens: value / min(limit, len(tokens) + 1) for tokens, value in texts.items()}
    (found,) = write(model, batch, limit, beams=64, length_penalty=1.0)
    assert per_step[found.tokens] == pytest.approx(max(per_step.values()), abs=1e-4)


def test_it_leaves_the_model_as_it_was(tones: Any) -> None:
    """Training goes on where it was, and no gradient is asked for."""
    model = tones.model().train()
    model.network.model.encoder.eval()  # what does not learn may rest
    before = {name: part.training for name, part in model.named_modules()}
    state = {name: value.clone() for name, value in model.state_dict().items()}
    assert len(model(noise(0.5)).writer.write(torch.tensor([4]))) == 1
    assert {name: part.training for name, part in model.named_modules()} == before
    assert all(torch.equal(value, state[name]) for name, value in model.state_dict().items())
    assert all(weight.grad is None and weight.requires_grad for weight in model.parameters())


def test_one_batch_is_written_twice_alike(model: Moonshine, batch: Batch) -> None:
    """What was heard is not changed by being written down, with several beams neither."""
    with torch.no_grad():
        writer = model(batch).writer
        limits = torch.tensor(LIMITS)
        first = writer.write(limits)
        writer.write(limits, beams=4)
        assert writer.write(limits) == first


def test_limits_of_one_token(model: Moonshine, batch: Batch) -> None:
    for beams in (1, 3):
        for one in write(model, batch, 1, 1, 1, 1, beams=beams):
            assert len(one.tokens) <= 1
            assert len(one.log_probs) == len(one.tokens) + 1


@pytest.mark.parametrize(
    ("row", "limit", "expected"),
    [([], 3, []), ([2, 5], 3, []), ([5, 6, 7, 8], 3, [5, 6, 7]), ([5, 0, 2], 9, [5, 0]), ([5, 6, 2], 2, [5, 6])],
)
def test_until_the_end(row: list[int], limit: int, expected: list[int]) -> None:
    assert until_end(row, 2, limit) == expected


def test_marks_are_as_they_are_named() -> None:
    assert (UNKNOWN, START, END) == ("<unk>", "<s>", "</s>")
