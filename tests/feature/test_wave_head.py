"""Heads of WAV streams, as libsndfile writes them, and as recorders do that do not know how long they will record."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
import soundfile

from project.feature.wave_head import WaveHead, read_wave_head


def written(subtype: str, channels: int = 2, form: str = "WAV") -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, np.zeros((100, channels)), 11025, format=form, subtype=subtype)
    return buffer.getvalue()


@pytest.mark.parametrize("form", ["WAV", "WAVEX", "RF64"])
@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ALAW", "ULAW"])
def test_heads_that_libsndfile_writes(subtype: str, form: str) -> None:
    content = written(subtype, form=form)
    stream = io.BytesIO(content)
    head = read_wave_head(stream.read)
    frames = None if form == "RF64" else 100  # its length stands elsewhere
    assert head == WaveHead(11025, 2, subtype, frames)
    width = {"PCM_U8": 1, "PCM_16": 2, "PCM_24": 3, "PCM_32": 4, "FLOAT": 4, "DOUBLE": 8}.get(subtype, 1)
    assert len(stream.read()) == 100 * 2 * width, "the stream is at its first sample"


@pytest.mark.parametrize("size", [0, 0x7FFFF000, 0x7FFFFF00, 0x80000000, 0xFFFFFFCC, 0xFFFFFFFF])
def test_a_size_that_nobody_knew_promises_nothing(size: int) -> None:
    content = written("PCM_16", 1)
    at = content.index(b"data") + 4
    assert read_wave_head(io.BytesIO(content).read).frames == 100
    unknown = content[:at] + struct.pack("<I", size) + content[at + 4 :]
    assert read_wave_head(io.BytesIO(unknown).read) == WaveHead(11025, 1, "PCM_16", None)


def test_other_chunks_are_passed_over() -> None:
    content = written("PCM_16", 1)
    noted = content[:12] + b"LIST" + struct.pack("<I", 3) + b"abc\0" + content[12:]
    stream = io.BytesIO(noted)
    assert read_wave_head(stream.read).frames == 100
    assert stream.read() == bytes(200)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "does not begin as a WAV"),
        (bytes(1000), "samples without a head"),
        (b"RIFF\0\0\0\0WAVE", "ends before"),
        (b"RIFF\0\0\0\0WAVEdata\0\0\0\0", "before it says"),
        (b"RIFF\0\0\0\0WAVEfmt \4\0\0\0abcd", "does not say"),
        (b"RIFF\0\0\0\0WAVEjunk\xff\xff\xff\xff", "ends before"),
        (b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0" + struct.pack("<HHIIHH", 85, 1, 8000, 0, 1, 0), "format 85"),
        (b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0" + struct.pack("<HHIIHH", 1, 0, 8000, 0, 0, 16), "16 bits"),
    ],
)
def test_what_is_no_head_is_said(content: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_wave_head(io.BytesIO(content).read)
