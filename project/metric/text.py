"""Metrics of written hypotheses: error rates by character, word or symbol, and exact matches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, get_args

from project.contract import Hypothesis, InputError
from project.metric.edit import edit_counts
from project.text.alphabet import Alphabet

Unit = Literal["character", "word", "symbol"]
KINDS = ("substitutions", "deletions", "insertions")


class ErrorRate:
    """Errors per character, word or symbol of the references: all errors of all examples over all their lengths.

    Spaces count as characters. A symbol is one of the alphabet, which may be several characters long. It does not
    normalize: reference and hypothesis are compared as they are. The rate can exceed 1.
    """

    def __init__(self, name: str, unit: Unit, alphabet: Alphabet | None = None) -> None:
        if unit not in get_args(Unit):
            raise InputError(f"metric.{name}: unit {unit!r} is not known: give one of {', '.join(get_args(Unit))}")
        if unit == "symbol" and alphabet is None:
            raise InputError(f"metric.{name}: unit symbol needs an alphabet: choose a text, or unit character")
        self.name = name
        self.better: Literal["lower", "higher"] = "lower"
        parts = tuple(f"{name}_{kind}" for kind in KINDS)
        length = (f"{name}_length",)
        self.ratios = {name: (parts, length)} | {part: ((part,), length) for part in parts}
        self._unit = unit
        self._alphabet = alphabet

    def score(self, reference: str, hypothesis: Hypothesis) -> Mapping[str, float]:
        """Counts of one example: substitutions, deletions, insertions, and the reference's length."""
        counts = edit_counts(self._split(reference), self._split(hypothesis.text))
        return {
            f"{self.name}_substitutions": counts.substitutions,
            f"{self.name}_deletions": counts.deletions,
            f"{self.name}_insertions": counts.insertions,
            f"{self.name}_length": counts.length,
        }

    def summarize(self, columns: Mapping[str, Sequence[float]]) -> Mapping[str, float]:
        """The rate, and the part of each kind of error in it."""
        length = sum(columns[f"{self.name}_length"])
        if not length:
            raise InputError(
                f"metric.{self.name}: the references hold no {self._unit}: evaluate examples that have text"
            )
        parts = {f"{self.name}_{kind}": sum(columns[f"{self.name}_{kind}"]) / length for kind in KINDS}
        errors = sum(sum(columns[f"{self.name}_{kind}"]) for kind in KINDS)
        return {self.name: errors / length, **parts}

    def _split(self, text: str) -> Sequence[str]:
        if self._unit == "character":
            return text
        if self._unit == "word" or self._alphabet is None:
            return text.split()
        return self._alphabet.split(text)


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
