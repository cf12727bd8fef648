"""A spectrogram as a small PNG: what a recording looks like, to be seen before it is heard.

It knows nothing of what was recorded: the picture holds the band that stands out, as levels of opacity, so that a page
can show it in a colour of its own.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

WINDOW_SECONDS = 0.032
COLUMNS, ROWS = 420, 48  # at most
LEAST_BAND_HZ = 600
CLEAR_DB = 3.0  # how far a band must stand out from the rest before the rest is left out
LEVELS = 16  # two pixels a byte

Wave = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Spectrogram:
    """Levels over frequency (lowest row first) and time, and the band they show."""

    levels_FT: NDArray[np.uint8]  # 0 to 15
    low_hz: float
    high_hz: float

    def png(self) -> bytes:
        """The picture, highest frequency on top: black, as opaque as it is loud."""
        return _png(self.levels_FT[::-1])


def spectrogram(wave_N: Wave, rate: int) -> Spectrogram:
    """Loudness over time, in the band that is loudest."""
    size = 1 << round(WINDOW_SECONDS * rate).bit_length() - 1
    padded_N = np.pad(wave_N, (0, max(0, size - len(wave_N))))
    hop = max(1, min(size // 2, len(padded_N) // COLUMNS))
    windows_TN = sliding_window_view(padded_N, size)[::hop] * np.hanning(size).astype(np.float32)
    power_FT = np.square(np.abs(np.fft.rfft(windows_TN, axis=1))).T[1:]  # without what stands still
    decibel_FT = 10 * np.log10(_pooled(_pooled(power_FT, COLUMNS, axis=1), 8 * ROWS, axis=0) + 1e-10)
    step_hz = rate / 2 / len(decibel_FT)
    low, high = _band(decibel_FT, round(LEAST_BAND_HZ / step_hz))
    shown_FT = _pooled(decibel_FT[low:high], ROWS, axis=0)
    floor, ceiling = np.percentile(shown_FT, [35, 99.5])
    scaled_FT = (shown_FT - floor) / max(ceiling - floor, CLEAR_DB)
    levels_FT = np.clip(np.rint(scaled_FT * (LEVELS - 1)), 0, LEVELS - 1).astype(np.uint8)
    return Spectrogram(levels_FT, low * step_hz, high * step_hz)


def _band(decibel_FT: NDArray[np.float64], least: int) -> tuple[int, int]:
    """First and last row of the loudest band; all rows where none stands out."""
    loud_F = np.percentile(decibel_FT, 90, axis=1)
    top, middle = float(loud_F.max()), float(np.median(loud_F))
    if top - middle < CLEAR_DB:
        return 0, len(loud_F)
    (above,) = np.nonzero(loud_F > (top + middle) / 2)
    low, high = int(above[0]), int(above[-1]) + 1
    room = max(2, (least - (high - low)) // 2)
    return max(0, low - room), min(len(loud_F), high + room)


def _pooled(values: NDArray[np.float64], limit: int, axis: int) -> NDArray[np.float64]:
    """At most so many rows or columns, each the mean of its neighbours."""
    count = values.shape[axis]
    if count <= limit:
        return values
    starts = np.arange(limit) * count // limit
    sizes = np.diff(np.append(starts, count))
    sums: NDArray[np.float64] = np.add.reduceat(values, starts, axis=axis)
    return sums / (sizes if axis == 1 else sizes[:, None])


def _png(levels_YX: NDArray[np.uint8]) -> bytes:
    height, width = levels_YX.shape
    even_YX = np.pad(levels_YX, ((0, 0), (0, width % 2)))
    packed_YX = (even_YX[:, ::2] << 4 | even_YX[:, 1::2]).astype(np.uint8)
    lines = b"".join(b"\0" + row.tobytes() for row in packed_YX)  # no filter
    opacity = bytes(255 * level // (LEVELS - 1) for level in range(LEVELS))
    parts = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 4, 3, 0, 0, 0)),  # four bits a pixel, from a palette
        (b"PLTE", bytes(3 * LEVELS)),
        (b"tRNS", opacity),
        (b"IDAT", zlib.compress(lines, 9)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in parts
    )
