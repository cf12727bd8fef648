"""The words of a Report's examples: which symbols of a reference belong to which word, as the manifest says it.

A Report does not hold them. They are read from the manifest that was scored, if it is still there and unchanged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from project.contract import InputError
from project.data.manifest import Manifest
from project.evaluation.result import Report


@dataclass(frozen=True, slots=True)
class Word:
    """A word, its places among the symbols, end exclusive, and people's scores of it."""

    text: str
    start: int
    end: int
    scores: Mapping[str, float] = field(default_factory=dict)


def words_of(report: Report) -> dict[str, list[Word]] | str:
    """The words of each example by id, of those that have some; or one line that says why there are none."""
    named = report.info.get("manifest")
    if not isinstance(named, str) or not Path(named).is_file():
        return f"no words: the manifest {named} is not there any more"
    try:
        whole = Manifest.open(named)
    except InputError as error:
        return f"no words: {error}"
    part = whole if len(whole) <= len(report.rows) else whole.select(range(len(report.rows)))
    if part.hash != report.protocol.manifest_hash:
        return f"no words: {named} has changed since it was scored"
    sizes = {row.id: len(row.reference.split()) for row in report.rows}
    found = {example.id: read_words((example.labels or {}).get("words"), sizes[example.id]) for example in part}
    having = {name: words for name, words in found.items() if words}
    return having or f"no words: {named} has no labels.words"


def read_words(label: Any, num_symbols: int) -> list[Word]:
    """What a manifest says of an example's words; nothing where it says none, or of symbols that are not there."""
    words = [] if not isinstance(label, list) else [_word(one) for one in label]
    return words if all(0 <= word.start <= word.end <= num_symbols for word in words) else []


def _word(label: Mapping[str, Any]) -> Word:
    scores = {
        name: float(value)
        for name, value in label.items()
        if name not in {"start", "end"} and isinstance(value, int | float) and not isinstance(value, bool)
    }
    return Word(str(label.get("text", "")).upper(), int(label.get("start", -1)), int(label.get("end", -1)), scores)
