"""Codecs: a recording coded with loss and decoded again, as it comes out of messengers, streams and archives."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import soundfile

from project.contract import InputError
from project.corpus.ranges import between, check_range
from project.corpus.shifter.step import Sound, Surroundings
from project.feature.waveform import Wave, resample

# Name -> libsndfile's format and subtype, the rates it takes (none: any), and the most it can be told to squeeze.
_MP3_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
_CODECS: Mapping[str, tuple[str, str, Sequence[int], float]] = {
    "opus": ("OGG", "OPUS", (8000, 12000, 16000, 24000, 48000), 1.0),
    "mp3": ("MP3", "MPEG_LAYER_III", _MP3_RATES, 0.99),
    "vorbis": ("OGG", "VORBIS", (), 1.0),
}
_BLOCK = 1 << 16  # samples coded at once
_ROOM = 0.99  # of full scale: a louder sound is coded more softly, and is as loud as before when it is decoded


@dataclass(frozen=True, slots=True)
class Codec:
    """How recordings are compressed, by what libsndfile can write; they keep their length, and nothing in them moves.

    Speech of AN4, at 16 kHz, squeezed by 0.9 takes 23 (mp3), 27 (vorbis) and 29 kbit/s (opus); by 0.99 19, 26 and 8.
    """

    format: str | Sequence[str] | None = None  # opus, mp3, vorbis, or some of them, all as likely; None: none
    squeeze: Sequence[float] = (0.9, 0.99)  # 0 the best quality, 1 the smallest file; drawn evenly

    def __post_init__(self) -> None:
        names = self._names()
        for name in names:
            if name not in _CODECS:
                raise InputError(f"corpus: codec.format has {name!r}: choose from {', '.join(_CODECS)}")
        check_range("codec.squeeze", self.squeeze, 0, min([_CODECS[name][3] for name in names], default=1.0))

    def _names(self) -> list[str]:
        return [self.format] if isinstance(self.format, str) else list(self.format or ())

    def draw(self, rng: np.random.Generator) -> Mapping[str, Any]:
        """A codec and how much it squeezes."""
        if not (names := self._names()):
            return {}
        return {"codec": names[int(rng.integers(len(names)))], "squeeze": round(between(self.squeeze, rng), 2)}

    def apply(self, sound: Sound, around: Surroundings, drawn: Mapping[str, Any], rng: np.random.Generator) -> Sound:
        """The recording coded and decoded."""
        del rng
        form, subtype, rates, _ = _CODECS[drawn["codec"]]
        rate = next((one for one in rates if one >= around.rate), max(rates, default=around.rate))
        coded = round_trip(resample(sound.astype(np.float32), around.rate, rate), rate, form, subtype, drawn["squeeze"])
        return fitted(resample(coded, rate, around.rate), len(sound))


def round_trip(wave: Wave, rate: int, form: str, subtype: str, squeeze: float | None = None) -> Wave:
    """A sound written to a file in memory and read again; it is never clipped."""
    scale = max(1.0, float(np.abs(wave).max()) / _ROOM)
    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", rate, 1, subtype=subtype, format=form, compression_level=squeeze) as coder:
        for start in range(0, len(wave), _BLOCK):
            coder.write(wave[start : start + _BLOCK] / scale)
    file.seek(0)
    decoded, _ = soundfile.read(file, dtype="float32")
    return np.asarray(decoded * np.float32(scale))


def fitted(wave: Wave, count: int) -> Sound:
    """So many samples of a sound, with silence after them if it has fewer."""
    return np.pad(wave[:count].astype(np.float64), (0, max(0, count - len(wave))))
