"""Marks that raters put on phones, as SpeechOcean762 writes them: plain is right, {P} accented, (P) wrong, [P] added.

It does not know whether a rater heard well. Raters wrote in a larger set of phones, in which one symbol may stand for
two of the dictionary's (TS, IR): its mark is then that of both.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_OPEN = {"{": 1, "(": 0}
_SIGNS = re.compile(r"[][{}()]|[^][{}()\s]+")
# What one symbol of the raters' stands for, where the dictionary has two.
_PAIRS = {
    "TS": {("T", "S")},
    "DZ": {("D", "Z")},
    "TR": {("T", "R")},
    "DR": {("D", "R")},
    "AR": {("EH", "R"), ("AA", "R")},
    "IR": {("IH", "R"), ("IH", "AH")},
    "UR": {("UH", "R"), ("UH", "AH")},
    "AXR": {("AH", "R")},
}


def read_marks(text: str, canonical: Sequence[str]) -> list[int] | None:
    """A score for each canonical phone, 0 to 2; None where the marks are of another number of phones.

    >>> read_marks("B (EH0) {R} [ L ]", ["B", "EH", "R"]), read_marks("(IR0)", ["IH", "R"]), read_marks("B", ["B", "R"])
    ([2, 0, 1], [0, 0], None)
    """
    scores: list[int] = []
    for symbol, score in _marked(text):
        place = len(scores)
        is_pair = tuple(canonical[place : place + 2]) in _PAIRS.get(symbol.rstrip("012"), ())
        scores += [score, score] if is_pair else [score]
    return scores if len(scores) == len(canonical) else None


def _marked(text: str) -> list[tuple[str, int]]:
    """Symbols with their scores; added ones are left out."""
    found: list[tuple[str, int]] = []
    score, is_added = 2, False
    for sign in _SIGNS.findall(text):
        if sign in "[]":
            is_added = sign == "["
        elif sign in "{}()":
            score = _OPEN.get(sign, 2)
        elif not is_added:
            found.append((sign, score))
    return found
