"""Reading, resampling and levelling sound."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import TextIO

import fsspec
import numpy as np
import pytest
import soundfile

from project.contract import InputError
from project.feature import waveform

RNG = np.random.default_rng(0)


def tone(hz: float, rate: int, seconds: float) -> waveform.Wave:
    return np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate).astype(np.float32)


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg"])
def test_a_recording_is_read_as_it_was_written(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"a.{suffix}"
    soundfile.write(file, 0.5 * tone(600, 8000, 0.5), 8000)
    wave = waveform.read(str(file), 8000)
    assert wave.dtype == np.float32
    assert wave.shape == (4000,)
    np.testing.assert_allclose(wave, 0.5 * tone(600, 8000, 0.5), atol=0.02 if suffix == "ogg" else 1e-4)


def test_channels_are_averaged(tmp_path: Path) -> None:
    file = tmp_path / "a.wav"
    soundfile.write(file, np.stack([np.full(100, 0.5), np.full(100, -0.25)], axis=1), 8000)
    np.testing.assert_allclose(waveform.read(str(file), 8000), 0.125, atol=1e-4)


def test_urls_are_read_through_fsspec() -> None:
    url = "memory://waveform/a.wav"
    with fsspec.open(url, "wb") as file:
        soundfile.write(file, tone(600, 8000, 0.1), 8000, format="WAV")
    assert waveform.read(url, 8000).shape == (800,)
    with pytest.raises(InputError, match="no such file"):
        waveform.read("memory://waveform/absent.wav", 8000)


@pytest.mark.parametrize("rate", [11025, 16000, 22050, 44100, 48000])
@pytest.mark.parametrize("count", [1, 997, 12345])
def test_the_length_after_resampling_is_known_before(rate: int, count: int) -> None:
    wave = RNG.standard_normal(count).astype(np.float32)
    assert len(waveform.resample(wave, rate, 8000)) == waveform.num_samples(count, rate, 8000)


def test_resampling_keeps_a_tone_and_drops_what_does_not_fit() -> None:
    middle = slice(500, -500)
    kept = waveform.resample(tone(600, 44100, 0.5), 44100, 8000)
    np.testing.assert_allclose(kept[middle], tone(600, 8000, 0.5)[middle], atol=0.01)
    assert np.abs(waveform.resample(tone(6000, 44100, 0.5), 44100, 8000)[middle]).max() < 0.01


def test_levelling() -> None:
    wave = tone(600, 8000, 0.5)
    levelled = waveform.normalize_rms(3 * wave, target=0.2)
    assert np.sqrt(np.mean(levelled**2)) == pytest.approx(0.2, rel=1e-5)
    np.testing.assert_allclose(levelled, waveform.normalize_rms(wave, target=0.2), rtol=1e-5)
    assert not waveform.normalize_rms(np.zeros(10, np.float32)).any()
    assert waveform.normalize_rms(np.zeros(0, np.float32)).shape == (0,)


def test_what_cannot_be_used_is_named_with_a_remedy(tmp_path: Path) -> None:
    corrupt, empty, nan = tmp_path / "corrupt.wav", tmp_path / "empty.wav", tmp_path / "nan.wav"
    corrupt.write_bytes(b"RIFF no wave at all")
    soundfile.write(empty, np.zeros(0), 8000)
    soundfile.write(nan, np.array([0.0, np.nan]), 8000, subtype="FLOAT")
    cases = {tmp_path / "absent.wav": "no such file", corrupt: "no readable audio", empty: "no samples", nan: "finite"}
    for file, words in {**cases, tmp_path: "no readable audio"}.items():
        with pytest.raises(InputError, match=words) as caught:
            waveform.read(str(file), 8000)
        assert str(file) in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("source", "target"), [(8000, 8000), (44100, 4000), (11025, 8000), (8000, 16000), (7999, 8000)]
)
@pytest.mark.parametrize("count", [1, 50, 30011])
def test_pieces_are_resampled_as_the_whole(source: int, target: int, count: int) -> None:
    """Bit for bit: the filter adds the same numbers in the same order."""
    wave = RNG.standard_normal(count).astype(np.float32)
    pieces = np.split(wave, np.sort(RNG.integers(0, count + 1, 7)))
    made = np.concatenate(list(waveform.resample_blocks(pieces, source, target)))
    np.testing.assert_array_equal(made, waveform.resample(wave, source, target))


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg", "a.mp3", "a.opus"])
def test_blocks_are_the_whole(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    options = {"format": "OGG", "subtype": "OPUS"} if name == "a.opus" else {}
    soundfile.write(file, RNG.uniform(-0.5, 0.5, (20_000, 2)), 16000, **options)
    blocks = list(waveform.blocks(str(file), 4000, seconds=0.3))
    assert 3 <= len(blocks) <= 6
    tolerance = 1e-6 if name == "a.mp3" else 0  # its decoder rounds otherwise where a block begins
    np.testing.assert_allclose(np.concatenate(blocks), waveform.read(str(file), 4000), rtol=0, atol=tolerance)


def test_blocks_of_urls_and_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url, file = "memory://waveform/b.wav", tmp_path / "b.wav"
    soundfile.write(file, tone(600, 8000, 0.1), 8000)
    with fsspec.open(url, "wb") as out:
        out.write(file.read_bytes())
    with file.open() as stream:
        monkeypatch.setattr("sys.stdin", stream)
        for media in (url, "-"):
            whole = np.concatenate(list(waveform.blocks(media, 8000, 0.03)))
            np.testing.assert_array_equal(whole, waveform.read(str(file), 8000))


def test_blocks_of_what_cannot_be_used(tmp_path: Path) -> None:
    torn, empty, nan = tmp_path / "torn.flac", tmp_path / "empty.wav", tmp_path / "nan.wav"
    soundfile.write(torn, RNG.uniform(-0.5, 0.5, 50_000), 8000)
    torn.write_bytes(torn.read_bytes()[:40_000])
    soundfile.write(empty, np.zeros(0), 8000)
    soundfile.write(nan, np.array([0.0] * 900 + [np.inf]), 8000, subtype="FLOAT")
    cases = {tmp_path / "absent.wav": "no such file", torn: "torn", empty: "no samples", nan: "finite"}
    for file, words in cases.items():
        with pytest.raises(InputError, match=words) as caught:
            list(waveform.blocks(str(file), 4000, 0.1))
        assert str(file) in str(caught.value)


@contextmanager
def piped(content: bytes) -> Iterator[TextIO]:
    """Standard input that comes through a pipe, from a writer that is in no hurry."""
    theirs, mine = os.pipe()

    def write() -> None:
        with suppress(BrokenPipeError), os.fdopen(mine, "wb") as out:
            for start in range(0, len(content), 999):
                out.write(content[start : start + 999])
                out.flush()

    thread = Thread(target=write)
    thread.start()
    with os.fdopen(theirs) as stream:
        yield stream
    thread.join()


@pytest.mark.parametrize("size", ["own", 0, 0x7FFFF000, 0xFFFFFFFF])
@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "FLOAT", "ULAW"])
def test_a_pipe_gives_what_a_file_gives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, subtype: str, size: int | str
) -> None:
    """Whether its head knows how much comes or not; what stands behind the samples is no sound, where it does."""
    file = tmp_path / "a.wav"
    soundfile.write(file, RNG.uniform(-0.5, 0.5, (9000, 2)), 16000, subtype=subtype)
    expected, content = waveform.read(str(file), 4000), file.read_bytes()
    at = content.index(b"data") + 4
    if isinstance(size, int):
        content = content[:at] + struct.pack("<I", size) + content[at + 4 :]
    else:
        content += b"LIST\4\0\0\0note"
    with piped(content) as stream:
        monkeypatch.setattr("sys.stdin", stream)
        assert waveform.is_incoming("-")
        pieces = list(waveform.blocks("-", 4000))
    assert len(pieces) >= 3, "a quarter of a second at a time"
    np.testing.assert_array_equal(np.concatenate(pieces), expected)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "does not begin as a WAV stream does"),
        (bytes(5000), "samples without a head are not taken: pipe a WAV stream, as arecord -t wav"),
        (b"fLaC" + bytes(5000), "does not begin as a WAV stream does"),
        (b"RIFF\0\0\0\0WAVEdata\0\0\0\0", "before it says what they are"),
    ],
)
def test_what_is_no_wav_stream_is_refused(content: bytes, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with piped(content) as stream:
        monkeypatch.setattr("sys.stdin", stream)
        with pytest.raises(InputError, match=words) as caught:
            list(waveform.blocks("-", 4000))
    assert str(caught.value).startswith("-: no readable audio: ")


def test_a_pipe_without_samples_and_a_terminal_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    empty = tmp_path / "empty.wav"
    soundfile.write(empty, np.zeros(0), 8000)
    with piped(empty.read_bytes()) as stream:
        monkeypatch.setattr("sys.stdin", stream)
        with pytest.raises(InputError, match="-: it holds no samples"):
            list(waveform.blocks("-", 4000))
    ours, theirs = os.openpty()
    with os.fdopen(theirs) as stream:
        monkeypatch.setattr("sys.stdin", stream)
        with pytest.raises(InputError, match="-: no readable audio: standard input is a terminal"):
            list(waveform.blocks("-", 4000))
    os.close(ours)
