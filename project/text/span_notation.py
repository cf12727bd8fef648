"""How spans are written: `retracement 40-47, consolidation 60-66`, frames counted from 0, the end not part of it.

The notation of families whose examples are windows with labelled stretches. It does not know what is in a window.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from project.contract import Example, InputError
from project.text.alphabet import Alphabet

_MARK = re.compile(r"(?P<kind>\S+) (?P<start>\d+)-(?P<end>\d+)")


class SpanMark(NamedTuple):
    """A stretch of frames [start, end) of one kind."""

    kind: str
    start: int
    end: int


class SpanNotation:
    """The kinds of spans as an alphabet, and what a manifest's labels say in its terms.

    Spans of an example lie apart and in order: two that overlap are an error, not a choice.
    """

    reads: Literal["text", "labels"] = "labels"

    def __init__(self, kinds: Sequence[str]) -> None:
        for kind in kinds:
            if not re.fullmatch(r"[^\s,]+", kind):
                raise InputError(f"text.kinds: {kind!r}: give names without spaces and commas")
        self.alphabet = Alphabet(tuple(kinds), " ")
        self.settings: Mapping[str, Any] = {"alphabet": self.alphabet.hash, "normalize": []}

    def reference(self, example: Example) -> str:
        """What an example is scored against."""
        return write_spans(self._marks(example))

    def targets(
        self, reference: str, example: Example, frames: int
    ) -> tuple[dict[str, list[int]], dict[str, NDArray[np.float32]]]:
        """What is learned: each span's kind, start and end; and of each frame whether it lies in one."""
        marks = read_spans(reference)
        inside_T = np.zeros(frames, dtype=np.float32)
        for mark in marks:
            if mark.end > frames:
                raise InputError(f"labels: {write_spans([mark])} ends behind the window of {frames}: correct it")
            inside_T[mark.start : mark.end] = 1
        whole = {
            "kinds": [self.alphabet.encode(mark.kind)[0] for mark in marks],
            "starts": [mark.start for mark in marks],
            "ends": [mark.end for mark in marks],
        }
        return whole, {"inside": inside_T}

    def for_validation(self) -> SpanNotation:
        """The same: nothing that is scored is outside of the kinds."""
        return self

    def lenient(self) -> SpanNotation:
        """The same, for the same reason."""
        return self

    def _marks(self, example: Example) -> list[SpanMark]:
        spans = (example.labels or {}).get("spans")
        if not isinstance(spans, list):
            raise InputError('no `labels.spans`: give a list such as [{"kind": "retracement", "start": 40, "end": 47}]')
        marks = sorted((self._mark(span, example.length) for span in spans), key=lambda mark: mark.start)
        for before, after in pairwise(marks):
            if after.start < before.end:
                raise InputError(f"`labels.spans`: {write_spans([before, after])} overlap: keep one of them")
        return marks

    def _mark(self, span: Any, length: float) -> SpanMark:
        try:
            mark = SpanMark(str(span["kind"]), int(span["start"]), int(span["end"]))
        except (TypeError, KeyError, ValueError):
            raise InputError(f"`labels.spans`: {span!r:.80} is no span: give kind, start and end") from None
        if mark.kind not in self.alphabet.symbols:
            raise InputError(
                f"`labels.spans`: kind {mark.kind!r:.40} is not known: choose from {', '.join(self.alphabet.symbols)}, "
                "or add it to text.kinds"
            )
        if not 0 <= mark.start < mark.end <= length:
            raise InputError(
                f"`labels.spans`: {write_spans([mark])} does not lie in the {length:g} frames of the window: correct it"
            )
        return mark


def write_spans(marks: Iterable[SpanMark]) -> str:
    """Spans as text.

    >>> write_spans([SpanMark("retracement", 40, 47), SpanMark("consolidation", 60, 66)])
    'retracement 40-47, consolidation 60-66'
    """
    return ", ".join(f"{mark.kind} {mark.start}-{mark.end}" for mark in marks)


def read_spans(text: str) -> list[SpanMark]:
    """Spans from text, as `write_spans` has written them.

    >>> read_spans("retracement 40-47"), read_spans("")
    ([SpanMark(kind='retracement', start=40, end=47)], [])
    """
    marks = []
    for part in text.split(", ") if text else []:
        found = _MARK.fullmatch(part)
        if not found:
            raise InputError(f"{part!r:.60} is no span: write it as `retracement 40-47`")
        marks.append(SpanMark(found["kind"], int(found["start"]), int(found["end"])))
    return marks
