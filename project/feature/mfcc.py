"""What the first units of sound are made of: mel-frequency cepstra of short windows, and how they change.

As Kaldi reckons them, on samples as 16 bit numbers and without dither; but fifty times a second, as often as speech
encoders speak of a waveform. It does not know where a recording begins: windows lie within it whole.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct

from project.feature.fbank import hz_to_mel
from project.feature.waveform import Wave

# T windows, W samples of a window, K frequencies, M mel bands, C cepstra

Array = NDArray[np.float64]

SAMPLE_RATE = 16000
WINDOW = 400  # samples: 25 ms
HOP = 320  # 20 ms: the number of windows is that of the frames of HuBERT and wav2vec 2.0
NUM_CEPSTRA = 13
_SIZE = 512  # of the transform
_BANDS = 23
_LOW_HZ = 20.0
_LIFTER = 22
_PREEMPHASIS = 0.97
_SCALE = 2.0**15
_FLOOR = float(np.finfo(np.float32).eps)  # of a band's power
_REACH = 2  # frames to either side from which a change is told


def mfcc(wave: Wave) -> NDArray[np.float32]:
    """(T, 39) cepstra of a waveform at 16 kHz, their changes, and the changes of these.

    A sound that is shorter than a window is filled up with silence.
    """
    cepstra_TC = cepstra(wave)
    changes_TC = changes(cepstra_TC)
    return np.concatenate([cepstra_TC, changes_TC, changes(changes_TC)], axis=1).astype(np.float32)


def cepstra(wave: Wave) -> Array:
    """(T, 13) cepstra alone; the first says how loud it is."""
    samples_N = np.pad(wave.astype(np.float64) * _SCALE, (0, max(0, WINDOW - len(wave))))
    windows_TW = np.lib.stride_tricks.sliding_window_view(samples_N, WINDOW)[::HOP]
    level_TW = windows_TW - windows_TW.mean(axis=1, keepdims=True)
    before_TW = np.concatenate([level_TW[:, :1], level_TW[:, :-1]], axis=1)
    power_TK = np.abs(np.fft.rfft((level_TW - _PREEMPHASIS * before_TW) * _taper(), _SIZE)) ** 2
    loud_TM = np.log(np.maximum(power_TK @ _triangles(), _FLOOR))
    lift_C = 1 + _LIFTER / 2 * np.sin(np.pi * np.arange(NUM_CEPSTRA) / _LIFTER)
    found: Array = dct(loud_TM, norm="ortho", axis=1)[:, :NUM_CEPSTRA] * lift_C
    return found


def changes(rows_TC: Array) -> Array:
    """How much each column changes from row to row: the slope of a line through five of them, the ends held.

    >>> changes(np.array([[0.0], [3.0], [6.0], [9.0], [12.0]]))[:, 0].round(1).tolist()
    [1.5, 2.4, 3.0, 2.4, 1.5]
    """
    held = np.pad(rows_TC, ((_REACH, _REACH), (0, 0)), mode="edge")
    slopes = [
        step * (held[_REACH + step : len(held) - _REACH + step] - held[_REACH - step : len(held) - _REACH - step])
        for step in range(1, _REACH + 1)
    ]
    return np.sum(slopes, axis=0) / (2 * sum(step**2 for step in range(1, _REACH + 1)))  # type: ignore[no-any-return]


@lru_cache(maxsize=1)
def _taper() -> Array:
    """(W,) Povey's window: Hann's to the power of 0.85, zero at both ends."""
    return np.hanning(WINDOW) ** 0.85


@lru_cache(maxsize=1)
def _triangles() -> Array:
    """(K, M) weights of frequencies in bands whose flanks are straight in mel, and overlap by half."""
    top = SAMPLE_RATE / 2
    edges = np.linspace(hz_to_mel(_LOW_HZ), hz_to_mel(top), _BANDS + 2)
    pitches_K1 = hz_to_mel(np.linspace(0, top, _SIZE // 2 + 1))[:, None]
    step = edges[1] - edges[0]
    return np.clip(1 - np.abs(pitches_K1 - edges[1:-1]) / step, 0, None)  # type: ignore[no-any-return]
