"""What was written of a recording by a recognizer that says no times: a text for each window of it, in order.

A window's times are known, those of its words are not. It knows no files and no formats.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from project.contract import Hypothesis
from project.transcript.transcript import CAPTION_SYMBOLS, Mark, Word

SEPARATOR = " "  # between the texts of windows


@dataclass(frozen=True, slots=True)
class SegmentTranscript:
    """All that was written of one recording; windows of which nothing was written are left out."""

    file: str
    length: float
    segments: tuple[Mark, ...]

    unit: ClassVar[str] = "seconds"

    @property
    def text(self) -> str:
        return SEPARATOR.join(segment.text for segment in self.segments)

    @property
    def confidence(self) -> float | None:
        """The mean over its words; none where there is none."""
        return _mean([word.confidence for segment in self.segments for word in segment.words])

    def tiers(self) -> Mapping[str, Sequence[Mark]]:
        """What has times, by name."""
        return {"segments": self.segments}

    def captions(self) -> list[Mark]:
        """Rows that can be read in one go; of a window that gives several, each is shown as its letters are many.

        That is a guess: where a window has a long pause, rows beside it come too early or too late.
        """
        return [row for segment in self.segments for row in _rows(segment)]


def segment_of(hypothesis: Hypothesis, start: float, end: float, decode: Callable[[Sequence[int]], str]) -> Mark | None:
    """What was written of a window, its words with how sure their tokens were; None if that is nothing."""
    words = words_of(hypothesis.tokens, hypothesis.confidences, decode)
    confidence = _mean([word.confidence for word in words])
    if confidence is None:
        return None
    text = " ".join(word.text for word in words)  # on one line: bytes may be written that break it
    return Mark(text, start, end, confidence, words)


def words_of(tokens: Sequence[int], sure: Sequence[float], decode: Callable[[Sequence[int]], str]) -> tuple[Word, ...]:
    """The words of what tokens make, each with the mean of its tokens' confidences.

    A token belongs to the word that is the last one once it is written, and one that shows nothing to the next.

    >>> words_of([0, 1, 2, 1], [0.5, 1.0, 0.9, 0.7], lambda ids: "".join(["a", "b", " c"][one] for one in ids))
    (Word(text='ab', confidence=0.75), Word(text='cb', confidence=0.8))
    """
    words = decode(tokens).split()
    if not words:
        return ()
    inside: list[list[float]] = [[] for _ in words]
    waiting: list[float] = []
    shown, count = "", 0
    for place, one in enumerate(sure, start=1):
        waiting.append(one)
        before, shown = shown, decode(tokens[:place])
        earlier, count = count, len(shown.split())
        if shown == before or not count:
            continue
        for number in range(min(earlier + 1, count), count + 1):  # one token may begin several words
            inside[min(number, len(words)) - 1] += waiting
        waiting = []
    inside[-1] += waiting
    return tuple(Word(word, sum(found) / len(found)) for word, found in zip(words, inside, strict=True))


def _rows(segment: Mark) -> list[Mark]:
    rows = textwrap.wrap(segment.text, CAPTION_SYMBOLS, break_on_hyphens=False)
    whole = sum(len(row) for row in rows)
    ends = [
        segment.start + (segment.end - segment.start) * sum(map(len, rows[:n])) / whole for n in range(len(rows) + 1)
    ]
    return [
        Mark(row, start, end, segment.confidence) for row, start, end in zip(rows, ends[:-1], ends[1:], strict=True)
    ]


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
