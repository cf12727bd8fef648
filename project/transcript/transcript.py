"""What was recognized in a file: symbols with their times, and the words and captions that they make.

It knows no files and no formats. Times are seconds since the file's beginning.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

_PAUSE_SECONDS = 2.0  # ends a word even where the alphabet has no space, and a caption
CAPTION_SYMBOLS, _CAPTION_SECONDS = 42, 7.0  # what one reads in one go
_CAPTION_SHORTEST = 1.0  # seconds a caption is shown at least, if the next one leaves it that long


@dataclass(frozen=True, slots=True)
class Word:
    """A word that has no times of its own."""

    text: str
    confidence: float  # 0 to 1; the mean of its tokens


@dataclass(frozen=True, slots=True)
class Mark:
    """A symbol, a word, a caption or a segment, and where it is."""

    text: str
    start: float
    end: float
    confidence: float  # 0 to 1; of several symbols or words, their mean
    words: tuple[Word, ...] = ()  # of a segment


class Transcribed(Protocol):
    """What was recognized in one file, as formats ask for it."""

    @property
    def file(self) -> str: ...

    @property
    def length(self) -> float:
        """How long that is which the file holds."""

    @property
    def unit(self) -> str:
        """In which it is told how long that is, and where in it something is: seconds or bars."""

    @property
    def text(self) -> str: ...

    @property
    def confidence(self) -> float | None:
        """0 to 1; None where nothing was recognized."""

    def tiers(self) -> Mapping[str, Sequence[Mark]]:
        """What has times, by name."""

    def captions(self) -> list[Mark]:
        """Rows that can be read in one go."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """All that was recognized in one recording, or clip of landmarks."""

    file: str
    length: float
    marks: tuple[Mark, ...]  # its symbols
    separator: str  # between symbols in text

    unit: ClassVar[str] = "seconds"

    @property
    def text(self) -> str:
        return self.separator.join(mark.text for mark in self.marks)

    @property
    def confidence(self) -> float | None:
        """The mean over its symbols; none where there is none."""
        return mean_confidence(self.marks)

    def tiers(self) -> Mapping[str, Sequence[Mark]]:
        """What has times, by name."""
        return {"words": self.words(), "symbols": self.marks}

    def words(self) -> list[Mark]:
        """Symbols between spaces and pauses; each symbol by itself where text separates them."""
        words: list[list[Mark]] = [[]]
        for mark in self.marks:
            last = words[-1]
            if self.separator or mark.text.isspace() or (last and mark.start - last[-1].end > _PAUSE_SECONDS):
                words.append([])
            if not mark.text.isspace():
                words[-1].append(mark)
        return [_joined(word, "") for word in words if word]

    def captions(self) -> list[Mark]:
        """Words in rows that can be read in one go, broken where there are pauses."""
        rows: list[list[Mark]] = []
        for word in self.words():
            if rows and _fits(rows[-1], word):
                rows[-1].append(word)
            else:
                rows.append([word])
        captions = [_joined(row, " ") for row in rows]
        limits = [*(caption.start for caption in captions[1:]), self.length]
        return [
            Mark(one.text, one.start, max(one.end, min(one.start + _CAPTION_SHORTEST, limit)), one.confidence)
            for one, limit in zip(captions, limits, strict=False)  # there may be no caption
        ]


def _fits(row: Sequence[Mark], word: Mark) -> bool:
    symbols = sum(len(one.text) + 1 for one in row) + len(word.text)
    pause = word.start - row[-1].end
    return symbols <= CAPTION_SYMBOLS and word.end - row[0].start <= _CAPTION_SECONDS and pause <= _PAUSE_SECONDS


def _joined(marks: Sequence[Mark], between: str) -> Mark:
    confidence = mean_confidence(marks)
    assert confidence is not None, "something is joined"
    return Mark(between.join(mark.text for mark in marks), marks[0].start, marks[-1].end, confidence)


def mean_confidence(marks: Sequence[Mark]) -> float | None:
    """The mean over marks; None where there is none."""
    return sum(mark.confidence for mark in marks) / len(marks) if marks else None


def told(marks: Iterable[Mark], separator: str, first: bool) -> str:
    """Marks as text to be written after earlier ones of the same recording, unless they are the first.

    >>> told([Mark("B", 0, 1, 1), Mark("C", 1, 2, 1)], separator=" ", first=False)
    ' B C'
    """
    texts = [mark.text for mark in marks]
    return separator.join(texts if first or not texts else ["", *texts])
