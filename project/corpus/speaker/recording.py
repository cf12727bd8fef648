"""What a microphone hears of a speaker: silence around, a room, a level, a tone of its own, and noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.fft import next_fast_len
from scipy.signal import fftconvolve

from project.contract import InputError
from project.corpus.ranges import between, between_log, check_range
from project.feature.waveform import Wave

Sound: TypeAlias = NDArray[np.float64]  # while it is worked on

_EDGE_SECONDS = 0.005  # over so much the sound swells and fades: no clicks


@dataclass(frozen=True, slots=True)
class Recording:
    """How utterances are recorded, drawn once an utterance."""

    sample_rate: int = 16000
    snr_db: Sequence[float] = (10, 40)  # speech over noise
    noise_slope: Sequence[float] = (0, 2)  # of the noise: 0 white, 1 pink, 2 brown
    level: Sequence[float] = (0.02, 0.15)  # root mean square of the whole
    silence_seconds: Sequence[float] = (0.05, 0.4)  # before the speech, and again after it
    rooms: float = 0.5  # part of utterances with an echo
    echo_seconds: Sequence[float] = (0.1, 0.5)  # until it has faded by 60 dB
    seconds: Sequence[float] = (1.0, 6.0)  # utterances that are shorter or longer are drawn again

    def __post_init__(self) -> None:
        if self.sample_rate < 4000:
            raise InputError(f"corpus: recording.sample_rate is {self.sample_rate}: give at least 4000")
        if not 0 <= self.rooms <= 1:
            raise InputError(f"corpus: recording.rooms is {self.rooms}: give a part from 0 to 1")
        check_range("recording.snr_db", self.snr_db, -20, 100)
        check_range("recording.noise_slope", self.noise_slope, 0, 4)
        check_range("recording.level", self.level, 1e-4, 0.2)
        check_range("recording.silence_seconds", self.silence_seconds, 0, 10)
        check_range("recording.echo_seconds", self.echo_seconds, 0.01, 3)
        check_range("recording.seconds", self.seconds, 0.1)


def record(speech: Wave, recording: Recording, rng: np.random.Generator) -> tuple[Wave, int, float]:
    """The recording of some speech at its sample rate; the sample at which the speech begins; and the SNR in dB."""
    rate = recording.sample_rate
    before, after = (round(between(recording.silence_seconds, rng) * rate) for _ in range(2))
    clean = np.concatenate([np.zeros(before), _faded(speech, rate), np.zeros(after)])
    if rng.random() < recording.rooms:
        clean = _echoed(clean, between_log(recording.echo_seconds, rng), rate, rng)
    snr_db = between(recording.snr_db, rng)
    noise = coloured(len(clean), between(recording.noise_slope, rng), rng)
    loudness = np.sqrt(np.mean(clean[before : before + len(speech)] ** 2))
    heard = clean + noise * loudness * 10 ** (-snr_db / 20)
    heard *= between_log(recording.level, rng) / np.sqrt(np.mean(heard**2))
    peak = float(np.abs(heard).max())
    return (heard / max(1.0, peak / 0.99)).astype(np.float32), before, snr_db


def coloured(count: int, slope: float, rng: np.random.Generator) -> Sound:
    """Noise of power 1 that falls as the frequency to the power of `slope` rises, from 1/320 of the sample rate on."""
    size = next_fast_len(count, real=True)
    spectrum = np.fft.rfft(rng.standard_normal(size))
    frequencies = np.maximum(np.fft.rfftfreq(size), 1 / 320)
    noise = np.fft.irfft(spectrum * frequencies ** (-slope / 2), size)[:count]
    return np.asarray(noise / np.sqrt(np.mean(noise**2)))


def _faded(speech: Wave, rate: int) -> Sound:
    count = min(len(speech) // 2, round(_EDGE_SECONDS * rate))
    envelope = np.ones(len(speech))
    envelope[:count] = np.linspace(0, 1, count)
    envelope[len(speech) - count :] = np.linspace(1, 0, count)
    return speech * envelope


def _echoed(clean: Sound, seconds: float, rate: int, rng: np.random.Generator) -> Sound:
    """Direct sound and a tail of noise that fades, 3 to 15 dB below it; as long as before."""
    count = max(2, round(seconds * rate))
    tail = rng.standard_normal(count) * 10 ** (-3 * np.arange(count) / count)
    tail *= 10 ** (-between((3, 15), rng) / 20) / np.sqrt(np.sum(tail**2))
    tail[0] += 1
    return np.asarray(fftconvolve(clean, tail)[: len(clean)])
