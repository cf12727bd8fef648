"""Noise: that of machines, white to brown, or babble, which is other recordings of the manifest all at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from project.contract import InputError
from project.corpus.ranges import between, check_range
from project.corpus.shifter.step import Sound, Surroundings, power
from project.corpus.speaker.recording import coloured


@dataclass(frozen=True, slots=True)
class Noise:
    """Noise from a recording's first sample to its last.

    SNR is the power of the recording, its echo and pauses included, over that of the noise, both over the whole length:
    whoever has both files can check it, and it rests on no guess of where somebody speaks.
    """

    snr_db: Sequence[float] | None = None  # drawn evenly; None: no noise
    slope: Sequence[float] = (1, 1)  # 0 white, 1 pink, 2 brown
    babble: float = 0.0  # part of the recordings whose noise is babble instead
    talkers: Sequence[int] = (4, 8)  # recordings of others that a babble is made of

    def __post_init__(self) -> None:
        if self.snr_db is not None:
            check_range("noise.snr_db", self.snr_db, -40, 100)
        check_range("noise.slope", self.slope, 0, 4)
        check_range("noise.talkers", self.talkers, 1, 100)
        if not 0 <= self.babble <= 1:
            raise InputError(f"corpus: noise.babble is {self.babble}: give a part from 0 to 1")

    def draw(self, rng: np.random.Generator) -> Mapping[str, Any]:
        """The SNR and the kind of noise."""
        if self.snr_db is None:
            return {}
        snr_db, slope = round(between(self.snr_db, rng), 1), round(between(self.slope, rng), 2)
        is_babble = rng.random() < self.babble
        talkers = int(rng.integers(self.talkers[0], self.talkers[1], endpoint=True))
        kind = {"noise": "babble", "talkers": talkers} if is_babble else {"noise": "coloured", "noise_slope": slope}
        return {"snr_db": snr_db, **kind}

    def apply(self, sound: Sound, around: Surroundings, drawn: Mapping[str, Any], rng: np.random.Generator) -> Sound:
        """The recording as loud as it was, with noise."""
        loudness = power(sound)
        if loudness == 0:
            raise InputError("it is silent, so that no noise has an SNR: leave it out, or corpus.noise.snr_db=null")
        if drawn["noise"] == "babble":
            noise = _babble(around.others(rng, drawn["talkers"]), len(sound), rng)
        else:
            noise = coloured(len(sound), drawn["noise_slope"], rng)
        scale = np.sqrt(loudness / power(noise)) * 10 ** (-drawn["snr_db"] / 20)
        return np.asarray(sound + noise * scale)


def _babble(voices: Sequence[Sound], count: int, rng: np.random.Generator) -> Sound:
    """Voices of equal power, each begun anywhere and said over again until the end."""
    noise = np.zeros(count)
    for voice in voices:
        start = int(rng.integers(len(voice)))
        noise += np.resize(np.roll(voice, -start), count) / np.sqrt(power(voice))
    return noise
