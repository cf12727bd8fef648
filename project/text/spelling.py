"""Spelling: from a reference as people wrote it to the ids a recognizer learns, and back."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from project.contract import Example, InputError
from project.text.alphabet import Alphabet
from project.text.normalize import changing, find_normalizers, normalize

ABSENT = -1  # of a label that a line lacks, where others have a number


class Spelling:
    """How text is written: normalizers first, then an alphabet.

    It does not know which text is right: a character that normalizing leaves and the alphabet lacks is an error.

    >>> spelling = Spelling("ABC ", normalize=["upper"])
    >>> spelling.encode("a cab"), spelling.decode([1, 4, 3])
    ([1, 4, 3, 1, 2], 'A C')
    """

    alphabet: Alphabet
    settings: Mapping[str, Any]
    reads: Literal["text", "labels"] = "text"

    def __init__(
        self,
        symbols: str | Sequence[str],
        separator: str = "",
        normalize: Sequence[str] = (),
        uncovered: Literal["refuse", "count"] = "refuse",
        numbers: Mapping[str, float] | None = None,
    ) -> None:
        """`symbols`: a text of one-character symbols, a list of symbols, or the path of an alphabet.json.

        `numbers`: labels that go along with the symbols as whole numbers, name -> unit: of 0.01, 1.8 becomes 180. What
        a line lacks is ABSENT.

        `uncovered`: what becomes of symbols outside the alphabet in validation while training; to count them charges
        the recognizer, which cannot write them. What is learned from may never have any.
        """
        if isinstance(symbols, str) and symbols.endswith(".json"):
            self.alphabet = Alphabet.load(symbols)
            if separator not in ("", self.alphabet.separator):
                raise InputError(f"{symbols}: its separator is {self.alphabet.separator!r}: leave text.separator out")
        else:
            self.alphabet = Alphabet(tuple(symbols), separator)
        self._normalizers = find_normalizers(normalize)
        self._lenient = False
        self._uncovered = uncovered
        self._numbers = dict(numbers or {})
        self.settings = {"alphabet": self.alphabet.hash, "normalize": [str(step) for step in self._normalizers]}

    def normalize(self, text: str) -> str:
        """The text as it is learned and scored."""
        return normalize(text, self._normalizers)

    def written(self, example: Example) -> str | None:
        """What a line of a manifest says it should be, as it says it: its symbols, or else its text."""
        return example.text if example.symbols is None else self.alphabet.separator.join(example.symbols)

    def reference(self, example: Example) -> str:
        """What an example is scored against: its text or symbols, normalized."""
        text = self.written(example)
        if text is None:
            raise InputError("no target: give the line `text` or `symbols`")
        return self.normalize(text)

    def targets(
        self, reference: str, example: Example, frames: int
    ) -> tuple[dict[str, list[int]], dict[str, NDArray[Any]]]:
        """The symbols; and where the manifest says it, at which frame each of them was sent, and at which pace."""
        ids = self.encode(reference)
        by_frame: dict[str, NDArray[Any]] = {**placed(ids, example, frames), **paced(example, frames)}
        return {"symbols": ids, **numbered(example, self._numbers)}, by_frame

    def encode(self, text: str) -> list[int]:
        """The ids of a text, normalized first."""
        text = self.normalize(text)
        if self._lenient:
            outside = set(self.alphabet.uncovered(text))
            covered = [symbol for symbol in self.alphabet.split(text) if symbol not in outside]
            return [number for symbol in covered for number in self.alphabet.encode(symbol)]
        return self.alphabet.encode(text)

    def for_validation(self) -> Spelling:
        """The spelling of what is only scored while training goes on."""
        return self.lenient() if self._uncovered == "count" else self

    def lenient(self) -> Spelling:
        """The same for scoring alone: `encode` passes over what the alphabet lacks, and `normalize` keeps it.

        So it stays in references, and whoever cannot write it is charged with it. Nothing should learn from such ids.
        """
        other = copy.copy(self)
        other._lenient = True
        return other

    def changes(self, text: str) -> list[str]:
        """The normalizers, with their versions, that change this text.

        >>> Spelling("ABC ", normalize=["upper", "squeeze_spaces"]).changes("A cab")
        ['upper@1']
        """
        return changing(text, self._normalizers)

    def decode(self, ids: Iterable[int]) -> str:
        """The (normalized) text of ids."""
        return self.alphabet.decode(ids)

    def uncovered(self, text: str) -> list[str]:
        """What of a text remains outside the alphabet after normalizing."""
        return self.alphabet.uncovered(self.normalize(text))


def numbered(example: Example, units: Mapping[str, float]) -> dict[str, list[int]]:
    """Labels that are numbers, or lists of them, as whole numbers of a unit.

    >>> line = Example("a", "a.wav", 1.0, labels={"accuracy": 8.0, "phone_scores": [2, 1.8]})
    >>> numbered(line, {"phone_scores": 0.01, "accuracy": 0.01, "fluency": 0.01})
    {'phone_scores': [200, 180], 'accuracy': [800], 'fluency': [-1]}
    """
    found = {}
    for name, unit in units.items():
        value = (example.labels or {}).get(name)
        values = [] if value is None else value if isinstance(value, list) else [value]
        if not all(type(one) in {int, float} for one in values):
            raise InputError(f"labels.{name} is {value!r:.60}: give a number, or a list of them")
        found[name] = [round(one / unit) for one in values] or [ABSENT]
    return found


def placed(ids: Sequence[int], example: Example, frames: int) -> dict[str, NDArray[np.int64]]:
    """`places`: each symbol's id at the frame where labels.places, in the unit of lengths, says it was sent; else 0.

    Nothing where the manifest does not say it, or says it of another number of symbols than a normalizer left.
    """
    places = (example.labels or {}).get("places")
    if not isinstance(places, list) or len(places) != len(ids):
        return {}
    rows = (np.asarray(places, dtype=np.float64) * (frames / example.length)).astype(np.int64)
    placed_T = np.zeros(frames, dtype=np.int64)
    placed_T[rows.clip(0, max(0, frames - 1))] = ids
    return {"places": placed_T}


def paced(example: Example, frames: int) -> dict[str, NDArray[np.float32]]:
    """`pace`: at each frame, how many frames a mark lasts; nothing where labels.pace does not say it in seconds.

    It is one number, or pairs of numbers in order: from when on, and how long then.

    >>> paced(Example("a", "a.wav", 2.0, labels={"pace": 0.05}), 4)
    {'pace': array([0.1, 0.1, 0.1, 0.1], dtype=float32)}
    >>> paced(Example("a", "a.wav", 2.0, labels={"pace": [[0, 0.05], [0.5, 0.1]]}), 4)
    {'pace': array([0.1, 0.2, 0.2, 0.2], dtype=float32)}
    """
    pace = (example.labels or {}).get("pace")
    pairs = pace if isinstance(pace, Sequence) else [(0.0, pace)]
    if not pairs or not all(
        isinstance(pair, Sequence) and len(pair) == 2 and all(map(_is_number, pair)) for pair in pairs
    ):
        return {}
    begins, seconds = np.array(pairs, dtype=np.float64).T
    if (np.diff(begins) <= 0).any() or seconds.min() <= 0:
        return {}
    times_T = np.arange(frames) * (example.length / max(frames, 1))
    rows_T = (np.searchsorted(begins, times_T, side="right") - 1).clip(min=0)
    return {"pace": (seconds[rows_T] * (frames / example.length)).astype(np.float32)}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
