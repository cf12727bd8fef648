"""Finding the tone: which frequency a keyed signal has at each moment, under noise, carriers and other stations.

A spectrogram is whitened twice: each frequency by the level it has when nobody sends, so that hums and steady carriers
vanish, and each moment by its level over all frequencies, so that crashes of static vanish. What is left is averaged
over seconds, and the best path through it is the track: it bends with a drifting tone and jumps to another station only
for one that stays. It does not know Morse; it takes the strongest station that is keyed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.fft import rfft
from scipy.ndimage import uniform_filter1d

Floats = NDArray[np.float32]

_WINDOW_SECONDS, _HOP_SECONDS = 0.064, 0.032  # a dit at 20 words a minute lasts 0.06 s
_SPACING_HZ = 8.0  # of the frequencies looked at
_STEP = 8  # hops for one step of the track: a quarter of a second
_IDLE = 0.1  # part of the time at which a frequency surely carries no signal, even while somebody sends on it
_FOLLOW = 0.1  # logarithms of power by which a followed level moves at a hop
_DEEPEST = 1e-7  # of the highest power: noise weaker than that counts as that
_FILTERED = 0.1  # of the noise at loud frequencies: less than that means that a filter took it away
_LARGEST = 1e6  # of a whitened power: more says no more
_JUMP = 20.0  # logarithms of power over noise, summed over steps, that a jump must gain
_LEAP = 3  # frequencies from which on a glide may be two operators
_ALIKE = 1.0  # logarithms of power, summed over steps, by which a moment for a jump may be worse than the best one
_GLIDE = 0.5  # the same for moving by one frequency


@dataclass(frozen=True, slots=True)
class Spectrogram:
    """Power in units of the noise: whitened, 1 where there is only noise, and with its shape over frequencies kept."""

    power_TK: Floats  # T hops, K frequencies
    shaped_TK: Floats
    low_hz: float
    spacing_hz: float
    hop: int  # samples


def whitened(wave: Floats, sample_rate: int, band_hz: tuple[float, float], *, causal: bool = False) -> Spectrogram:
    """The spectrogram of a band, each frequency and each moment in units of its own noise, as known then if causal."""
    window = round(_WINDOW_SECONDS * sample_rate)
    hop = round(_HOP_SECONDS * sample_rate)
    size = 1 << max(window - 1, round(sample_rate / _SPACING_HZ) - 1).bit_length()
    spacing = sample_rate / size
    low, high = round(band_hz[0] / spacing), round(band_hz[1] / spacing)
    padded = np.pad(wave, (window // 2, window))
    starts = np.arange(0, max(len(wave), 1), hop)
    pieces_TN = sliding_window_view(padded, window)[starts] * np.hanning(window).astype(np.float32)
    spectrum_TK = rfft(pieces_TN, size, axis=1)[:, low : high + 1]
    power_TK = np.square(spectrum_TK.real) + np.square(spectrum_TK.imag)
    if causal:
        peak_T1 = np.maximum.accumulate(power_TK.max(axis=1, keepdims=True), axis=0)
        floor_TK = trailing_level(power_TK, 1e-2 * _DEEPEST * float(peak_T1[0, 0]) + 1e-20)
        loud_T1 = np.quantile(floor_TK, 0.9, axis=1, keepdims=True)
    else:
        peak_T1 = np.asarray(power_TK.max(initial=0))
        floor_TK = noise_level(power_TK, axis=0)
        loud_T1 = np.asarray(np.quantile(floor_TK, 0.9))  # inside the receiver's filter; what it kept out stays out
    white_TK = power_TK / np.maximum(floor_TK, np.maximum(_FILTERED * loud_T1, np.maximum(_DEEPEST * peak_T1, 1e-20)))
    moment_T1 = np.maximum(noise_level(white_TK, axis=1), 1.0)
    white_TK = np.minimum(white_TK / moment_T1, _LARGEST, dtype=np.float32)
    return Spectrogram(white_TK, power_TK / moment_T1, low * spacing, spacing, hop)


def noise_level(power_TK: Floats, axis: int) -> Floats:
    """Mean power of the noise along an axis, as that of its quietest part tells; the axis is kept.

    Noise has exponentially distributed power, of which a part p lies below -log(1 - p) times the mean.
    """
    place = int(_IDLE * power_TK.shape[axis])
    level = np.take(np.partition(power_TK, place, axis=axis), [place], axis=axis)
    return np.asarray(level / -np.log(1 - _IDLE))


def trailing_level(power_TK: Floats, least: float) -> Floats:
    """As `noise_level` along time, from the past alone: a quantile that is followed step by step."""
    logs_TK = np.log(np.maximum(power_TK, least))
    level_K = np.full(logs_TK.shape[1], np.log(power_TK[0].mean() + least) + np.log(-np.log(1 - _IDLE)))
    levels_TK = np.empty_like(logs_TK)
    for hop, log_K in enumerate(logs_TK):
        level_K += _FOLLOW * (_IDLE - (log_K < level_K))
        levels_TK[hop] = level_K
    return np.asarray(np.exp(levels_TK) / -np.log(1 - _IDLE))


def track(spectrogram: Spectrogram, seconds: float, hop_seconds: float, *, causal: bool) -> tuple[Floats, int]:
    """The tone's frequency at each step, and how many hops a step has.

    `seconds`: over how long power is averaged before paths are compared: around each moment, or up to it if causal.
    """
    width = max(1, round(seconds / (hop_seconds * _STEP)))
    shift = (width - 1) // 2 if causal else 0
    sharp_SK, dull_SK = _steps(spectrogram.power_TK), _steps(spectrogram.shaped_TK)
    white_SK, shaped_SK = (
        uniform_filter1d(steps_SK, width, axis=0, mode="nearest", origin=shift) for steps_SK in (sharp_SK, dull_SK)
    )
    path_S = best_path(np.log(np.maximum(white_SK, 1.0)), causal=causal)
    if not causal:
        path_S = on_time(leaping(path_S, width), np.log(np.maximum(sharp_SK, 1.0)), width)
    path_S = summit(shaped_SK, path_S)
    offset_S = peak_offset(shaped_SK, path_S)
    return spectrogram.low_hz + spectrogram.spacing_hz * (path_S + offset_S).astype(np.float32), _STEP


def _steps(power_TK: Floats) -> Floats:
    """(S, K) Means over the hops of each step."""
    steps = -(-len(power_TK) // _STEP)
    padded_TK = np.pad(power_TK, ((0, steps * _STEP - len(power_TK)), (0, 0)), mode="edge")
    return np.asarray(padded_TK.reshape(steps, _STEP, -1).mean(axis=1, dtype=np.float64))


def best_path(score_SK: Floats, *, causal: bool) -> NDArray[np.int64]:
    """The frequencies of the path with the highest sum of scores, less what its jumps cost.

    Causal: at each step the end of the best path up to there, which a later step cannot change.

    >>> score = np.zeros((30, 20), dtype=np.float32)
    >>> score[:12, 1], score[12:, 17], score[5, 9] = 5, 5, 9
    >>> path = best_path(score, causal=False).tolist()
    >>> path[0], path[5], path[11], path[12], path[29]
    (1, 1, 1, 17, 17)
    """
    steps, count = score_SK.shape
    places = np.arange(count)
    origins = np.empty((steps, count), dtype=np.int64)
    ends = np.empty(steps, dtype=np.int64)
    total_K = np.zeros(count, dtype=np.float64)
    for step in range(steps):
        best = int(total_K.argmax())
        came_K, from_K = total_K.copy(), places.copy()
        for to, origin in ((slice(1, None), slice(None, -1)), (slice(None, -1), slice(1, None))):
            better = total_K[origin] - _GLIDE > came_K[to]
            came_K[to][better] = total_K[origin][better] - _GLIDE
            from_K[to][better] = places[origin][better]
        jumps_K = total_K[best] - _JUMP > came_K
        came_K[jumps_K] = total_K[best] - _JUMP
        from_K[jumps_K] = best
        origins[step] = from_K
        total_K = came_K + score_SK[step]
        ends[step] = total_K.argmax()
    if causal:
        return ends
    path = np.empty(steps, dtype=np.int64)
    path[-1] = ends[-1]
    for step in range(steps - 1, 0, -1):
        path[step - 1] = origins[step, path[step]]
    return path


def leaping(path_S: NDArray[np.int64], reach: int) -> NDArray[np.int64]:
    """The same path, but where it glides from one tone to another within `reach` steps, it jumps in their middle.

    What is averaged over seconds makes two operators one who glides. A rest of one step does not end a glide.

    >>> leaping(np.array([4, 4, 5, 6, 6, 7, 8, 8, 8, 9, 9]), 12).tolist()
    [4, 4, 4, 4, 8, 8, 8, 8, 8, 9, 9]
    """
    leapt_S, ways = path_S.copy(), np.sign(np.diff(path_S))
    rests = np.flatnonzero((ways[1:-1] == 0) & (ways[:-2] == ways[2:])) + 1
    ways[rests] = ways[rests - 1]
    turns = (np.flatnonzero(np.diff(ways)) + 1).tolist()
    for first, last in zip([0, *turns], [*turns, len(ways)], strict=True):
        if last - first <= reach and abs(path_S[last] - path_S[first]) >= _LEAP:
            middle = (first + last) // 2 + 1
            leapt_S[first:middle], leapt_S[middle : last + 1] = path_S[first], path_S[last]
    return leapt_S


def on_time(path_S: NDArray[np.int64], score_SK: Floats, reach: int) -> NDArray[np.int64]:
    """The same path, each of its jumps in the pause between one tone and the other.

    What is averaged over seconds does not say that well: the louder tone seems to begin too soon or to end too late.
    `score_SK`: what is not averaged. `reach`: steps by which a jump may be moved either way, and no more than half of
    the way to the next one.

    >>> score = np.zeros((9, 20), dtype=np.float32)
    >>> score[:3, 1], score[4:, 17] = 5, 5
    >>> on_time(np.array([1, 1, 1, 1, 1, 1, 17, 17, 17]), score, 4).tolist()
    [1, 1, 1, 17, 17, 17, 17, 17, 17]
    """
    timed_S, count = path_S.copy(), len(path_S)
    jumps = (np.flatnonzero(np.abs(np.diff(path_S)) > 1) + 1).tolist()
    for last, step, following in zip([-count, *jumps], jumps, [*jumps[1:], 3 * count], strict=False):
        before, after = path_S[step - 1], path_S[step]
        start, end = max(0, step - reach, (last + step + 1) // 2), min(count, step + reach, (step + following) // 2)
        gains = np.cumsum(np.concatenate([[0.0], score_SK[start:end, before] - score_SK[start:end, after]]))
        begin = start + _middle(gains)
        timed_S[begin:step], timed_S[step:begin] = after, before
    return timed_S


def _middle(gains: NDArray[np.float64]) -> int:
    """The middle of those moments around the best one that are nearly as good: there nobody sends."""
    best = int(gains.argmax())
    worse = np.flatnonzero(gains < gains[best] - _ALIKE)
    first = int(worse[worse < best].max(initial=-1)) + 1
    last = int(worse[worse > best].min(initial=len(gains))) - 1
    return (first + last) // 2


def summit(mean_SK: Floats, path_S: NDArray[np.int64], reach: int = 2) -> NDArray[np.int64]:
    """The highest place within a few of each of a path: whitening may have bent the top of a peak."""
    around_SR = np.clip(path_S[:, None] + np.arange(-reach, reach + 1), 0, mean_SK.shape[1] - 1)
    best_S = np.take_along_axis(mean_SK, around_SR, axis=1).argmax(axis=1)
    return np.asarray(around_SR[np.arange(len(path_S)), best_S])


def peak_offset(mean_SK: Floats, path_S: NDArray[np.int64]) -> NDArray[np.float64]:
    """Where between frequencies the peak is, in parts of their spacing: the top of a parabola through logarithms."""
    last = mean_SK.shape[1] - 1
    rows = np.arange(len(path_S))
    below, here, above = (np.log(mean_SK[rows, np.clip(path_S + shift, 0, last)].clip(1e-20)) for shift in (-1, 0, 1))
    curvature = 2 * here - below - above
    offset = np.divide(above - below, 2 * curvature, out=np.zeros(len(rows)), where=curvature > 1e-6)
    return np.asarray(np.clip(offset, -0.5, 0.5))
