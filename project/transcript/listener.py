"""Listening to recordings: from files to what was recognized in them, in order, in bounded memory.

A recording that fits into one window is recognized as in evaluation; a longer one window by window, stitched and
decoded as it comes. It does not know where files come from nor what becomes of the transcripts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from torch import Tensor

from project.contract import Batch, Emissions, InputError
from project.decode.beam import Beam
from project.decode.collapse import Collapse
from project.decode.greedy import Greedy
from project.decode.stream import Stream, stream
from project.feature import waveform
from project.text.alphabet import Alphabet
from project.transcript.heard import Heard, Hears, Predicts, batch_of, length_per_output, together, usable
from project.transcript.stitch import Stitch
from project.transcript.transcript import Mark, Transcript
from project.transcript.windows import Plan, windows


class Recognizes(Predicts, Protocol):
    """One that says what its model does, too, and with what that is decoded."""

    decoder: Any

    def emissions(self, batch: Batch) -> Emissions: ...


@dataclass(slots=True)
class _Recording:
    """A recording on its way."""

    file: str
    stitch: Stitch
    stream: Stream | None = None  # of a recording longer than a window
    marks: list[Mark] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Part:
    """A window of a recording as frames."""

    of: _Recording
    start: int  # sample
    end: int
    frames_TF: Tensor
    is_last: bool
    is_whole: bool


class Listener:
    """A recognizer that takes files.

    `batch_seconds` bounds how many windows it recognizes at once, padding included; one can always be.
    `equal_lengths`: only windows of one length are, as evaluation does with models that padding changes.
    """

    def __init__(
        self,
        system: Recognizes,
        feature: Hears,
        alphabet: Alphabet,
        plan: Plan,
        latency_seconds: float | None = None,
        batch_seconds: float = 120.0,
        equal_lengths: bool = False,
    ) -> None:
        self._system = system
        self._feature = feature
        self._alphabet = alphabet
        self._plan = plan
        self._seconds = plan.grain / feature.sample_rate  # of an output frame
        self._latency = None if latency_seconds is None else max(1, round(latency_seconds / self._seconds))
        self._batch_frames = feature.num_frames(batch_seconds)
        self._equal_lengths = equal_lengths

    def listen(self, files: Iterable[str]) -> Iterator[Heard]:
        """What is heard in each file, one after the other."""
        parts = (part for file in files for part in usable(file, self._parts(file)))
        return together(parts, self._joins, self._recognized)

    def _parts(self, file: str) -> Iterator[_Part]:
        """The windows of a file."""
        block = min(10.0, self._plan.step / self._feature.sample_rate)
        recording = _Recording(file, Stitch(self._plan.margin, self._plan.step // self._plan.grain))
        for window in windows(waveform.blocks(file, self._feature.sample_rate, block), self._plan):
            if not window.is_whole and recording.stream is None:
                recording.stream = self._stream()
            end, frames_TF = window.start + len(window.wave), self._feature(window.wave)
            yield _Part(recording, window.start, end, frames_TF, window.is_last, window.is_whole)

    def _stream(self) -> Stream:
        decoder = self._system.decoder
        if not isinstance(decoder, Greedy | Beam | Collapse):
            raise InputError(
                f"it is longer than a window, and {type(decoder).__name__} decodes whole recordings alone: set a "
                "longer window_seconds"
            )
        return stream(decoder, self._latency)

    def _joins(self, part: _Part, batch: Sequence[_Part]) -> bool:
        """Whether a window can be recognized together with these: they are of one kind, and not too much at once."""
        lengths = [len(one.frames_TF) for one in (*batch, part)]
        alike = part.is_whole == batch[0].is_whole and not (self._equal_lengths and lengths[0] != lengths[-1])
        return alike and max(lengths) * len(lengths) <= self._batch_frames

    def _recognized(self, parts: Sequence[_Part]) -> Iterator[Heard]:
        batch = batch_of([part.of.file for part in parts], [part.frames_TF for part in parts])
        if parts[0].is_whole:
            _, hypotheses = self._system.predict(batch)
            for part, hypothesis in zip(parts, hypotheses, strict=True):
                spans = zip(hypothesis.tokens, hypothesis.spans, hypothesis.confidences, strict=True)
                yield self._heard(part, [self._mark(token, *span, sure) for token, span, sure in spans])
            return
        emissions = self._system.emissions(batch)
        for part, log_probs_TV, length in zip(parts, emissions.log_probs_BTV, emissions.lengths_B, strict=True):
            yield self._heard(part, self._streamed(part, log_probs_TV[: int(length)].float().cpu()))

    def _streamed(self, part: _Part, log_probs_TV: Tensor) -> list[Mark]:
        """The symbols that a window settles."""
        one = part.of.stream
        assert one is not None, "a window that is not whole belongs to a stream"
        start = part.start // self._plan.grain
        found = one.feed(part.of.stitch.add(start, log_probs_TV, is_last=part.is_last))
        if part.is_last:
            found = [*found, *one.finish()]
        return [self._mark(mark.token, mark.start, mark.end, mark.confidence) for mark in found]

    def _mark(self, token: int, start: int, end: int, confidence: float) -> Mark:
        return Mark(self._alphabet.decode([token]), start * self._seconds, end * self._seconds, confidence)

    def _heard(self, part: _Part, marks: list[Mark]) -> Heard:
        one = part.of
        one.marks += marks
        seconds, between = part.end / self._feature.sample_rate, self._alphabet.separator
        if not part.is_last:
            return Heard(one.file, marks, between, seconds)
        return Heard(one.file, marks, between, seconds, Transcript(one.file, seconds, tuple(one.marks), between))


def samples_per_output(feature: Hears, model: Any) -> int:
    """How many samples one output frame stands for."""
    return round(feature.sample_rate * length_per_output(feature, model))
