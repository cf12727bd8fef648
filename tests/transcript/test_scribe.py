"""Listening that writes: whole recordings as evaluation has them, longer ones window by window."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from project.contract import Batch, Hypothesis, InputError
from project.feature import waveform
from project.feature.waveform import Wave
from project.text.vocabulary import trained
from project.transcript.pauses import Pauses
from project.transcript.scribe import Scribe

RATE = 1000
ENGLISH = trained(["zero One two, three four five six seven eight Nine"], 60)
NAMES = ["zero", "One", "two,", "three", "four", "five", "six", "seven", "eight", "Nine"]


class Loud:
    """A feature that is the sound itself, and refuses what is too loud."""

    num_features = 1
    settings: Mapping[str, Any] = {}
    sample_rate = RATE

    def read(self, media: str) -> Wave:
        return waveform.read(media, RATE)

    def __call__(self, signal: Wave) -> torch.Tensor:
        if signal.max(initial=0) > 1.5:
            raise InputError("too loud: turn it down")
        return torch.from_numpy(signal.copy())[:, None]

    def num_frames(self, length: float) -> int:
        return round(length * RATE)


class Digits:
    """Writes how many samples it got and their mean level, digit by digit; notes what it was asked at once."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []

    def predict(self, batch: Batch) -> tuple[Any, list[Hypothesis]]:
        lengths = batch.lengths_B.tolist()
        self.asked.append(lengths)
        waves = [row[:length, 0] for row, length in zip(batch.signals_BTF, lengths, strict=True)]
        return None, [self.written(wave.numpy()) for wave in waves]

    def written(self, wave: Wave) -> Hypothesis:
        numbers = f"{len(wave)}{round(1e6 * float(np.abs(wave).mean()))}"
        text = " ".join(NAMES[int(one)] for one in numbers) if np.abs(wave).max() else ""
        tokens = tuple(ENGLISH.encode(text))
        return Hypothesis(tokens, text, -1.0, (), tuple(0.5 for _ in tokens))


def scribe(window: float = 6.0, **options: Any) -> tuple[Scribe, Digits]:
    system = Digits()
    return Scribe(system, Loud(), ENGLISH, Pauses.of(window, RATE), **options), system


def recording(folder: Path, seconds: float, seed: int = 0) -> str:
    wave = 0.2 * np.random.default_rng(seed).normal(size=round(seconds * RATE)).clip(-4, 4)
    file = folder / f"{seconds}-{seed}.flac"
    soundfile.write(file, wave, RATE)
    return str(file)


def test_short_ones_share_batches_and_keep_their_order(tmp_path: Path) -> None:
    lengths = [1.0, 2.0, 14.0, 1.5, 1.5, 0.5, 2.5, 1.0]
    files = [recording(tmp_path, seconds, seed) for seed, seconds in enumerate(lengths)]
    one, system = scribe(batch_seconds=6.0)
    found = {heard.file: heard.transcript for heard in one.listen(files) if heard.transcript}
    assert list(found) == files
    assert max(map(len, system.asked)) > 2
    assert all(len(asked) * max(asked) <= 6000 for asked in system.asked)
    for file, seconds in zip(files, lengths, strict=True):
        assert found[file].length == seconds
        if seconds < 6:
            assert found[file].text == system.written(waveform.read(file, RATE)).text


def test_where_padding_is_heard_nothing_is_padded(tmp_path: Path) -> None:
    lengths = [1.0, 1.0, 1.0, 2.0, 1.0, 2.0, 2.0]
    files = [recording(tmp_path, seconds, seed) for seed, seconds in enumerate(lengths)]
    one, system = scribe(equal_lengths=True)
    assert len([heard for heard in one.listen(files) if heard.transcript]) == len(files)
    assert system.asked == [[1000] * 3, [2000], [1000], [2000] * 2]


def test_a_long_recording_is_told_window_by_window(tmp_path: Path) -> None:
    wave = 0.2 * np.random.default_rng(0).normal(size=20_000).clip(-4, 4)
    for start in (5000, 10_500):
        wave[start : start + 200] = 0.0
    soundfile.write(tmp_path / "long.flac", wave, RATE)
    one, system = scribe(batch_seconds=0.0)
    heard = list(one.listen([str(tmp_path / "long.flac")]))
    sound = waveform.read(str(tmp_path / "long.flac"), RATE)
    places = [round(RATE * told.length) for told in heard]
    assert places[:2] == [5100, 10_600]
    assert places[-1] == 20_000
    expected = [system.written(sound[a:b]).text for a, b in zip([0, *places], places, strict=False)]
    assert [told.marks[0].text for told in heard] == expected
    assert [told.transcript is None for told in heard] == [True] * (len(heard) - 1) + [False]
    whole: Any = heard[-1].transcript
    assert whole.text == " ".join(expected)
    assert [(mark.start, mark.end) for mark in whole.segments] == [
        (a / RATE, b / RATE) for a, b in zip([0, *places], places, strict=False)
    ]


def test_text_is_told_as_soon_as_a_window_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = 0

    def coming(media: str, sample_rate: int, seconds: float) -> Iterator[Wave]:
        nonlocal drawn
        for part in range(200):
            drawn += 100
            yield np.random.default_rng(part).uniform(-0.3, 0.3, 100).astype(np.float32)

    monkeypatch.setattr(waveform, "blocks", coming)
    one, _ = scribe(window=3.0, batch_seconds=0.0)
    before = 0
    for heard in one.listen(["a.wav"]):
        if heard.transcript is None and drawn < 20_000:
            assert 3500 <= drawn - before < 3600, "a window, and what is left behind a cut at least"
            before = round(RATE * heard.length)
    assert before > 10_000


def test_a_window_of_which_nothing_is_written_is_left_out(tmp_path: Path) -> None:
    wave = np.concatenate([np.zeros(5000), np.full(7000, 0.1), np.zeros(20_000)])
    soundfile.write(tmp_path / "pauses.flac", wave, RATE)
    one, system = scribe()
    whole: Any = list(one.listen([str(tmp_path / "pauses.flac")]))[-1].transcript
    assert 0 < len(whole.segments) < sum(map(len, system.asked))
    assert whole.text == " ".join(mark.text for mark in whole.segments)
    assert whole.length == 32.0


def test_a_bad_recording_is_told_in_its_place(tmp_path: Path) -> None:
    good, torn, loud = recording(tmp_path, 3.0), tmp_path / "torn.flac", tmp_path / "loud.wav"
    torn.write_bytes(Path(recording(tmp_path, 60.0)).read_bytes()[:50_000])
    soundfile.write(loud, np.full(100, 2.0), RATE, subtype="FLOAT")
    one, _ = scribe()
    ends = [told for told in one.listen([good, str(torn), str(loud), good]) if told.transcript or told.problem]
    assert [told.file for told in ends] == [good, str(torn), str(loud), good]
    assert [told.problem is None for told in ends] == [True, False, False, True]
    assert ends[1].problem.startswith(f"{torn}: ")
    assert ends[2].problem == f"{loud}: too loud: turn it down"


def test_memory_does_not_grow(tmp_path: Path) -> None:
    peaks = []
    for minutes in (1, 8):
        wave = np.tile(np.random.default_rng(0).uniform(-0.5, 0.5, RATE * 60).astype(np.float32), minutes)
        soundfile.write(tmp_path / f"{minutes}.flac", wave, RATE)
        one, system = scribe(window=10.0, batch_seconds=20.0)
        tracemalloc.start()
        told = sum(len(heard.marks) for heard in one.listen([str(tmp_path / f"{minutes}.flac")]))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert told >= 6 * minutes
        assert max(len(asked) * max(asked) for asked in system.asked) <= 20_000
    assert peaks[1] < 1.2 * peaks[0] + 300_000
