"""What speaks for a text beside the recognizer, as factors that a beam search multiplies in: a language, known words.

Each is a Scorer: a state for each prefix, a factor for each symbol after it. Id 0, the blank, has none of its own.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from project.contract import InputError
from project.decode.frames import Floats, Ints
from project.decode.prefix_search import Scorer
from project.text.alphabet import Alphabet
from project.text.ngram import Ngrams

_MOST_CELLS = 1 << 23  # of a dense table: 64 MiB; larger models are looked up by bisection
_SPACE = " "
_NO_WORD = -1
_CLASSES: Mapping[str, Callable[[str], bool]] = {"@": str.isalpha, "#": str.isdigit}


@dataclass(frozen=True, slots=True)
class Language:
    """An n-gram model's say: each symbol's probability to the power of `weight`.

    A model alone favours short texts; the beam's bonus for each symbol makes up for that.
    """

    path: str | None = None  # a file that `scansion prepare ngram` wrote; null for none
    weight: float = 0.5

    def scorer(self, alphabet: Alphabet) -> tuple[Scorer | None, Mapping[str, Any]]:
        """The scorer and what identifies it."""
        if self.path is None:
            return None, {}
        model = Ngrams.load(self.path)
        if missing := [symbol for symbol in alphabet.symbols if symbol not in model.symbols]:
            raise InputError(
                f"{self.path}: the language model does not know {missing[0]!r}, which the recognizer can write: "
                "make it with the same text, for instance scansion prepare ngram train.jsonl text=morse out=lm.json"
            )
        settings = {"ngram": model.hash, "weight": self.weight}
        return _Ngram(model, alphabet, self.weight), settings


class _Ngram:
    """An n-gram model in an alphabet's ids: dense tables of factors and next states where they are small."""

    def __init__(self, model: Ngrams, alphabet: Alphabet, weight: float) -> None:
        self.start = model.start
        self._model, self._weight = model, weight
        numbers = {symbol: number for number, symbol in enumerate(model.symbols)}
        self._numbers_V = np.array([model.end, *(numbers[symbol] for symbol in alphabet.symbols)])
        cells = model.num_states * len(alphabet)
        self._num_ids = len(alphabet) if cells <= _MOST_CELLS else 0
        if self._num_ids:
            states = np.arange(model.num_states)[:, None]
            self._factors = (model.probs(states, self._numbers_V) ** weight).ravel()
            self._next = model.advance(states, self._numbers_V).ravel()

    def factors(self, states_LN: Ints, symbols_LK: Ints) -> Floats:
        if self._num_ids:
            dense_LNK: Floats = self._factors.take(states_LN[:, :, None] * self._num_ids + symbols_LK[:, None, :])
            return dense_LNK
        found_LNK = self._model.probs(states_LN[:, :, None], self._numbers_V[symbols_LK][:, None, :])
        factors_LNK: Floats = found_LNK**self._weight
        return factors_LNK

    def advance(self, states_LN: Ints, symbols_LN: Ints) -> Ints:
        if self._num_ids:
            return self._next.take(states_LN * self._num_ids + symbols_LN)
        return self._model.advance(states_LN, self._numbers_V[symbols_LN])

    def finish(self, states_LN: Ints) -> Floats:
        ending: Floats = self._model.probs(states_LN, np.array(self._model.end)) ** self._weight
        return ending


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Words that are to be expected: each one completed is worth `bonus` in log-probability.

    A shape stands for many words: @ is any letter, # any digit, all else itself. Words end at a space or with the text.
    """

    words: Sequence[str] = ()
    shapes: Sequence[str] = ()
    bonus: float = 1.0

    def scorer(self, alphabet: Alphabet) -> tuple[Scorer | None, Mapping[str, Any]]:
        """The scorer and what identifies it."""
        if not self.words and not self.shapes:
            return None, {}
        if alphabet.separator:
            raise InputError(
                "decode.lexicon: where symbols are set apart by spaces, texts are not cut into words: leave words and "
                "shapes out, and give decode.language.path=..."
            )
        content = json.dumps([sorted(self.words), sorted(self.shapes)], ensure_ascii=False)
        settings = {"lexicon": hashlib.sha256(content.encode()).hexdigest()[:16], "bonus": self.bonus}
        return _Words(self._automaton(alphabet), alphabet, self.bonus), settings

    def _automaton(self, alphabet: Alphabet) -> tuple[Ints, Ints]:
        """(states, V) next states, a word's start being 0, and the states in which a word is complete."""
        tree: list[dict[str, int]] = [{}]
        complete: set[int] = set()
        entries = [*((alphabet.split(word), False) for word in self.words), *((list(one), True) for one in self.shapes)]
        for labels, is_shape in entries:
            node = 0
            for label in labels:
                if label == _SPACE or not ((is_shape and label in _CLASSES) or label in alphabet.symbols):
                    what = "".join(labels)
                    raise InputError(f"decode.lexicon: {what!r}: {label!r} is no symbol of a word: leave it out")
                key = f"class {label}" if is_shape and label in _CLASSES else label
                node = tree[node].setdefault(key, len(tree))
                if node == len(tree):
                    tree.append({})
            complete.add(node)
        edges = [_edges(symbol) for symbol in alphabet.symbols]
        sets: dict[frozenset[int], int] = {frozenset({0}): 0}
        rows: list[list[int]] = []
        queue = [frozenset({0})]
        for nodes in queue:  # which grows by the sets that are new
            row = [_NO_WORD]
            for labels in edges:
                reached = frozenset(tree[node][label] for node in nodes for label in labels if label in tree[node])
                if reached and reached not in sets:
                    sets[reached] = len(sets)
                    queue.append(reached)
                row.append(sets[reached] if reached else _NO_WORD)
            rows.append(row)
        ends = [number for nodes, number in sets.items() if nodes & complete]
        return np.array(rows), np.array(ends)


def _edges(symbol: str) -> list[str]:
    """The labels under which a symbol goes."""
    return [symbol, *(f"class {name}" for name, holds in _CLASSES.items() if len(symbol) == 1 and holds(symbol))]


class _Words:
    """A lexicon's automaton; one state more, the last, for words that are none of its own."""

    start = 0

    def __init__(self, automaton: tuple[Ints, Ints], alphabet: Alphabet, bonus: float) -> None:
        following_SV, ends = automaton
        other = len(following_SV)
        self._next = np.vstack([np.where(following_SV == _NO_WORD, other, following_SV), np.full(len(alphabet), other)])
        self._factors = np.ones(self._next.shape)
        self._finish = np.ones(other + 1)
        self._finish[ends] = np.exp(bonus)
        if _SPACE in alphabet.symbols:
            space = alphabet.symbols.index(_SPACE) + 1
            self._next[:, space] = 0
            self._factors[ends, space] = np.exp(bonus)

    def factors(self, states_LN: Ints, symbols_LK: Ints) -> Floats:
        return self._factors[states_LN[:, :, None], symbols_LK[:, None, :]]

    def advance(self, states_LN: Ints, symbols_LN: Ints) -> Ints:
        return self._next[states_LN, symbols_LN]

    def finish(self, states_LN: Ints) -> Floats:
        return self._finish[states_LN]


class Both:
    """Two scorers as one: factors multiply, and a state is a pair in one number."""

    _SHIFT = 32

    def __init__(self, first: Scorer, second: Scorer) -> None:
        self._first, self._second = first, second
        self.start = first.start << self._SHIFT | second.start

    def factors(self, states_LN: Ints, symbols_LK: Ints) -> Floats:
        first, second = self._parts(states_LN)
        return self._first.factors(first, symbols_LK) * self._second.factors(second, symbols_LK)

    def advance(self, states_LN: Ints, symbols_LN: Ints) -> Ints:
        first, second = self._parts(states_LN)
        return self._first.advance(first, symbols_LN) << self._SHIFT | self._second.advance(second, symbols_LN)

    def finish(self, states_LN: Ints) -> Floats:
        first, second = self._parts(states_LN)
        return self._first.finish(first) * self._second.finish(second)

    def _parts(self, states: Ints) -> tuple[Ints, Ints]:
        return states >> self._SHIFT, states & (1 << self._SHIFT) - 1
