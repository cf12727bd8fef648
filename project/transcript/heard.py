"""What listeners share: windows of files, recognized several at once where they may be, told in the files' order.

It does not know how recordings are cut, nor what is made of what is recognized.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import torch
from torch import Tensor

from project.contract import Batch, InputError
from project.part import Feature
from project.transcript.transcript import Mark, Transcribed

Part = TypeVar("Part")  # a window of a recording, as a listener needs it


class Hears(Feature, Protocol):
    """A feature of sound: `read` gives what project.feature.waveform does at its sample rate."""

    sample_rate: int


@dataclass(frozen=True, slots=True)
class Heard:
    """The next symbols of a recording; at its end all of them, or why it cannot be used."""

    file: str
    marks: Sequence[Mark] = ()
    separator: str = ""  # between the marks in text
    seconds: float = 0.0  # how much of it has been heard so far
    transcript: Transcribed | None = None
    problem: str | None = None


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
    """What is recognized in windows, as many of them at once as may join; what is told already stays in its place."""
    batch: list[Part] = []
    for part in parts:
        if batch and (isinstance(part, Heard) or not joins(part, batch)):
            yield from recognized(batch)
            batch = []
        if isinstance(part, Heard):
            yield part
        else:
            batch.append(part)
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
