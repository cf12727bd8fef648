"""Reading files that hold no sound: each in one piece, with its places in seconds or bars."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from project.contract import Batch, Hypothesis, InputError, Track
from project.text.alphabet import Alphabet
from project.transcript.reader import Reader
from project.transcript.spans import SpanTranscript
from project.transcript.transcript import Transcript

GLOSSES = Alphabet(("HOUSE", "TREE"), " ")


class Rows:
    """A feature of `.npy` files: their rows, so many a second."""

    num_features = 2
    settings: Mapping[str, Any] = {}

    def __init__(self, rate: float) -> None:
        self._rate = rate

    def read(self, media: str) -> Any:
        if not Path(media).is_file():
            raise InputError("there is no such file: correct the path")
        return np.load(media)

    def __call__(self, signal: Any) -> Tensor:
        return torch.from_numpy(signal.astype(np.float32))

    def num_frames(self, length: float) -> int:
        return round(length * self._rate)


class System:
    """Says one symbol of the first half and one of the rest, as its first number says; notes what it was asked."""

    def __init__(self, per_output: int, track: bool) -> None:
        self._per_output, self._track = per_output, track
        self.asked: list[list[int]] = []

    def num_output_frames(self, frames: Tensor) -> Tensor:
        return -(-frames // self._per_output)

    def predict(self, batch: Batch) -> tuple[Any, list[Hypothesis]]:
        self.asked.append(batch.lengths_B.tolist())
        return None, [
            self.said(row, -(-length // self._per_output))
            for row, length in zip(batch.signals_BTF, self.asked[-1], strict=True)
        ]

    def said(self, row: Tensor, frames: int) -> Hypothesis:
        first = int(row[0, 0])
        tokens, spans = (first, 3 - first), ((0, frames // 2), (frames // 2, frames))
        text = GLOSSES.decode(tokens) if not self._track else "HOUSE 0-1"
        track = Track((0.5,) * frames, 0.5) if self._track else None
        return Hypothesis(tokens, text, -1.0, spans, (0.75, 0.5), track=track)


def files(folder: Path, lengths: list[int]) -> list[str]:
    made = []
    for number, length in enumerate(lengths):
        made.append(str(folder / f"{number}.npy"))
        np.save(made[-1], np.full((length, 2), 1 + number % 2))
    return made


def reader(rate: float, per_output: int, track: bool = False, **options: Any) -> tuple[Reader, System]:
    system = System(per_output, track)
    model: Any = SimpleNamespace(num_output_frames=system.num_output_frames)
    return Reader(system, Rows(rate), model, GLOSSES, **options), system


def test_places_are_seconds_and_none_lies_behind_the_end(tmp_path: Path) -> None:
    one, system = reader(25.0, per_output=4)
    found = [heard.transcript for heard in one.listen(files(tmp_path, [50, 30]))]
    assert system.asked == [[50, 30]]
    first, second = found
    assert isinstance(first, Transcript)
    assert isinstance(second, Transcript)
    assert (first.text, second.text) == ("HOUSE TREE", "TREE HOUSE")
    assert (first.length, second.length) == (2.0, 1.2)
    places = [(mark.start, mark.end, mark.confidence) for mark in first.marks]
    assert places == [(0.0, pytest.approx(0.96), 0.75), (pytest.approx(0.96), 2.0, 0.5)]
    assert [word.text for word in second.words()] == ["TREE", "HOUSE"]


def test_of_bars_places_are_bars(tmp_path: Path) -> None:
    one, _ = reader(1.0, per_output=1, track=True)
    (heard,) = one.listen(files(tmp_path, [10]))
    whole = heard.transcript
    assert isinstance(whole, SpanTranscript)
    assert (whole.length, whole.unit, whole.text) == (10, "bars", "HOUSE 0-1")
    assert [(mark.text, mark.start, mark.end) for mark in whole.marks] == [("HOUSE", 0, 5), ("TREE", 5, 10)]
    assert whole.captions() == list(whole.marks)


def test_batches_are_bounded_and_hold_equal_lengths_where_padding_is_heard(tmp_path: Path) -> None:
    made = files(tmp_path, [50, 50, 30, 50, 100, 20])
    one, system = reader(25.0, 4, batch_length=4.0)
    assert [heard.file for heard in one.listen(made)] == made
    assert system.asked == [[50, 50], [30, 50], [100], [20]]
    one, system = reader(25.0, 4, equal_lengths=True)
    assert [heard.file for heard in one.listen(made)] == made
    assert system.asked == [[50, 50], [30], [50], [100], [20]]
    one, system = reader(25.0, 4, batch_length=0.0)
    assert [heard.file for heard in one.listen(made)] == made
    assert list(map(len, system.asked)) == [1] * 6


def test_a_bad_file_is_told_in_its_place(tmp_path: Path) -> None:
    good, other = files(tmp_path, [10, 20])
    one, _ = reader(25.0, 1)
    heard = list(one.listen([good, "absent.npy", other]))
    assert [told.file for told in heard] == [good, "absent.npy", other]
    assert [told.problem for told in heard] == [None, "absent.npy: there is no such file: correct the path", None]
