"""Sound as numbers: reading, resampling and levelling, one function each, used wherever there is audio."""

from __future__ import annotations

import math
from typing import TypeAlias

import fsspec
import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy.signal import resample_poly

from project.contract import InputError

Wave: TypeAlias = NDArray[np.float32]  # mono, full scale is 1


def read(media: str, sample_rate: int) -> Wave:
    """A recording, mono, at the rate asked for; `media` is a path or any URL fsspec knows."""
    try:
        wave, rate = _decode(media)
    except FileNotFoundError:
        raise InputError(f"{media}: there is no such file: correct the manifest's path, or make the corpus") from None
    except (OSError, soundfile.SoundFileError, ValueError, ImportError) as error:
        raise InputError(f"{media}: no readable audio: {error}: replace the file, or skip_bad=true") from None
    if not wave.shape[0]:
        raise InputError(f"{media}: it holds no samples: replace the file, or skip_bad=true")
    mono = wave[:, 0] if wave.shape[1] == 1 else wave.mean(axis=1)
    if not np.isfinite(mono).all():
        raise InputError(f"{media}: it holds samples that are not finite: replace the file, or skip_bad=true")
    return resample(mono, rate, sample_rate)


def _decode(media: str) -> tuple[NDArray[np.float32], int]:
    """(samples, channels) and sample rate."""
    if "://" not in media:
        with open(media, "rb"):  # noqa: PTH123 - says what is wrong with a path better than the decoder does
            pass
        wave, rate = soundfile.read(media, dtype="float32", always_2d=True)
    else:
        with fsspec.open(media, "rb") as file:
            wave, rate = soundfile.read(file, dtype="float32", always_2d=True)
    return wave, int(rate)


def resample(wave: Wave, source_rate: int, target_rate: int) -> Wave:
    """The same sound at another sample rate, band-limited; itself at the same one."""
    if source_rate == target_rate:
        return wave
    up, down = _ratio(source_rate, target_rate)
    return np.asarray(resample_poly(wave, up, down), dtype=np.float32)


def num_samples(count: int, source_rate: int, target_rate: int) -> int:
    """How many samples `resample` makes of that many.

    >>> num_samples(44101, 44100, 8000), num_samples(7, 8000, 8000)
    (8001, 7)
    """
    up, down = _ratio(source_rate, target_rate)
    return -(-count * up // down)


def _ratio(source_rate: int, target_rate: int) -> tuple[int, int]:
    common = math.gcd(source_rate, target_rate)
    return target_rate // common, source_rate // common


def normalize_rms(wave: Wave, target: float = 0.1) -> Wave:
    """The same sound with a root mean square of `target`; silence stays silence.

    >>> normalize_rms(np.array([1.0, -1.0], dtype=np.float32)).tolist()
    [0.10000000149011612, -0.10000000149011612]
    """
    rms = float(np.sqrt(np.mean(np.square(wave, dtype=np.float64)))) if len(wave) else 0.0
    return wave if rms == 0 else (wave * np.float32(target / rms)).astype(np.float32)
