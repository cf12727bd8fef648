"""A language model of symbols: how likely each symbol is after the few before it, counted in texts.

Interpolated Witten-Bell: a context that was followed by many different symbols leaves more to its shorter context. For
alphabets of letters that is as it should be; Kneser-Ney's counts of contexts say little where every letter follows
every other. It knows no text outside its symbols and no normalizing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from project import atomic
from project.contract import InputError

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

FORMAT = "scansion-ngram@1"


@dataclass(frozen=True)
class Ngrams:
    """Counted sequences of symbols, from single ones to `order`.

    Symbols are numbered from 0; their number, `end`, is the end of a text, the next one its start, which only contexts
    hold. A state is a context that was seen; 0 is the empty one. A sequence is kept as a number with the base `base`.

    >>> model = count([[0, 1, 0, 1], [0, 1, 1]], ("A", "B"), order=3)
    >>> after_a = model.advance(np.array([model.start]), np.array([0]))
    >>> model.probs(after_a, np.array([1])).round(3).tolist()  # B after A at the start of a text
    [0.951]
    """

    symbols: tuple[str, ...]
    keys: tuple[Ints, ...]  # for each length the sequences seen, ascending
    counts: tuple[Ints, ...]  # how often each
    tables: _Tables = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "tables", _Tables.of(self.keys, self.counts, len(self.symbols) + 2))

    @property
    def order(self) -> int:
        return len(self.keys)

    @property
    def end(self) -> int:
        return len(self.symbols)

    @property
    def num_states(self) -> int:
        return len(self.tables.suffix)

    @cached_property
    def start(self) -> int:
        """The state before a text."""
        return int(self.advance(np.zeros(1, np.int64), np.array([self.end + 1]))[0])

    def probs(self, states: Ints, symbols: Ints) -> Floats:
        """The probability of each symbol (or the end) after each state; the arrays broadcast."""
        tables, base = self.tables, len(self.symbols) + 2
        states, symbols = np.broadcast_arrays(states, symbols)
        total, rest = np.zeros(states.shape), np.ones(states.shape)
        for _ in range(self.order):
            place, found = _find(tables.gram_keys, states * base + symbols)
            total += np.where(found, rest * tables.gram_shares[place], 0)
            rest = rest * np.where(states >= 0, tables.rest[states], 1)
            states = np.where(states >= 0, tables.suffix[states], -1)
        result: Floats = total + rest / (len(self.symbols) + 1)
        return result

    def advance(self, states: Ints, symbols: Ints) -> Ints:
        """The states after a symbol more: the longest contexts seen."""
        tables, base = self.tables, len(self.symbols) + 2
        states, symbols = np.broadcast_arrays(states, symbols)
        result = np.zeros(states.shape, np.int64)
        open_ = np.ones(states.shape, bool)
        for _ in range(self.order):
            place, found = _find(tables.child_keys, states * base + symbols)
            found &= open_ & (states >= 0)
            result = np.where(found, tables.child_states[place], result)
            open_ &= ~found
            states = np.where(states >= 0, tables.suffix[states], -1)
        return result

    def log_prob(self, ids: Sequence[int]) -> float:
        """Natural logarithm of the probability of a text, its end included."""
        states, total = np.array([self.start]), 0.0
        for symbol in [*ids, self.end]:
            total += float(np.log(self.probs(states, np.array([symbol]))[0]))
            states = self.advance(states, np.array([symbol]))
        return total

    @cached_property
    def hash(self) -> str:
        """Sixteen hex digits that are equal only for equal models."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:16]

    def to_json(self) -> str:
        grams = [
            {"sequences": _digits(keys, length, len(self.symbols) + 2).tolist(), "counts": counts.tolist()}
            for length, (keys, counts) in enumerate(zip(self.keys, self.counts, strict=True), start=1)
        ]
        content = {"format": FORMAT, "symbols": self.symbols, "grams": grams}
        return json.dumps(content, ensure_ascii=False, separators=(",", ":"))

    def save(self, path: str | Path) -> None:
        """Writes the model's file, whole or not at all."""
        atomic.write(Path(path), self.to_json() + "\n")

    @classmethod
    def load(cls, path: str | Path) -> Ngrams:
        """The model of a file."""
        remedy = "give a file that `scansion prepare ngram` wrote"
        try:
            content = json.loads(Path(path).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(f"{path}: the language model cannot be read: {error}: {remedy}") from None
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise InputError(f"{path}: this is no language model of the form {FORMAT}: {remedy}")
        try:
            return _from_content(content)
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"{path}: the language model is damaged: {error!r}: {remedy}") from None


@dataclass(frozen=True, slots=True)
class _Tables:
    """What look-ups need, worked out once: sorted keys, so that all is found by bisection of arrays."""

    gram_keys: Ints  # state * base + symbol of each sequence seen, ascending
    gram_shares: Floats  # the share of its state's probability that the count itself gives it
    child_keys: Ints  # the same for sequences that are contexts themselves
    child_states: Ints
    suffix: Ints  # state without the oldest symbol; -1 after the empty one
    rest: Floats  # the share of a state's probability that the suffix distributes

    @classmethod
    def of(cls, keys: Sequence[Ints], counts: Sequence[Ints], base: int) -> _Tables:
        """States are numbered by length of the context, then in order."""
        contexts = [np.unique(sequences // base) for sequences in keys]
        first = np.cumsum([0, *map(len, contexts)])
        suffixes, grams, shares, rests, child_keys, child_states = [np.array([-1])], [], [], [], [], []
        for length, (context, sequences, count) in enumerate(zip(contexts, keys, counts, strict=True)):
            place = np.searchsorted(context, sequences // base)
            seen = np.bincount(place, count, len(context))
            kinds = np.bincount(place, minlength=len(context))
            grams.append((place + first[length]) * base + sequences % base)
            shares.append(count / (seen + kinds)[place])
            rests.append(kinds / (seen + kinds))
            if length:
                shorter = context % base ** (length - 1)
                suffixes.append(np.searchsorted(contexts[length - 1], shorter) + first[length - 1])
                parent = np.searchsorted(contexts[length - 1], context // base)
                known = contexts[length - 1][np.minimum(parent, len(contexts[length - 1]) - 1)] == context // base
                child_keys.append(((parent + first[length - 1]) * base + context % base)[known])
                child_states.append((np.arange(len(context)) + first[length])[known])
        children = np.concatenate([[-1], *child_keys])  # one that is none, so that there is something to look in
        order = np.argsort(children)
        gram_keys, gram_shares = np.concatenate(grams), np.concatenate(shares)
        ascending = np.argsort(gram_keys)
        return cls(
            gram_keys=gram_keys[ascending],
            gram_shares=gram_shares[ascending],
            child_keys=children[order],
            child_states=np.concatenate([[0], *child_states])[order],
            suffix=np.concatenate(suffixes),
            rest=np.concatenate(rests),
        )


def count(texts: Iterable[Sequence[int]], symbols: Sequence[str], order: int, min_count: int = 1) -> Ngrams:
    """The model of texts, given as numbers of symbols; sequences of three and more are left out if they are rarer."""
    base, end = len(symbols) + 2, len(symbols)
    most = int(62 * np.log(2) / np.log(base))
    if not 1 <= order <= most:
        raise InputError(f"order: {order}: with {len(symbols)} symbols give 1 to {most}")
    whole = [[end + 1, *ids, end] for ids in texts]
    if not whole:
        raise InputError("no text to count: name a manifest with texts")
    ids = np.concatenate([np.array(one, np.int64) for one in whole])
    place = np.concatenate([np.arange(len(one)) for one in whole])
    keys, counts, sequences = [], [], np.zeros(len(ids), np.int64)
    for length in range(1, order + 1):
        sequences = sequences + base ** (length - 1) * np.roll(ids, length - 1)
        seen, times = np.unique(sequences[place >= max(1, length - 1)], return_counts=True)
        kept = times >= (min_count if length > 2 else 1)
        keys.append(seen[kept])
        counts.append(times[kept])
    return Ngrams(tuple(symbols), tuple(keys), tuple(counts))


def _find(sorted_keys: Ints, keys: Ints) -> tuple[Ints, NDArray[np.bool_]]:
    """Where keys are, and whether they are there at all."""
    place = np.minimum(np.searchsorted(sorted_keys, keys), len(sorted_keys) - 1)
    return place, sorted_keys[place] == keys


def _digits(keys: Ints, length: int, base: int) -> Ints:
    """(sequences, length): numbers taken apart."""
    powers = base ** np.arange(length - 1, -1, -1, dtype=np.int64)
    digits: Ints = keys[:, None] // powers % base
    return digits


def _from_content(content: dict[str, Any]) -> Ngrams:
    base = len(content["symbols"]) + 2
    keys, counts = [], []
    for length, grams in enumerate(content["grams"], start=1):
        digits = np.array(grams["sequences"], np.int64).reshape(-1, length)
        if len(digits) != len(grams["counts"]) or (digits < 0).any() or (digits >= base).any():
            raise ValueError(f"sequences of {length} symbols")
        keys.append(digits @ base ** np.arange(length - 1, -1, -1, dtype=np.int64))
        counts.append(np.array(grams["counts"], np.int64))
    if not keys or any((np.diff(one) <= 0).any() for one in keys) or any((one < 1).any() for one in counts):
        raise ValueError("sequences are out of order")
    return Ngrams(tuple(map(str, content["symbols"])), tuple(keys), tuple(counts))
