"""A telephone line: a narrow band, 8,000 samples a second, and eight bits for each of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.signal import butter, sosfiltfilt

from project.contract import InputError
from project.corpus.ranges import check_range
from project.corpus.shifter.codec import fitted, round_trip
from project.corpus.shifter.step import Sound, Surroundings
from project.feature.waveform import resample

_RATE = 8000  # samples a second of every telephone line before VoIP
_ORDER = 4  # of the filter, which is used forwards and backwards


@dataclass(frozen=True, slots=True)
class Telephone:
    """The line that recordings come over; they keep their sample rate, and nothing in them moves."""

    band_hz: Sequence[float] | None = None  # what passes, half of the pressure at both ends; None: no telephone
    mu_law: bool = True  # eight bits a sample, as G.711 has it

    def __post_init__(self) -> None:
        if self.band_hz is not None:
            check_range("telephone.band_hz", self.band_hz, 20, 3900)
            if self.band_hz[0] == self.band_hz[1]:
                raise InputError(f"corpus: telephone.band_hz is {list(self.band_hz)}: give [300, 3400], say")

    def draw(self, rng: np.random.Generator) -> Mapping[str, Any]:
        """The band: the same for all recordings."""
        del rng
        return {} if self.band_hz is None else {"telephone": f"{self.band_hz[0]:g}-{self.band_hz[1]:g} Hz"}

    def apply(self, sound: Sound, around: Surroundings, drawn: Mapping[str, Any], rng: np.random.Generator) -> Sound:
        """The recording as it is heard at the other end."""
        del drawn, rng
        assert self.band_hz is not None
        narrow = resample(sound.astype(np.float32), around.rate, _RATE)
        passing = butter(_ORDER, self.band_hz, "bandpass", fs=_RATE, output="sos")
        heard = sosfiltfilt(passing, narrow, padlen=min(200, len(narrow) - 1))
        if self.mu_law:
            heard = round_trip(heard, _RATE, "WAV", "ULAW")
        return fitted(resample(heard, _RATE, around.rate), len(sound))
