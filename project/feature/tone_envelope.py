"""The loudness of one tone: a receiver that finds the keyed tone, follows it and hears little else."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d, percentile_filter
from torch import Tensor

from project.contract import InputError
from project.feature import tone, waveform
from project.feature.waveform import Wave

_IDLE = 0.15  # part of the frames that surely hold noise alone
_RANGE_DB = 40.0  # above the noise: what is louder counts as this loud
_QUIETEST_DB = 30.0  # tone over noise in 2,500 Hz: recordings with less noise, or none, get that much
_EVEN = 1.5  # how much more noise than white noise would have a longer sum may have, beside a shorter one


class ToneEnvelope:
    """How loud the tone is, integrated coherently over several lengths of time, in units of the noise.

    The tone is found and followed, mixed down to zero frequency, and summed over each of `integrate_ms` *before* the
    magnitude is taken, so that noise at other frequencies cancels.

    Features of a frame, 0 to 1: for each length the level in decibels over the noise (0 to 40 dB); the level relative
    to the loudest moment around; and the state, 1 where the key seems down. All are the same at any gain. Noise floor
    and peak are estimated, so that it matters little how much of the time the key is down. `causal` uses the past only,
    but for the first quarter of a second.
    """

    settings: Mapping[str, Any]

    def __init__(
        self,
        sample_rate: int = 4000,
        frame_rate: int = 100,
        integrate_ms: Sequence[float] = (10, 20, 40, 80, 160),
        band_hz: Sequence[float] = (250, 1250),
        average_seconds: float = 3.0,
        peak_seconds: float = 2.0,
        causal: bool = False,
    ) -> None:
        if sample_rate <= 0 or frame_rate <= 0 or sample_rate % frame_rate:
            raise InputError(
                f"feature: sample_rate {sample_rate} is no multiple of frame_rate {frame_rate}: "
                "choose rates that divide, such as 4000 and 100"
            )
        if len(band_hz) != 2 or not 50 <= band_hz[0] < band_hz[1] <= 0.45 * sample_rate:
            raise InputError(
                f"feature: band_hz {list(band_hz)} is no [low, high] from 50 to {0.45 * sample_rate:g} Hz: "
                "narrow it, or raise sample_rate"
            )
        if not integrate_ms or min(integrate_ms) < 1000 / sample_rate:
            raise InputError(f"feature: integrate_ms {list(integrate_ms)}: give one length or more, in milliseconds")
        if average_seconds <= 0 or peak_seconds <= 0:
            raise InputError("feature: average_seconds and peak_seconds must be above 0")
        self.sample_rate = sample_rate
        self.num_features = len(integrate_ms) + 2
        self.state_column = self.num_features - 1
        self._hop = sample_rate // frame_rate
        self._frame_rate = frame_rate
        self._windows = [max(1, round(length / 1000 * sample_rate)) for length in integrate_ms]
        self.sum_frames = tuple(window / self._hop for window in self._windows)
        self._starts = [self._hop - window if causal else (self._hop - window) // 2 for window in self._windows]
        self._block = math.gcd(self._hop, *self._windows, *self._starts)  # every sum begins and ends at multiples of it
        self._band = (float(band_hz[0]), float(band_hz[1]))
        self._average_seconds = average_seconds
        self._peak_frames = max(1, round(peak_seconds * frame_rate))
        self._causal = causal
        self.settings = {
            "feature": "tone_envelope@3",
            "sample_rate": sample_rate,
            "level": "relative to the noise and to the tone's peak",
            "frame_rate": frame_rate,
            "integrate_ms": list(integrate_ms),
            "band_hz": list(band_hz),
            "average_seconds": average_seconds,
            "peak_seconds": peak_seconds,
            "causal": causal,
        }

    def read(self, media: str) -> Wave:
        """The waveform of a recording, mono, at this feature's sample rate."""
        return waveform.read(media, self.sample_rate)

    def num_frames(self, length: float) -> int:
        """How many frames a recording of that many seconds gives."""
        return -(-round(length * self.sample_rate) // self._hop)

    def __call__(self, signal: Wave) -> Tensor:
        """(T, F) float32: levels over the noise, level under the peak, state."""
        if not len(signal):
            return torch.zeros(0, self.num_features)
        wave = np.asarray(signal, dtype=np.float32)
        sums = self._sums(self._at_zero(wave))
        powers_LT = self._powers(sums)
        floors_LT = self._floors(powers_LT)
        levels_LT = 10 / _RANGE_DB * np.log10(1 + powers_LT / floors_LT)
        middle = min(1, len(powers_LT) - 1)
        relative_T = self._under_peak(powers_LT[middle], floors_LT[middle])
        columns = np.vstack([levels_LT, relative_T, relative_T > 0.5])
        return torch.from_numpy(np.clip(columns, 0, 1).T.astype(np.float32, order="C"))

    def tone_hz(self, signal: Wave) -> NDArray[np.float32]:
        """The tone's frequency at each sample."""
        spectrogram = tone.whitened(signal, self.sample_rate, self._band, causal=self._causal)
        seconds = spectrogram.hop / self.sample_rate
        track, hops = tone.track(spectrogram, self._average_seconds, seconds, causal=self._causal)
        step = hops * spectrogram.hop
        if self._causal:  # the last finished step holds; before there is one, the first
            return np.repeat(np.concatenate([track[:1], track]), step)[: len(signal)]
        middles = step * (np.arange(len(track)) + 0.5)
        return np.interp(np.arange(len(signal)), middles, track).astype(np.float32)

    def _at_zero(self, wave: Wave) -> NDArray[np.complex64]:
        """The signal with its tone at zero frequency."""
        turns = np.cumsum(self.tone_hz(wave), dtype=np.float64) / self.sample_rate
        phase = (2 * np.pi * (turns - np.floor(turns))).astype(np.float32)
        mixed = np.empty(len(wave), dtype=np.complex64)
        np.multiply(wave, np.cos(phase), out=mixed.real)
        np.multiply(wave, -np.sin(phase), out=mixed.imag)
        return mixed

    def _sums(self, signal: NDArray[np.complex64]) -> NDArray[np.complex128]:
        """The sum of all samples before each multiple of a block."""
        blocks = -(-len(signal) // self._block)
        padded = np.pad(signal, (0, blocks * self._block - len(signal)))
        each = padded.reshape(blocks, self._block).sum(axis=1, dtype=np.complex128)
        return np.concatenate([[0.0], np.cumsum(each)])

    def _powers(self, sums: NDArray[np.complex128]) -> NDArray[np.float64]:
        """(L, T) Mean power of the sums over each window at each frame."""
        count = len(sums) - 1
        windows_L1, begins_L1 = (np.array(one)[:, None] for one in (self._windows, self._starts))
        starts_LT = np.arange(0, count, self._hop // self._block) + begins_L1 // self._block
        ends_LT = np.clip(starts_LT + windows_L1 // self._block, 0, count)
        sums_LT = sums[ends_LT] - sums[np.clip(starts_LT, 0, count)]
        return np.asarray((np.square(sums_LT.real) + np.square(sums_LT.imag)) / windows_L1**2)

    def _floors(self, powers_LT: NDArray[np.float64]) -> NDArray[np.float64]:
        """(L, T or 1) Mean power of the noise in each window length. Noise alone is exponentially distributed.

        Long windows are hardly ever free of marks where texts are dense: their quietest part is no noise. So the floor
        of a longer window is not above what that of the shorter one leaves for it.
        """
        floors_LT, peaks_LT = self._quiet(powers_LT)
        for place, window in enumerate(self._windows):
            if place:
                left_T = _EVEN * floors_LT[place - 1] * (self._windows[place - 1] / window)
                floors_LT[place] = np.minimum(floors_LT[place], left_T)
            least_T = 10 ** (-_QUIETEST_DB / 10) * self.sample_rate / (2500 * window) * peaks_LT[place]
            floors_LT[place] = np.maximum(np.maximum(floors_LT[place], least_T), 1e-20)
        return floors_LT

    def _quiet(self, powers_LT: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """What the quietest part of a recording tells of the noise's mean power, and the peak; so far, if causal."""
        if self._causal:
            size = 4 * self._peak_frames
            # A row at a time: for several at once the filter takes 35 times as long.
            following = {"size": size, "mode": "nearest", "origin": (size - 1) // 2}
            lows = [percentile_filter(power_T, 100 * _IDLE, **following) for power_T in powers_LT]
            return np.stack(lows) / -np.log(1 - _IDLE), np.maximum.accumulate(powers_LT, axis=1)
        return quantiles(powers_LT, _IDLE) / -np.log(1 - _IDLE), powers_LT.max(axis=1, keepdims=True)

    def _under_peak(self, power: NDArray[np.float64], floor: NDArray[np.float64]) -> NDArray[np.float64]:
        """Amplitude over that of the loudest moment around, which counts as three times the noise at least."""
        size = self._peak_frames if self._causal else 2 * self._peak_frames + 1
        origin = (size - 1) // 2 if self._causal else 0
        peak = maximum_filter1d(power, size, mode="nearest", origin=origin)
        return np.asarray(np.sqrt(power / np.maximum(peak, 9 * floor)))


def quantiles(values_LT: NDArray[np.float64], part: float) -> NDArray[np.float64]:
    """(L, 1) As numpy's, between the two nearest values, in a quarter of the time for short arrays.

    >>> quantiles(np.array([[3.0, 1.0, 2.0, 4.0]]), 0.5)
    array([[2.5]])
    """
    last = values_LT.shape[1] - 1
    place = part * last
    low, high = int(place), min(int(place) + 1, last)
    sorted_LT = np.partition(values_LT, (low, high), axis=1)
    lower_L1, upper_L1 = sorted_LT[:, low, None], sorted_LT[:, high, None]
    return np.asarray(lower_L1 + (place - low) * (upper_L1 - lower_L1))
