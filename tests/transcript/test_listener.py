"""Listening: long recordings give what they would give in one piece; memory does not grow with them."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from project.contract import Batch, Emissions, Hypothesis, InputError
from project.decode.beam import Beam
from project.decode.greedy import Greedy
from project.decode.pace import Pace
from project.feature import waveform
from project.feature.waveform import Wave
from project.model.envelope import EnvelopeEncoder
from project.text.alphabet import Alphabet
from project.transcript.heard import Heard
from project.transcript.listener import Listener, samples_per_output
from project.transcript.windows import Plan

RATE, HOP = 1000, 10
ABC = Alphabet(tuple("ABCDEFG "))


class Loudness:
    """A feature that hears 10 ms and nothing around them."""

    num_features = 1
    settings: Mapping[str, Any] = {}
    sample_rate = RATE

    def read(self, media: str) -> Wave:
        return waveform.read(media, RATE)

    def __call__(self, signal: Wave) -> torch.Tensor:
        if signal.min(initial=0) < -1.5:
            raise InputError("too loud: turn it down")
        padded = np.pad(np.abs(signal), (0, -len(signal) % HOP))
        return torch.from_numpy(padded.reshape(-1, HOP).mean(axis=1)[:, None].astype(np.float32))

    def num_frames(self, length: float) -> int:
        return -(-round(length * RATE) // HOP)


class System:
    """An untrained net that says much, and a note of how much it was asked at once."""

    def __init__(self, decoder: Any) -> None:
        torch.manual_seed(0)
        self.model = EnvelopeEncoder(1, len(ABC), channels=8, blocks=3, kernel=5, stride=2, dropout=0.0).eval()
        torch.nn.init.normal_(self.model.enter.weight, std=5.0)
        torch.nn.init.normal_(self.model.head.weight, std=2.0)
        torch.nn.init.zeros_(self.model.head.bias)
        self.decoder = decoder
        self.asked: list[tuple[int, ...]] = []

    @torch.inference_mode()
    def emissions(self, batch: Batch) -> Emissions:
        self.asked.append(tuple(batch.signals_BTF.shape))
        output: Emissions = self.model(batch)
        return output

    def predict(self, batch: Batch) -> tuple[Emissions, list[Hypothesis]]:
        output = self.emissions(batch)
        return output, self.decoder(output)


def listener(decoder: Any, window: float = 3.0, overlap: float | None = 1.6, **options: Any) -> tuple[Listener, System]:
    system, feature = System(decoder), Loudness()
    grain = samples_per_output(feature, system.model)
    assert grain == 2 * HOP
    context = system.model.context_frames * HOP / RATE
    plan = Plan.of(window, overlap, sample_rate=RATE, grain=grain, context=context)
    return Listener(system, feature, ABC, plan, **options), system


def recording(folder: Path, seconds: float, rate: int = RATE, seed: int = 0) -> str:
    """Bursts of noise."""
    generator = np.random.default_rng(seed)
    envelope = np.repeat(generator.random(round(seconds * 20)), rate // 20)
    file = folder / f"{seconds}-{seed}.flac"
    soundfile.write(file, 0.9 * envelope * generator.uniform(-1, 1, len(envelope)), rate)
    return str(file)


def in_one_piece(system: System, file: str) -> Hypothesis:
    """What evaluation would give."""
    frames_TF = Loudness()(waveform.read(file, RATE))
    batch = Batch(("a",), frames_TF[None], torch.tensor([len(frames_TF)]), {}, ("",))
    return system.predict(batch)[1][0]


def assert_same(heard: Sequence[Heard], expected: Hypothesis, seconds: float) -> None:
    transcript = heard[-1].transcript
    assert transcript is not None
    assert transcript.length == pytest.approx(seconds)
    assert transcript.text == expected.text
    marks = [mark for one in heard for mark in one.marks]
    assert tuple(marks) == transcript.marks
    spans = [(mark.start, mark.end) for mark in marks]
    assert spans == [(pytest.approx(0.02 * start), pytest.approx(0.02 * end)) for start, end in expected.spans]
    assert [mark.confidence for mark in marks] == pytest.approx(expected.confidences, abs=1e-4)


@pytest.mark.parametrize("decoder", [Greedy(ABC), Beam(ABC, 5)], ids=["greedy", "beam"])
@pytest.mark.parametrize("seconds", [0.3, 3.0, 3.05, 4.4, 4.45, 17.35])
def test_windows_give_what_the_whole_gives(decoder: Any, seconds: float, tmp_path: Path) -> None:
    """The overlap holds what the model sees: so every frame is as in one piece, whatever the length."""
    one, system = listener(decoder)
    file = recording(tmp_path, seconds)
    expected = in_one_piece(system, file)
    assert len(expected.tokens) > 3 * seconds
    heard = list(one.listen([file]))
    assert_same(heard, expected, seconds)
    assert (len(heard) > 1) == (seconds > 3.01)


@pytest.mark.parametrize("rate", [8000, 4000, 1500])
def test_other_rates_are_resampled_without_seams(rate: int, tmp_path: Path) -> None:
    one, system = listener(Greedy(ABC))
    file = recording(tmp_path, 10.0, rate)
    assert_same(list(one.listen([file])), in_one_piece(system, file), 10.0)


def test_short_recordings_share_batches_and_keep_their_order(tmp_path: Path) -> None:
    lengths = [1.0, 2.0, 9.0, 1.5, 1.5, 0.5, 2.9, 1.0]
    files = [recording(tmp_path, seconds, seed=seed) for seed, seconds in enumerate(lengths)]
    one, system = listener(Greedy(ABC), batch_seconds=6.0)
    found = {heard.file: heard.transcript for heard in one.listen(files) if heard.transcript}
    assert list(found) == files
    assert all(shape[0] * shape[1] <= 600 for shape in system.asked)
    assert max(shape[0] for shape in system.asked) == 3
    for file in files:
        assert found[file].text == in_one_piece(system, file).text


def test_where_padding_is_heard_nothing_is_padded(tmp_path: Path) -> None:
    files = [recording(tmp_path, seconds, seed=seed) for seed, seconds in enumerate([1.0, 1.0, 2.0, 1.0, 2.0, 2.0])]
    one, system = listener(Greedy(ABC), equal_lengths=True)
    assert len([heard for heard in one.listen(files) if heard.transcript]) == len(files)
    assert [shape[:2] for shape in system.asked] == [(2, 100), (1, 200), (1, 100), (2, 200)]


def test_text_is_told_as_soon_as_a_window_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No later sound is drawn before what is settled is told: it may be long to come."""
    file = recording(tmp_path, 12.0)
    wave, drawn = waveform.read(file, RATE), 0

    def coming(media: str, sample_rate: int, seconds: float) -> Iterator[Wave]:
        nonlocal drawn
        for start in range(0, len(wave), 100):
            drawn += 100
            yield wave[start : start + 100]

    one, system = listener(Greedy(ABC), window=3.0, overlap=2.0, batch_seconds=0.0)
    expected = in_one_piece(system, file)
    monkeypatch.setattr(waveform, "blocks", coming)
    ends = []
    for number, heard in enumerate(one.listen([file])):
        if heard.transcript is None:
            ends.append(heard.marks[-1].end)
            assert drawn == 3000 + 1000 * number + 100, "a window, and the piece that shows that it is not the last"
            assert heard.marks[-1].end > drawn / RATE - 2.5
    assert heard.transcript is not None
    assert heard.transcript.text == expected.text
    assert len(ends) == 9


def test_a_bad_recording_is_told_in_its_place(tmp_path: Path) -> None:
    good, torn, loud = recording(tmp_path, 8.0), tmp_path / "torn.flac", tmp_path / "loud.wav"
    torn.write_bytes(Path(recording(tmp_path, 60.0)).read_bytes()[:50_000])
    soundfile.write(loud, np.full(100, -2.0), RATE, subtype="FLOAT")
    one, _ = listener(Greedy(ABC))
    heard = list(one.listen([good, str(torn), str(loud), good]))
    ends = [end for end in heard if end.transcript or end.problem]
    assert [end.file for end in ends] == [good, str(torn), str(loud), good]
    assert [end.transcript is None for end in ends] == [False, True, True, False]
    assert ends[1].problem.startswith(f"{torn}: ")
    assert ends[2].problem == f"{loud}: too loud: turn it down"
    assert ends[0].transcript == ends[3].transcript


def test_a_decoder_that_cannot_stream_still_takes_short_recordings(tmp_path: Path) -> None:
    one, _ = listener(Beam(ABC, 5, pace=Pace(1.0, dict.fromkeys("ABCDEFG ", 4.0))))
    short, long = one.listen([recording(tmp_path, 2.0), recording(tmp_path, 5.0)])
    assert short.transcript is not None
    assert long.problem is not None
    assert "set decode.pace.weight=0" in long.problem
    one, system = listener(Greedy(ABC))
    system.decoder = Greedy(ABC).__call__  # which is no Greedy
    short, long = one.listen([recording(tmp_path, 2.0), recording(tmp_path, 5.0)])
    assert short.transcript is not None
    assert long.problem is not None
    assert long.problem.endswith("decodes whole recordings alone: set a longer window_seconds")


def test_memory_does_not_grow(tmp_path: Path) -> None:
    """Eight minutes take no more than one, but for its text; nor does the model get more at once."""
    peaks = []
    for minutes in (1, 8):
        wave = np.tile(np.random.default_rng(0).uniform(-0.5, 0.5, RATE * 60).astype(np.float32), minutes)
        soundfile.write(tmp_path / f"{minutes}.flac", wave, RATE)
        one, system = listener(Greedy(ABC), window=20.0, batch_seconds=20.0)
        tracemalloc.start()
        marks = sum(len(heard.marks) for heard in one.listen([str(tmp_path / f"{minutes}.flac")]))
        peaks.append(tracemalloc.get_traced_memory()[1] - 300 * marks)
        tracemalloc.stop()
        assert marks > 10 * minutes
        assert max(shape[0] * shape[1] for shape in system.asked) <= 2002
    assert peaks[1] < 1.2 * peaks[0] + 100_000
