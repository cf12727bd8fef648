"""Metrics of written hypotheses: error rates by character, word or symbol, the best of several, and exact matches."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, get_args

from project.contract import Hypothesis, InputError
from project.metric.edit import distance, edit_counts
from project.text.alphabet import Alphabet

Unit = Literal["character", "word", "symbol"]
KINDS = ("substitutions", "deletions", "insertions")


class ErrorRate:
    """Errors per character, word or symbol of the references: all errors of all examples over all their lengths.

    Spaces count as characters. A symbol is one of the alphabet, which may be several characters long. It does not
    normalize: reference and hypothesis are compared as they are. The rate can exceed 1.
    """

    def __init__(self, name: str, unit: Unit, alphabet: Alphabet | None = None) -> None:
        self.name = name
        self.better: Literal["lower", "higher"] = "lower"
        parts = tuple(f"{name}_{kind}" for kind in KINDS)
        length = (f"{name}_length",)
        self.ratios = {name: (parts, length)} | {part: ((part,), length) for part in parts}
        self._columns = (*parts, *length)
        self._unit = unit
        self._split = splitter(name, unit, alphabet)

    def score(self, reference: str, hypothesis: Hypothesis) -> Mapping[str, float]:
        """Counts of one example: substitutions, deletions, insertions, and the reference's length."""
        counts = edit_counts(reference=self._split(reference), hypothesis=self._split(hypothesis.text))
        return dict(zip(self._columns, counts, strict=True))

    def summarize(self, columns: Mapping[str, Sequence[float]]) -> Mapping[str, float]:
        """The rate, and the part of each kind of error in it."""
        length = total_length(self.name, self._unit, columns)
        parts = {f"{self.name}_{kind}": sum(columns[f"{self.name}_{kind}"]) / length for kind in KINDS}
        errors = sum(sum(columns[f"{self.name}_{kind}"]) for kind in KINDS)
        return {self.name: errors / length, **parts}


class OracleErrorRate:
    """The error rate if somebody chose the best of each example's hypotheses: how far better choosing could lead.

    Hypotheses are the decoder's answer and its alternatives. Without alternatives (a greedy decoder, or a beam that was
    asked for one answer) it is the plain error rate: read it as a ceiling only where the decoder gave some.
    """

    def __init__(self, name: str, unit: Unit, alphabet: Alphabet | None = None) -> None:
        self.name = name
        self.better: Literal["lower", "higher"] = "lower"
        self.ratios: Mapping[str, tuple[Sequence[str], Sequence[str]]] = {
            name: ((f"{name}_errors",), (f"{name}_length",))
        }
        self._unit = unit
        self._split = splitter(name, unit, alphabet)

    def score(self, reference: str, hypothesis: Hypothesis) -> Mapping[str, float]:
        """The fewest errors among the hypotheses of one example, and the reference's length."""
        wanted = self._split(reference)
        found = (self._split(one.text) for one in (hypothesis, *hypothesis.alternatives))
        return {
            f"{self.name}_errors": min(distance(reference=wanted, hypothesis=symbols) for symbols in found),
            f"{self.name}_length": len(wanted),
        }

    def summarize(self, columns: Mapping[str, Sequence[float]]) -> Mapping[str, float]:
        """The rate of the best hypotheses."""
        return {self.name: sum(columns[f"{self.name}_errors"]) / total_length(self.name, self._unit, columns)}


class LengthRatio:
    """Symbols recognized for each one wanted, over all examples: below 1 symbols are lost, above 1 they are put in.

    Its best is 1: of two runs the nearer one is better. It says nothing of which symbols.
    """

    def __init__(self, name: str, unit: Unit, alphabet: Alphabet | None = None) -> None:
        self.name = name
        self.better: Literal["one"] = "one"
        self.ratios: Mapping[str, tuple[Sequence[str], Sequence[str]]] = {
            name: ((f"{name}_found",), (f"{name}_length",))
        }
        self._unit = unit
        self._split = splitter(name, unit, alphabet)

    def score(self, reference: str, hypothesis: Hypothesis) -> Mapping[str, float]:
        """Symbols of the hypothesis and of the reference."""
        found, wanted = len(self._split(hypothesis.text)), len(self._split(reference))
        return {f"{self.name}_found": found, f"{self.name}_length": wanted}

    def summarize(self, columns: Mapping[str, Sequence[float]]) -> Mapping[str, float]:
        """The ratio of all together."""
        return {self.name: sum(columns[f"{self.name}_found"]) / total_length(self.name, self._unit, columns)}


class ExactMatch:
    """The part of all examples whose hypothesis is the reference, character by character. It does not normalize."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.better: Literal["lower", "higher"] = "higher"
        self.ratios: Mapping[str, tuple[Sequence[str], Sequence[str]]] = {name: ((f"{name}_matches",), ())}

    def score(self, reference: str, hypothesis: Hypothesis) -> Mapping[str, float]:
        """1 for a match, else 0."""
        return {f"{self.name}_matches": float(reference == hypothesis.text)}

    def summarize(self, columns: Mapping[str, Sequence[float]]) -> Mapping[str, float]:
        """The part that matches."""
        matches = columns[f"{self.name}_matches"]
        if not len(matches):
            raise InputError(f"metric.{self.name}: there are no examples: evaluate a manifest that has some")
        return {self.name: sum(matches) / len(matches)}


def splitter(name: str, unit: Unit, alphabet: Alphabet | None) -> Callable[[str], Sequence[str]]:
    """What cuts a text into the units that a metric counts."""
    if unit not in get_args(Unit):
        raise InputError(f"metric.{name}: unit {unit!r} is not known: give one of {', '.join(get_args(Unit))}")
    if unit == "character":
        return str
    if unit == "word":
        return str.split
    if alphabet is None:
        raise InputError(f"metric.{name}: unit symbol needs an alphabet: choose a text, or unit character")
    return alphabet.split


def total_length(name: str, unit: Unit, columns: Mapping[str, Sequence[float]]) -> float:
    """The length of all references, by which a rate divides."""
    length = sum(columns[f"{name}_length"])
    if not length:
        raise InputError(f"metric.{name}: the references hold no {unit}: evaluate examples that have text")
    return length
