"""Reading files that hold no sound: each is recognized in one piece, as in evaluation.

It does not know where files come from nor what becomes of the transcripts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from project.contract import Hypothesis
from project.part import Feature
from project.text.alphabet import Alphabet
from project.transcript.heard import Heard, Predicts, batch_of, length_per_frame, length_per_output, together, usable
from project.transcript.spans import SpanTranscript
from project.transcript.transcript import Mark, Transcribed, Transcript


@dataclass(frozen=True, slots=True)
class _Clip:
    """A file as frames."""

    file: str
    frames_TF: Tensor


class Reader:
    """A recognizer that takes files of landmarks or bars.

    `batch_length` bounds how much it recognizes at once, in seconds or bars, padding included; one file can always be.
    `equal_lengths`: only files of one length are, as evaluation does with models that padding changes.
    """

    def __init__(
        self,
        system: Predicts,
        feature: Feature,
        model: Any,
        alphabet: Alphabet,
        batch_length: float = 120.0,
        equal_lengths: bool = False,
    ) -> None:
        self._system = system
        self._feature = feature
        self._alphabet = alphabet
        self._per_frame = length_per_frame(feature)
        self._per_output = length_per_output(feature, model)
        self._batch_frames = feature.num_frames(batch_length)
        self._equal_lengths = equal_lengths

    def listen(self, files: Iterable[str]) -> Iterator[Heard]:
        """What is recognized in each file, one after the other."""
        clips = (clip for file in files for clip in usable(file, self._clips(file)))
        return together(clips, self._joins, self._recognized)

    def _clips(self, file: str) -> Iterator[_Clip]:
        yield _Clip(file, self._feature(self._feature.read(file)))

    def _joins(self, clip: _Clip, batch: Sequence[_Clip]) -> bool:
        """Whether a file can be recognized together with these."""
        lengths = [len(one.frames_TF) for one in (*batch, clip)]
        alike = not self._equal_lengths or lengths[0] == lengths[-1]
        return alike and max(lengths) * len(lengths) <= self._batch_frames

    def _recognized(self, clips: Sequence[_Clip]) -> Iterator[Heard]:
        _, hypotheses = self._system.predict(batch_of([one.file for one in clips], [one.frames_TF for one in clips]))
        for clip, hypothesis in zip(clips, hypotheses, strict=True):
            transcript = self._transcript(clip, hypothesis)
            yield Heard(clip.file, length=transcript.length, transcript=transcript)

    def _transcript(self, clip: _Clip, hypothesis: Hypothesis) -> Transcribed:
        frames, names = len(clip.frames_TF), [self._alphabet.decode([token]) for token in hypothesis.tokens]
        places = list(zip(names, hypothesis.spans, hypothesis.confidences, strict=True))
        if hypothesis.track is not None:  # of spans, which are told in frames
            spans = tuple(Mark(name, start, end, sure) for name, (start, end), sure in places)
            return SpanTranscript(clip.file, frames, spans, hypothesis.text)
        length, each = frames * self._per_frame, self._per_output
        marks = tuple(Mark(name, start * each, min(end * each, length), sure) for name, (start, end), sure in places)
        return Transcript(clip.file, length, marks, self._alphabet.separator)
