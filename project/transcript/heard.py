"""What recognizers of files share: windows, recognized several at once where they may be, told in the files' order.

It does not know how recordings are cut, nor what is made of what is recognized.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor

from project.contract import Batch, Hypothesis, InputError
from project.part import Feature
from project.transcript.transcript import Mark, Transcribed

Part = TypeVar("Part")  # a window of a recording, as a listener needs it
_LONG = 3600  # seconds or bars: long enough to tell rates from counts


class Hears(Feature, Protocol):
    """A feature of sound: `read` gives what project.feature.waveform does at its sample rate."""

    sample_rate: int


@dataclass(frozen=True, slots=True)
class Heard:
    """The next symbols of a file; at its end all of them, or why it cannot be used."""

    file: str
    marks: Sequence[Mark] = ()
    separator: str = ""  # between the marks in text
    length: float = 0.0  # how much of it has been heard so far, in seconds or bars
    transcript: Transcribed | None = None
    problem: str | None = None


class Predicts(Protocol):
    """A system that says what is in a batch."""

    def predict(self, batch: Batch) -> tuple[Any, list[Hypothesis]]: ...


class Listens(Protocol):
    """A recognizer that takes files."""

    def listen(self, files: Iterable[str]) -> Iterator[Heard]:
        """What is heard in each file, one after the other."""


def usable(file: str, parts: Iterable[Part]) -> Iterator[Part | Heard]:
    """The windows of a file; one that cannot be used says so where it goes wrong."""
    try:
        yield from parts
    except InputError as error:
        named = str(error) if str(error).startswith(file) else f"{file}: {error}"
        yield Heard(file, problem=named)


def together(
    parts: Iterable[Part | Heard],
    joins: Callable[[Part, Sequence[Part]], bool],
    recognized: Callable[[Sequence[Part]], Iterator[Heard]],
) -> Iterator[Heard]:
    """What is recognized in windows, as many of them at once as may join; what is told already stays in its place.

    Where not even a window like the last one may join, none is waited for: sound may be slow to come.
    """
    batch: list[Part] = []
    for part in parts:
        if batch and (isinstance(part, Heard) or not joins(part, batch)):
            yield from recognized(batch)
            batch = []
        if isinstance(part, Heard):
            yield part
        else:
            batch.append(part)
            if not joins(part, batch):
                yield from recognized(batch)
                batch = []
    if batch:
        yield from recognized(batch)


def batch_of(files: Sequence[str], frames: Sequence[Tensor]) -> Batch:
    """Windows of these files, each (T, F), for a model that is only asked."""
    return Batch(
        ids=tuple(files),
        signals_BTF=torch.nn.utils.rnn.pad_sequence(list(frames), batch_first=True),
        lengths_B=torch.tensor([len(frames_TF) for frames_TF in frames]),
        targets={},
        references=("",) * len(files),
    )


def length_per_frame(feature: Feature) -> float:
    """How long a frame that a model is given is, in seconds or bars."""
    return _LONG / feature.num_frames(_LONG)


def length_per_output(feature: Feature, model: Any) -> float:
    """How long an output frame is, in seconds or bars."""
    return _LONG / int(model.num_output_frames(torch.tensor([feature.num_frames(_LONG)])))
