"""Recordings inside the page: short ones as they are, long ones cut, each with a picture to look at first.

MP3, because every browser plays it, and of what soundfile writes it was small and quick for noisy speech-band sound.
Nothing is fetched from a network, and a medium that is no sound is no error: the page says why there is none.
"""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from project.evaluation.page.embedded import Embedded
from project.evaluation.page.spectrogram import Spectrogram, Wave, spectrogram

MAX_SECONDS = 30  # of one recording
MAX_BYTES = 8_000_000  # of all recordings of a page, as they stand in it
RATE_HZ = 16_000  # of what has a higher one, or one that MP3 does not know
RATES_HZ = (8_000, 11_025, 12_000, RATE_HZ)
PEAK = 0.8  # louder ones clip in some decoders


@dataclass(frozen=True, slots=True)
class Clip:
    """A recording as the page holds it."""

    sound: str  # data: URI
    picture: str  # data: URI
    seconds: float  # of what is embedded
    whole_seconds: float  # of the recording
    low_hz: float  # the band that the picture shows
    high_hz: float

    @property
    def size(self) -> int:
        """Bytes of the page."""
        return len(self.sound) + len(self.picture)


def sounds(max_bytes: int = MAX_BYTES) -> Embedded[Clip]:
    """Room for all recordings of a page."""
    return Embedded(make_clip, max_bytes, "sound")


def make_clip(media: str) -> Clip | str:
    """The first half minute of a recording, mono; or one line that says why there is none."""
    try:
        with soundfile.SoundFile(media) as file:
            rate, whole = file.samplerate, file.frames / file.samplerate
            wave_NC = file.read(MAX_SECONDS * rate, dtype="float32", always_2d=True)
    except soundfile.SoundFileError:
        return f"{Path(media).suffix or 'its file'} is no sound that could be played"
    wave_N: Wave = np.nan_to_num(wave_NC.mean(axis=1))
    if not len(wave_N):
        return "its file holds no samples"
    if rate not in RATES_HZ:
        from project.feature.waveform import resample  # scipy.signal takes longer to import than a page to write

        rate, wave_N = RATE_HZ, resample(wave_N, rate, RATE_HZ)
    seen: Spectrogram = spectrogram(wave_N, rate)
    sound, picture = _uri("audio/mpeg", _mp3(wave_N, rate)), _uri("image/png", seen.png())
    return Clip(sound, picture, len(wave_N) / rate, whole, seen.low_hz, seen.high_hz)


def _mp3(wave_N: Wave, rate: int) -> bytes:
    peak = float(np.abs(wave_N).max())
    stream = io.BytesIO()
    soundfile.write(stream, wave_N * (PEAK / peak) if peak else wave_N, rate, format="MP3")
    return stream.getvalue()


def _uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
