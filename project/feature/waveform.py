"""Sound as numbers: reading, resampling and levelling, one function each, used wherever there is audio."""

from __future__ import annotations

import math
import os
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

import numpy as np
import soundfile
from numpy.typing import NDArray
from scipy.signal import resample_poly

from project.contract import InputError
from project.feature import microphone
from project.feature.incoming import ahead
from project.feature.member import split_member
from project.feature.opening import open_medium
from project.feature.wave_head import read_wave_head

Wave: TypeAlias = NDArray[np.float32]  # mono, full scale is 1

STANDARD_INPUT = "-"
_PIPE = "pipe a WAV stream, as arecord -t wav, sox ... -t wav - and ffmpeg ... -f wav - write it"
_PIECE_SECONDS = 0.25  # of sound that is still to come: what is waited for at once
_AHEAD_SECONDS = (
    300.0  # of it that are held if recognizing takes longer; then a pipe waits, and a microphone loses some
)
_HALF_FILTER = 10  # half the length of scipy's resampling filter, in samples of the lower rate


def read(media: str, sample_rate: int) -> Wave:
    """A recording, mono, at the rate asked for; `media` is a path or any URL fsspec knows."""
    with _told(media), _opened(media) as sound:
        mono = _mono(media, sound.read(dtype="float32", always_2d=True))
        rate = sound.samplerate
    if not len(mono):
        raise _empty(media)
    return resample(mono, rate, sample_rate)


def blocks(media: str, sample_rate: int, seconds: float = 10.0) -> Iterator[Wave]:
    """The samples that `read` gives, in pieces of about so many seconds: memory does not grow with the recording.

    `media` may also be `mic`, a microphone, or `-`, standard input: a WAV stream, or a file of any format put there by
    the shell. What is still to come is heard in short pieces, until it ends or Ctrl-C is pressed.
    """
    if not is_incoming(media):
        yield from _blocks(media, sample_rate, seconds)
        return
    piece = min(seconds, _PIECE_SECONDS)
    yield from ahead(_blocks(media, sample_rate, piece), round(_AHEAD_SECONDS / piece))


def is_incoming(media: str) -> bool:
    """Whether sound is still to come, perhaps without an end: from a microphone, or a pipe on standard input."""
    if media != STANDARD_INPUT:
        return microphone.is_microphone(media)
    return not stat.S_ISREG(os.fstat(sys.stdin.fileno()).st_mode)


def _blocks(media: str, sample_rate: int, seconds: float) -> Iterator[Wave]:
    with _told(media), _stored(media, seconds) as (pieces, rate):
        yield from resample_blocks((_mono(media, piece) for piece in pieces), rate, sample_rate)


@contextmanager
def _stored(media: str, seconds: float) -> Iterator[tuple[Iterator[NDArray[np.float32]], int]]:
    """The recording as it is stored, in pieces of so many seconds, and its rate."""
    if microphone.is_microphone(media):
        with microphone.opened(media, seconds) as sound:
            yield sound
    elif is_incoming(media):
        with _piped() as (stream, count):
            yield _decoded(media, stream, seconds, count), stream.samplerate
    else:
        with _opened(media) as stream:
            yield _decoded(media, stream, seconds), stream.samplerate


def _decoded(
    media: str, sound: soundfile.SoundFile, seconds: float, most: int | None = None
) -> Iterator[NDArray[np.float32]]:
    """All samples, or no more than so many of each channel."""
    size, count = max(1, round(seconds * sound.samplerate)), 0
    while len(piece := sound.read(size if most is None else min(size, most - count), dtype="float32", always_2d=True)):
        count += len(piece)
        yield piece
    if not count:
        raise _empty(media)
    if sound.seekable() and sound.format == "FLAC" and count < sound.frames:  # what other heads promise is less sure
        raise InputError(f"{media}: it is cut short: replace the file or leave it out")


@contextmanager
def _piped() -> Iterator[tuple[soundfile.SoundFile, int | None]]:
    """A WAV stream on standard input, ready to be decoded, and how many samples of a channel it has, if it says so."""
    descriptor = sys.stdin.fileno()
    if os.isatty(descriptor):
        raise ValueError("standard input is a terminal")
    head = read_wave_head(lambda count: _take(descriptor, count))
    with soundfile.SoundFile(
        descriptor, closefd=False, format="RAW", endian="LITTLE", samplerate=head.sample_rate,
        channels=head.channels, subtype=head.subtype,
    ) as sound:  # fmt: skip
        yield sound, head.frames


def _take(descriptor: int, count: int) -> bytes:
    """So many bytes, and none after them; fewer where they end."""
    taken = b""
    while len(taken) < count and (more := os.read(descriptor, count - len(taken))):
        taken += more
    return taken


def _mono(media: str, wave: NDArray[np.float32]) -> Wave:
    """The mean of the channels."""
    mono: Wave = wave[:, 0] if wave.shape[1] == 1 else wave.mean(axis=1)
    if not np.isfinite(mono).all():
        raise InputError(f"{media}: it holds samples that are not finite: replace the file or leave it out")
    return mono


def _empty(media: str) -> InputError:
    return InputError(f"{media}: it holds no samples: replace the file or leave it out")


@contextmanager
def _opened(media: str) -> Iterator[soundfile.SoundFile]:
    """A recording, ready to be decoded."""
    if media == STANDARD_INPUT:
        with soundfile.SoundFile(sys.stdin.fileno(), closefd=False) as sound:
            yield sound
    elif "://" in media or split_member(media) is not None:
        with open_medium(media) as file, soundfile.SoundFile(file) as sound:
            yield sound
    else:
        with open(media, "rb"):  # noqa: PTH123 - says what is wrong with a path better than the decoder does
            pass
        with soundfile.SoundFile(media) as sound:
            yield sound


@contextmanager
def _told(media: str) -> Iterator[None]:
    """What goes wrong with a recording while this holds is told in one line."""
    try:
        yield
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"{media}: there is no such file: correct the path, or make the corpus") from None
    except (OSError, soundfile.SoundFileError, ValueError, ImportError) as error:
        remedy = _PIPE if media == STANDARD_INPUT else "replace the file or leave it out"
        raise InputError(f"{media}: no readable audio: {error}: {remedy}") from None


def resample_blocks(pieces: Iterable[Wave], source_rate: int, target_rate: int) -> Iterator[Wave]:
    """What `resample` makes of all pieces together, piece by piece.

    Each piece is resampled with as much around it as the filter reaches, and what lies around is left out again.
    """
    if source_rate == target_rate:
        yield from pieces
        return
    up, down = _ratio(source_rate, target_rate)
    reach = down * -(-(_HALF_FILTER * max(up, down) // up + 1) // down)  # source samples, a whole number of periods
    held, begin, done = np.zeros(0, dtype=np.float32), 0, 0  # places in the source, multiples of `down`
    for piece in pieces:
        held = np.concatenate([held, piece])
        ready = (begin + len(held) - reach) // down * down
        if ready > done:
            made = resample(held, source_rate, target_rate)
            yield made[(done - begin) // down * up : (ready - begin) // down * up]
            done = ready
            held, begin = held[max(0, done - reach) - begin :], max(0, done - reach)
    yield resample(held, source_rate, target_rate)[(done - begin) // down * up :]


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
