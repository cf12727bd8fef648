"""What the radio makes of a keyed tone: pitch that drifts, fading, other stations, noise of several kinds, filters.

SNR is the power of the tone with the key down, fading averaged, over the power of the noise in 2,500 Hz of bandwidth.
Crashes of static and other stations come on top of that noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft, rfftfreq
from scipy.special import expit

from project.contract import InputError
from project.corpus.ranges import between_log, check_range

Sound = NDArray[np.float32]

NOISE_BAND_HZ = 2500.0  # in which the noise is measured
_PINK_BAND_HZ = (300.0, 2800.0)  # the 2,500 Hz in which pink noise has the power that white noise would have
_KNOT_SECONDS = 0.05  # slow changes are drawn this far apart
NOISELESS_DB = 80.0
EFFECTS = ("drift", "fading", "pink", "crashes", "neighbours", "narrow", "levelled", "clicks", "restarts")
PARTS = ("noiseless", *EFFECTS)
_SPEECH_HZ = (200.0, 2900.0)  # what a receiver's widest filter passes


@dataclass(frozen=True, slots=True)
class Channel:
    """What reaches the ear, drawn anew for each utterance. Parts say how often something happens at all."""

    tone_hz: Sequence[float] = (300, 1100)  # pitch, drawn evenly
    snr_db: Sequence[float] = (-12, 40)  # drawn evenly, if `faint` is 1
    faint: float = 1.0  # 2 puts half of the utterances in the lowest quarter of that range, 3 in the lowest eighth
    noiseless: float = 0.0  # part with next to no noise, 80 dB below the tone, as programs make it
    faintest_dit_db: float | None = 9.0  # a rule-book dit's energy is not less over the noise in 1 Hz; None: no limit
    silence_seconds: Sequence[float] = (0.1, 1.5)  # only noise: before the first mark, and again after the last
    drift: float = 0.3  # part whose tone drifts, by up to 30 Hz, or chirps at each mark
    fading: float = 0.3  # part that fades (QSB), a few times a minute to twice a second, down to nothing
    pink: float = 0.2  # part whose noise is pink
    crashes: float = 0.15  # part with crashes of static (QRN)
    neighbours: float = 0.3  # part with one to four other stations (QRM)
    narrow: float = 0.3  # part heard through a filter of 150 to 1,000 Hz, wider where two answer each other
    levelled: float = 0.2  # part whose level is kept even by the receiver, so that noise swells in the pauses
    clicks: float = 0.1  # part keyed without a swell
    restarts: float = 0.3  # part whose tone begins at the same phase at each mark, as programs make it; others go on

    def __post_init__(self) -> None:
        check_range("channel.tone_hz", self.tone_hz, 1)
        check_range("channel.snr_db", self.snr_db, -200)
        check_range("channel.silence_seconds", self.silence_seconds, 0)
        if self.faint <= 0:
            raise InputError(f"corpus: channel.faint is {self.faint}: give 1, or more for fainter signals")
        for name in PARTS:
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"corpus: channel.{name} is {getattr(self, name)}: give a part from 0 to 1")


def check_made(seed: int, sample_rate: int, channel: Channel) -> None:
    """What is made needs a seed that generators take, and samples enough for its tones."""
    if seed < 0:
        raise InputError(f"corpus: seed is {seed}: give 0 or more")
    if channel.tone_hz[1] >= 0.45 * sample_rate:
        raise InputError(
            f"corpus: sample_rate is {sample_rate}, too low for a tone of {channel.tone_hz[1]:g} Hz: "
            "raise it, or lower channel.tone_hz"
        )


def draw_snr(channel: Channel, unit_seconds: float, ease: float, rng: np.random.Generator) -> float:
    """An SNR from the channel's range, but none at which a rule-book dit drowns; `ease` (0 to 1) lifts the low end."""
    high = channel.snr_db[1]
    if channel.noiseless and rng.random() < channel.noiseless:
        return NOISELESS_DB
    low = faintest_snr(channel, unit_seconds)
    low = min(high, low + ease * max(0.0, min(high, 15.0) - low))
    return float(low + (high - low) * rng.random() ** channel.faint)


def faintest_snr(channel: Channel, unit_seconds: float) -> float:
    """The lowest SNR of the channel at which a rule-book dit does not drown, without `ease` and `noiseless`."""
    low = channel.snr_db[0]
    if channel.faintest_dit_db is None:
        return low
    return float(max(low, channel.faintest_dit_db - 10 * np.log10(unit_seconds * NOISE_BAND_HZ)))


def noise_deviation(snr_db: float, sample_rate: int) -> float:
    """Standard deviation of white noise beside a tone of amplitude 1.

    The tone's power is 1/2; the noise in 2,500 Hz is `snr_db` below that; sampled noise fills half the sample rate.
    """
    noise_in_band = 0.5 * 10 ** (-snr_db / 10)
    return float(np.sqrt(noise_in_band * (sample_rate / 2) / NOISE_BAND_HZ))


def keyed_envelope(edges: NDArray[np.int64], num_samples: int, rise: int) -> Sound:
    """(num_samples,) 0 to 1: up at the even edges, down at the odd ones, each in a raised cosine of `rise` samples."""
    swell = np.hanning(rise + 2)[1:-1]
    swell /= swell.sum()
    steps = np.zeros(num_samples + rise)
    signs = np.where(np.arange(len(edges)) % 2, -1.0, 1.0)
    np.add.at(steps, edges[:, None] + np.arange(rise), signs[:, None] * swell)
    return np.cumsum(steps[:num_samples]).astype(np.float32)


def slow_curve(count: int, sample_rate: int, hertz: float, rng: np.random.Generator) -> Sound:
    """(2, count) real and imaginary part of a Gaussian process of mean power 1, slower than about `hertz`."""
    spacing = min(_KNOT_SECONDS, 0.1 / hertz)
    knots = int(np.ceil(count / sample_rate / spacing)) + 2
    reach = max(1, round(0.4 / (hertz * spacing)))
    kernel = np.hanning(2 * reach + 3)[1:-1]
    kernel *= np.sqrt(0.5 / np.square(kernel).sum())
    white = rng.standard_normal((2, knots + 2 * reach))
    places = np.arange(count) / (sample_rate * spacing)
    curves = [np.interp(places, np.arange(knots), np.convolve(row, kernel, mode="valid")) for row in white]
    return np.asarray(curves, dtype=np.float32)


def tone_turns(
    edges: NDArray[np.int64], num_samples: int, tone_hz: float, sample_rate: int, drifts: bool, rng: np.random.Generator
) -> NDArray[np.float64]:
    """(num_samples,) phase, in turns, of a tone that stays, or drifts, or chirps at each mark."""
    start = rng.random()
    if not drifts:
        return np.asarray(start + tone_hz / sample_rate * np.arange(num_samples))
    wander = rng.uniform(0, 5) * slow_curve(num_samples, sample_rate, 0.1, rng)[0]
    hertz = tone_hz + rng.normal(0, 8) * np.linspace(-0.5, 0.5, num_samples) + wander
    if rng.random() < 0.4:
        hertz += _chirps(edges, num_samples, sample_rate, rng)
    return np.asarray(start + np.cumsum(hertz) / sample_rate)


def restarted(turns: NDArray[np.float64], edges: NDArray[np.int64]) -> NDArray[np.float64]:
    """The same phase, but from 0 anew at each mark: what adds up over several marks no longer does."""
    downs = np.concatenate([[0], edges[::2], [len(turns)]])
    starts: NDArray[np.float64] = np.repeat(turns[downs[:-1]], np.diff(downs))
    return turns - starts


def _chirps(
    edges: NDArray[np.int64], num_samples: int, sample_rate: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Hertz above the tone: most at the start of each mark, dying away."""
    downs = np.concatenate([edges[::2], [num_samples]])
    since = np.arange(num_samples) - np.repeat(np.r_[0, downs[:-1]], np.diff(np.r_[0, downs]))
    return np.asarray(rng.normal(0, 15) * np.exp(-since / (sample_rate * rng.uniform(0.01, 0.06))))


def crashes(num_samples: int, sample_rate: int, level: float, rng: np.random.Generator) -> Sound:
    """Static: bursts of noise that come at random and die away within milliseconds or tenths of a second."""
    sound = np.zeros(num_samples, dtype=np.float32)
    for _ in range(rng.poisson(num_samples / sample_rate * between_log((0.3, 8), rng))):
        decay = sample_rate * between_log((0.001, 0.06), rng)
        length = min(num_samples, int(5 * decay) + 1)
        start = int(rng.integers(num_samples - length + 1))
        burst = rng.standard_normal(length, dtype=np.float32) * np.exp(-np.arange(length, dtype=np.float32) / decay)
        sound[start : start + length] += np.float32(level * between_log((1, 15), rng)) * burst.astype(np.float32)
    return sound


def pink_noise(num_samples: int, sample_rate: int, rng: np.random.Generator) -> Sound:
    """Noise with less power the higher the frequency, and in all as much in 300 to 2,800 Hz as white noise of 1."""
    size = next_fast_len(num_samples, real=True)
    hertz = rfftfreq(size, 1 / sample_rate)
    low, high = _PINK_BAND_HZ
    mean_power = np.log(high / low) / (high - low)  # of 1 / f, whatever of the band this sample rate holds
    shape = 1 / np.sqrt(np.maximum(hertz, 50) * mean_power)
    white = rng.standard_normal(size, dtype=np.float32)
    return np.asarray(irfft(rfft(white) * shape.astype(np.float32), size)[:num_samples], dtype=np.float32)


def narrowed(
    sound: Sound, sample_rate: int, tone_hz: float, rng: np.random.Generator, least_hz: float = 150.0
) -> Sound:
    """Through a receiver's filter somewhere around the tone, `least_hz` wide at least, with soft edges."""
    width = between_log((least_hz, max(least_hz, 1000)), rng)
    middle = tone_hz + rng.uniform(-0.3, 0.3) * width
    low, high = max(_SPEECH_HZ[0] / 2, middle - width / 2), min(_SPEECH_HZ[1], middle + width / 2)
    size = next_fast_len(len(sound), real=True)
    hertz = rfftfreq(size, 1 / sample_rate)
    edge = rng.uniform(10, 40)
    gain = expit((hertz - low) / edge) * expit((high - hertz) / edge)
    gain = np.maximum(gain, 10 ** (-rng.uniform(40, 80) / 20)).astype(np.float32)
    return np.asarray(irfft(rfft(sound, size) * gain, size)[: len(sound)], dtype=np.float32)


def levelled(sound: Sound, sample_rate: int, rng: np.random.Generator) -> Sound:
    """As after a receiver's automatic gain: quick to turn down, slow to turn up again."""
    block = max(1, round(0.005 * sample_rate))
    blocks = -(-len(sound) // block)
    peaks = np.abs(np.pad(sound, (0, blocks * block - len(sound)))).reshape(blocks, block).max(axis=1)
    fall = np.exp(-0.005 / between_log((0.1, 1.5), rng))
    level = np.empty(blocks)
    held = float(peaks.max()) * 0.1
    for place, peak in enumerate(peaks.tolist()):
        held = peak if peak > held else max(held * fall, peak)
        level[place] = held
    smooth = np.interp(np.arange(len(sound)), block * np.arange(blocks), np.maximum(level, 1e-9))
    return np.asarray(sound / smooth ** rng.uniform(0.3, 0.9), dtype=np.float32)
