"""The n-gram model, against counting by hand."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from project.contract import InputError
from project.text.ngram import Ngrams, count

LETTERS = tuple("ABCD")
START, END = 5, 4
TEXTS = [list(np.random.default_rng(seed).integers(0, 4, seed % 13).tolist()) for seed in range(80)]


def counted_by_hand(context: Sequence[int], symbol: int, order: int) -> float:
    """Interpolated Witten-Bell, straight from its definition."""
    value = 1 / (len(LETTERS) + 1)
    for length in range(min(order, len(context) + 1)):
        end_of_context = list(context[len(context) - length :])
        followers: Counter[int] = Counter()
        for text in TEXTS:
            whole = [START, *text, END]
            for place in range(max(1, length), len(whole)):
                if whole[place - length : place] == end_of_context:
                    followers[whole[place]] += 1
        total, kinds = followers.total(), len(followers)
        if total:
            value = (followers[symbol] + kinds * value) / (total + kinds)
    return value


@pytest.mark.parametrize("order", [1, 2, 4])
def test_probabilities_are_those_of_the_definition(order: int) -> None:
    model = count(TEXTS, LETTERS, order)
    for text in ([0, 1, 2, 3, 1, 1], [3, 3, 3, 3], []):
        expected, context = 0.0, [START]
        for symbol in [*text, END]:
            expected += np.log(counted_by_hand(context, symbol, order))
            context.append(symbol)
        assert model.log_prob(text) == pytest.approx(expected)


@pytest.mark.parametrize("min_count", [1, 3])
def test_probabilities_after_any_context_sum_to_one(min_count: int) -> None:
    model = count(TEXTS, LETTERS, 5, min_count)
    probs = model.probs(np.arange(model.num_states)[:, None], np.arange(END + 1))
    np.testing.assert_allclose(probs.sum(axis=1), 1)
    assert (probs > 0).all()


def test_states_are_the_longest_contexts_seen() -> None:
    """So that a state says all that the model knows of what came before."""
    model = count(TEXTS, LETTERS, 4)
    rng = np.random.default_rng(0)
    for _ in range(50):
        text = rng.integers(0, 4, 9).tolist()
        state = np.array([model.start])
        for symbol in text:
            state = model.advance(state, np.array([symbol]))
        for symbol in range(END + 1):
            found = model.probs(state, np.array([symbol]))[0]
            assert found == pytest.approx(counted_by_hand([START, *text], symbol, 4))


def test_it_learns_what_it_counted() -> None:
    model = count([[0, 1] * 10] * 20, LETTERS, 3)
    assert model.log_prob([0, 1] * 10) > model.log_prob([1, 0] * 10) + 2
    assert model.log_prob([0, 1] * 10) > model.log_prob([0, 0] * 10) + 20


def test_rare_sequences_can_be_left_out() -> None:
    whole, part = count(TEXTS, LETTERS, 5), count(TEXTS, LETTERS, 5, min_count=4)
    assert [len(keys) for keys in whole.keys[:2]] == [len(keys) for keys in part.keys[:2]]
    assert all(len(few) < len(many) for few, many in zip(part.keys[2:], whole.keys[2:], strict=True))


def test_a_large_alphabet() -> None:
    rng = np.random.default_rng(0)
    symbols = [f"gloss{number}" for number in range(1000)]
    model = count([rng.integers(0, 1000, 30).tolist() for _ in range(50)], symbols, 3)
    probs = model.probs(np.array([0, model.start, 77])[:, None], np.arange(1001))
    np.testing.assert_allclose(probs.sum(axis=1), 1)


def test_a_file_holds_all_of_it(tmp_path: Path) -> None:
    model = count(TEXTS, LETTERS, 4)
    model.save(tmp_path / "lm.json")
    found = Ngrams.load(tmp_path / "lm.json")
    assert found.hash == model.hash
    assert found.log_prob([0, 1, 2]) == model.log_prob([0, 1, 2])
    assert count(TEXTS[:-1], LETTERS, 4).hash != model.hash
    assert list(tmp_path.iterdir()) == [tmp_path / "lm.json"]


@pytest.mark.parametrize("damage", [
    lambda content: "no JSON", lambda content: "[]", lambda content: json.dumps(content | {"format": "other"}),
    lambda content: json.dumps({key: value for key, value in content.items() if key != "grams"}),
    lambda content: json.dumps(content | {"grams": []}),
    lambda content: json.dumps(content | {"symbols": ["A"]}),
    lambda content: json.dumps(content | {"grams": [{"sequences": [[1], [0]], "counts": [1, 1]}]}),
    lambda content: json.dumps(content | {"grams": [{"sequences": [[0], [1]], "counts": [1]}]}),
    lambda content: json.dumps(content | {"grams": [{"sequences": [[0]], "counts": [0]}]}),
])  # fmt: skip
def test_a_damaged_file_is_named(tmp_path: Path, damage: object) -> None:
    assert callable(damage)
    path = tmp_path / "lm.json"
    path.write_text(damage(json.loads(count(TEXTS, LETTERS, 2).to_json())))
    with pytest.raises(InputError, match=r"lm\.json: .*scansion prepare ngram"):
        Ngrams.load(path)


def test_what_cannot_be_counted_is_said() -> None:
    with pytest.raises(InputError, match="order: 0: with 4 symbols give 1 to 23"):
        count(TEXTS, LETTERS, 0)
    with pytest.raises(InputError, match="order: 7: with 1000 symbols give 1 to 6"):
        count(TEXTS, [str(number) for number in range(1000)], 7)
    with pytest.raises(InputError, match="no text to count"):
        count([], LETTERS, 2)
