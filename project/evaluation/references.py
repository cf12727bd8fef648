"""What became of references before anything was scored against them: counted, so that nothing vanishes in silence.

It does not know hypotheses. A reference that is empty after normalizing stays: what is recognized there is inserted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from project.contract import InputError
from project.text.spelling import Spelling
from project.text.subwords import Subwords

NAMED = 20  # symbols outside the alphabet that a Report spells out, the most frequent ones


@dataclass(frozen=True, slots=True)
class References:
    """Counts over the references of one manifest."""

    total: int
    changed: int  # by any normalizer
    by_normalizer: Mapping[str, int]  # name@version -> references that it changed, in the order they are applied
    empty: int  # with nothing left after normalizing, or nothing from the start
    uncovered: int  # with symbols that the alphabet lacks
    symbols: Mapping[str, int]  # those symbols and how often each stands there, the most frequent first
    first: str = ""  # where the first of them is: place and id

    def to_mapping(self) -> dict[str, Any]:
        """Plain data, for Report.info["references"]."""
        named = dict(list(self.symbols.items())[:NAMED])
        return {
            "text": self.text,
            "total": self.total,
            "changed": self.changed,
            "by_normalizer": dict(self.by_normalizer),
            "empty": self.empty,
            "uncovered": {"references": self.uncovered, "symbols": sum(self.symbols.values()), "most_frequent": named},
        }

    @property
    def text(self) -> str:
        """All that happened to them in one line."""
        changes = ", ".join(f"{name} {count:,}" for name, count in self.by_normalizer.items() if count)
        parts = [
            f"{self.changed:,} of {self.total:,} references changed by normalizing" + (f" ({changes})" * bool(changes))
        ]
        if self.empty:
            parts.append(f"{self.empty:,} empty: all that is recognized there counts as inserted")
        if self.uncovered:
            parts.append(f"{self.uncovered:,} with symbols outside the alphabet, kept as errors: {self._named()}")
        return "; ".join(parts)

    def require_text(self) -> None:
        """Refuse to score against nothing."""
        if self.total and self.empty == self.total:
            raise InputError(
                f"all {self.total:,} references are empty after normalizing: evaluate examples that have text, "
                "or look at what the run's text.normalize removes"
            )

    def require_covered(self) -> None:
        """Refuse references that the recognizer could not possibly write."""
        if self.uncovered:
            raise InputError(
                f"{self.first}: not in the alphabet: {self._named()}; {self.uncovered:,} of {self.total:,} references "
                "hold such symbols: correct them, or add uncovered=count to keep them and count each as an error"
            )

    def _named(self) -> str:
        named = [f"{symbol!r} {count:,} times" for symbol, count in list(self.symbols.items())[:5]]
        return ", ".join(named) + (f" and {len(self.symbols) - 5:,} more" if len(self.symbols) > 5 else "")


def count_references(written: Iterable[tuple[str, str]], spelling: Spelling | Subwords) -> References:
    """Counts over (place, text as people wrote it).

    >>> found = count_references([("a:1", "cab"), ("a:2", "A DAB"), ("a:3", " ")], Spelling("ABC ", "", ["upper"]))
    >>> found.changed, dict(found.by_normalizer), found.uncovered, dict(found.symbols), found.first
    (1, {'upper@1': 1}, 1, {'D': 1}, 'a:2')
    """
    total = changed = empty = uncovered = 0
    by_normalizer = Counter(dict.fromkeys(spelling.settings["normalize"], 0))
    symbols: Counter[str] = Counter()
    first = ""
    for place, raw in written:
        total += 1
        steps = spelling.changes(raw)
        changed += bool(steps)
        by_normalizer.update(set(steps))
        text = spelling.normalize(raw)
        empty += not text
        if outside := set(spelling.alphabet.uncovered(text)):
            uncovered += 1
            first = first or place
            symbols.update(symbol for symbol in spelling.alphabet.split(text) if symbol in outside)
    return References(total, changed, by_normalizer, empty, uncovered, dict(symbols.most_common()), first)
