"""A telegraph key and a radio channel in numbers: from text to the sound that a receiver would give.

Lengths are counted in units: a dit is 1, a dah 3, the gap inside a letter 1, between letters 3, between words 7. By the
PARIS rule the word "PARIS " lasts 50 units, so that at a speed of `wpm` words a minute a unit is 1.2 / wpm seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from project.contract import InputError

_TABLE = """
A .-    B -...  C -.-.  D -..   E .     F ..-.  G --.   H ....  I ..    J .---  K -.-   L .-..  M --
N -.    O ---   P .--.  Q --.-  R .-.   S ...   T -     U ..-   V ...-  W .--   X -..-  Y -.--  Z --..
0 ----- 1 .---- 2 ..--- 3 ...-- 4 ....- 5 ..... 6 -.... 7 --... 8 ---.. 9 ----.
"""
CODE = dict(zip(_TABLE.split()[::2], _TABLE.split()[1::2], strict=True))

DIT, DAH, ELEMENT_GAP, LETTER_GAP, WORD_GAP = 1, 3, 1, 3, 7  # units


@dataclass(frozen=True, slots=True)
class Keying:
    """How text is sent: speeds and unsteadiness, drawn anew for each utterance."""

    wpm: Sequence[float] = (12, 36)  # words a minute, drawn evenly from this range
    jitter: float = 0.1  # most standard deviation of a length's logarithm; each utterance draws its own below it
    rise_ms: float = 5  # the tone swells and fades over this long, as a raised cosine

    def __post_init__(self) -> None:
        _check_range("keying.wpm", self.wpm, 1)


@dataclass(frozen=True, slots=True)
class Channel:
    """What reaches the ear: the tone's pitch, the noise, and how long there is only noise around it."""

    tone_hz: Sequence[float] = (400, 1000)  # pitch, drawn evenly
    snr_db: Sequence[float] = (0, 30)  # carrier with the key down over noise in 2,500 Hz, drawn evenly
    silence_seconds: Sequence[float] = (0.1, 0.5)  # before the first element, and again after the last, drawn evenly

    def __post_init__(self) -> None:
        _check_range("channel.tone_hz", self.tone_hz, 1)
        _check_range("channel.snr_db", self.snr_db, -200)
        _check_range("channel.silence_seconds", self.silence_seconds, 0)


def _check_range(name: str, limits: Sequence[float], least: float) -> None:
    if len(limits) != 2 or not least <= limits[0] <= limits[1]:
        raise InputError(f"corpus: {name} is {list(limits)}: give [low, high] with {least:g} <= low <= high")


def _between(limits: Sequence[float], rng: np.random.Generator) -> float:
    return rng.uniform(limits[0], limits[1])


def key(text: str) -> NDArray[np.float64]:
    """Lengths in units, tone first, then tone and gap in turn, ending with the last tone.

    >>> key("ET A").tolist()
    [1.0, 3.0, 3.0, 7.0, 1.0, 1.0, 3.0]
    """
    lengths: list[int] = []
    for word in text.split():
        for letter in word:
            for mark in CODE[letter]:
                lengths += (DIT if mark == "." else DAH, ELEMENT_GAP)
            lengths[-1] = LETTER_GAP
        lengths[-1] = WORD_GAP
    return np.array(lengths[:-1], dtype=np.float64)


def keyed_envelope(edges: NDArray[np.int64], num_samples: int, rise: int) -> NDArray[np.float64]:
    """(num_samples,) 0 to 1: up at the even edges, down at the odd ones, each in a raised cosine of `rise` samples."""
    swell = np.hanning(rise + 2)[1:-1]
    swell /= swell.sum()
    steps = np.zeros(num_samples + rise)
    signs = np.where(np.arange(len(edges)) % 2, -1.0, 1.0)
    np.add.at(steps, edges[:, None] + np.arange(rise), signs[:, None] * swell)
    return np.cumsum(steps[:num_samples])


def noise_deviation(snr_db: float, sample_rate: int) -> float:
    """Standard deviation of white noise beside a tone of amplitude 1.

    The tone's power is 1/2; the noise in 2,500 Hz is `snr_db` below that; sampled noise fills half the sample rate.
    """
    noise_in_2500_hz = 0.5 * 10 ** (-snr_db / 10)
    return float(np.sqrt(noise_in_2500_hz * (sample_rate / 2) / 2500))


@dataclass(frozen=True, slots=True)
class Transmission:
    """One text as it will be sent: everything that decides its sound but the noise itself."""

    edges: NDArray[np.int64]  # samples at which the key goes down, up, down, ... up
    num_samples: int
    wpm: float
    tone_hz: float
    snr_db: float


def plan(text: str, keying: Keying, channel: Channel, sample_rate: int, rng: np.random.Generator) -> Transmission:
    """Speed, pitch, noise level and the moment of each keystroke for a text."""
    wpm, tone_hz, snr_db = (_between(limits, rng) for limits in (keying.wpm, channel.tone_hz, channel.snr_db))
    lengths = key(text)
    lengths *= np.exp(rng.uniform(0, keying.jitter) * rng.standard_normal(len(lengths)))
    lead, tail = _between(channel.silence_seconds, rng), _between(channel.silence_seconds, rng)
    seconds = lead + np.concatenate([[0.0], np.cumsum(lengths * 1.2 / wpm)])
    edges = np.round(seconds * sample_rate).astype(np.int64)
    return Transmission(edges, int(edges[-1] + np.ceil(tail * sample_rate)) + 1, wpm, tone_hz, snr_db)


def render(sending: Transmission, keying: Keying, sample_rate: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """(num_samples,) float32 sound of a transmission, its loudest sample drawn between 0.05 and 0.5."""
    rise = max(1, round(keying.rise_ms / 1000 * sample_rate))
    phase = 2 * np.pi * (rng.random() + sending.tone_hz / sample_rate * np.arange(sending.num_samples))
    sound = keyed_envelope(sending.edges, sending.num_samples, rise) * np.sin(phase)
    sound += noise_deviation(sending.snr_db, sample_rate) * rng.standard_normal(sending.num_samples, dtype=np.float32)
    sound *= rng.uniform(0.05, 0.5) / np.abs(sound).max()
    return np.asarray(sound, dtype=np.float32)
