"""The loudness of a sound in bands of pitch, as ears hear them, a hundred times a second."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from project.contract import InputError
from project.feature import waveform
from project.feature.waveform import Wave

Array = NDArray[np.float64]

_WINDOW_SECONDS = 0.025
_PREEMPHASIS = 0.97  # lifts what lies high: voices are louder below
_FLOOR = 1e-10  # of a band's power, full scale being 1: below 16 bit's own noise


class Fbank:
    """Log power in `bands` triangular bands, equally wide in mel, of windows of 25 ms each 10 ms.

    Each band has mean 0 and deviation 1 over a recording, so gain and a steady colour of the channel do not enter; and
    a part of a recording comes out differently from the whole. It knows nothing beyond the recording's ends.
    """

    settings: Mapping[str, Any]

    def __init__(self, sample_rate: int = 16000, frame_rate: int = 100, bands: int = 80, low_hz: float = 20.0) -> None:
        if sample_rate <= 0 or frame_rate <= 0 or sample_rate % frame_rate:
            raise InputError(
                f"feature: sample_rate {sample_rate} is no multiple of frame_rate {frame_rate}: "
                "choose rates that divide, such as 16000 and 100"
            )
        if not 0 <= low_hz < sample_rate / 2:
            raise InputError(f"feature: low_hz is {low_hz:g}: give a pitch from 0 to below {sample_rate / 2:g} Hz")
        self.sample_rate = sample_rate
        self.num_features = bands
        self._hop = sample_rate // frame_rate
        self._window = round(_WINDOW_SECONDS * sample_rate)
        self._size = 1 << (self._window - 1).bit_length()
        self._taper = np.hanning(self._window + 2)[1:-1]
        self._bands_KF = mel_bands(bands, self._size, sample_rate, low_hz)
        if not self._bands_KF.any(axis=0).all():
            raise InputError(f"feature: bands is {bands}, and some are too narrow to hold a frequency: give fewer")
        self.settings = {
            "feature": "fbank@1",
            "sample_rate": sample_rate,
            "level": "each band at mean 0 and deviation 1",
            "frame_rate": frame_rate,
            "bands": bands,
            "low_hz": low_hz,
        }

    def read(self, media: str) -> Wave:
        """The waveform of a recording, mono, at this feature's sample rate."""
        return waveform.read(media, self.sample_rate)

    def __call__(self, signal: Wave) -> Tensor:
        """(T, bands) float32."""
        emphasized = np.append(signal[:1], signal[1:] - _PREEMPHASIS * signal[:-1])
        frames = self._frames(len(signal))
        before = (self._window - self._hop) // 2  # a frame's window is centred in its hop
        behind = max(0, (frames - 1) * self._hop + self._window - before - len(signal))
        padded = np.pad(emphasized, (before, behind))
        windows_TW = np.lib.stride_tricks.sliding_window_view(padded, self._window)[:: self._hop][:frames]
        power_TK = np.abs(np.fft.rfft(windows_TW * self._taper, self._size)) ** 2 / self._window
        return torch.from_numpy(levelled(np.log(power_TK @ self._bands_KF + _FLOOR)).astype(np.float32))

    def num_frames(self, length: float) -> int:
        """How many frames a recording of that many seconds gives."""
        return self._frames(round(length * self.sample_rate))

    def _frames(self, samples: int) -> int:
        return max(1, -(-samples // self._hop))


def mel_bands(bands: int, size: int, sample_rate: int, low_hz: float) -> Array:
    """(size / 2 + 1, bands) weights of a spectrum's frequencies in triangles that overlap by half, equally wide in mel.

    >>> mel_bands(4, 64, 8000, 0.0).argmax(axis=0).tolist()
    [3, 6, 12, 20]
    """
    edges_hz = mel_to_hz(np.linspace(hz_to_mel(low_hz), hz_to_mel(sample_rate / 2), bands + 2))
    frequencies_K1 = np.linspace(0, sample_rate / 2, size // 2 + 1)[:, None]
    left_F, middle_F, right_F = edges_hz[:-2], edges_hz[1:-1], edges_hz[2:]
    rising_KF = (frequencies_K1 - left_F) / (middle_F - left_F)
    falling_KF = (right_F - frequencies_K1) / (right_F - middle_F)
    return np.asarray(np.clip(np.minimum(rising_KF, falling_KF), 0, None))


def hz_to_mel(hz: Any) -> Any:
    """O'Shaughnessy's scale: 1000 Hz are 1000 mel."""
    return 1127.0 * np.log1p(np.asarray(hz) / 700.0)


def mel_to_hz(mel: Any) -> Any:
    """The inverse."""
    return 700.0 * np.expm1(np.asarray(mel) / 1127.0)


def levelled(frames_TF: Array) -> Array:
    """Each column with mean 0 and deviation 1; one that does not vary is 0.

    >>> levelled(np.array([[1.0, 5.0], [3.0, 5.0]])).tolist()
    [[-1.0, 0.0], [1.0, 0.0]]
    """
    centred_TF = frames_TF - frames_TF.mean(axis=0)
    deviation_F = centred_TF.std(axis=0)
    return np.asarray(centred_TF / np.where(deviation_F > 1e-6, deviation_F, np.inf))
