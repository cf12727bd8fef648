"""Listening with a recognizer that writes text by itself: from files to what it wrote of them, in bounded memory.

A recording that fits into one window is recognized as in evaluation; a longer one is cut at pauses, and each piece
is a text of its own. It does not know where files come from nor what becomes of the transcripts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from torch import Tensor

from project.contract import Hypothesis
from project.feature import waveform
from project.text.vocabulary import Vocabulary
from project.transcript.heard import Heard, Hears, Predicts, batch_of, together, usable
from project.transcript.pauses import Pauses, cut_at_pauses
from project.transcript.segments import SEPARATOR, SegmentTranscript, segment_of
from project.transcript.transcript import Mark

_BLOCK_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class _Piece:
    """A window of a recording as frames."""

    file: str
    segments: list[Mark] = field(repr=False)  # of the recording so far, the same list for all its windows
    start: int  # sample
    end: int
    frames_TF: Tensor
    is_last: bool


class Scribe:
    """A recognizer that takes files and writes window by window.

    `batch_seconds` bounds how many windows it recognizes at once, padding included; one can always be.
    `equal_lengths`: only windows of one length are, as evaluation does with models that padding changes.
    """

    def __init__(
        self,
        system: Predicts,
        feature: Hears,
        alphabet: Vocabulary,
        pauses: Pauses,
        batch_seconds: float = 120.0,
        equal_lengths: bool = False,
    ) -> None:
        self._system = system
        self._feature = feature
        self._alphabet = alphabet
        self._pauses = pauses
        self._batch_frames = feature.num_frames(batch_seconds)
        self._equal_lengths = equal_lengths

    def listen(self, files: Iterable[str]) -> Iterator[Heard]:
        """What is heard in each file, one after the other."""
        pieces = (piece for file in files for piece in usable(file, self._pieces(file)))
        return together(pieces, self._joins, self._recognized)

    def _pieces(self, file: str) -> Iterator[_Piece]:
        segments: list[Mark] = []
        blocks = waveform.blocks(file, self._feature.sample_rate, _BLOCK_SECONDS)
        for window in cut_at_pauses(blocks, self._pauses):
            frames_TF = self._feature(window.wave)
            yield _Piece(file, segments, window.start, window.start + len(window.wave), frames_TF, window.is_last)

    def _joins(self, piece: _Piece, batch: Sequence[_Piece]) -> bool:
        """Whether a window can be recognized together with these: nothing is padded that must not be."""
        lengths = [len(one.frames_TF) for one in (*batch, piece)]
        alike = not self._equal_lengths or lengths[0] == lengths[-1]
        return alike and max(lengths) * len(lengths) <= self._batch_frames

    def _recognized(self, pieces: Sequence[_Piece]) -> Iterator[Heard]:
        batch = batch_of([piece.file for piece in pieces], [piece.frames_TF for piece in pieces])
        _, hypotheses = self._system.predict(batch)
        for piece, hypothesis in zip(pieces, hypotheses, strict=True):
            yield self._heard(piece, hypothesis)

    def _heard(self, piece: _Piece, hypothesis: Hypothesis) -> Heard:
        start, end = piece.start / self._feature.sample_rate, piece.end / self._feature.sample_rate
        found = segment_of(hypothesis, start, end, self._alphabet.decode)
        new = [found] if found else []
        piece.segments.extend(new)
        whole = SegmentTranscript(piece.file, end, tuple(piece.segments)) if piece.is_last else None
        return Heard(piece.file, new, SEPARATOR, end, whole)
