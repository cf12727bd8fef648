"""Sound from a microphone, by way of PortAudio: `mic` is the system's own, `mic:2` or `mic:USB` another.

It needs the package sounddevice, which nothing else here does.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from project.contract import InputError

MICROPHONE = "mic"

Sound = NDArray[np.float32]  # (samples, channels)


def is_microphone(media: str) -> bool:
    """Whether a medium is a microphone; a file of such a name is written `./mic`.

    >>> is_microphone("mic"), is_microphone("mic:USB"), is_microphone("mic.wav")
    (True, True, False)
    """
    return media.partition(":")[0] == MICROPHONE and "://" not in media


@contextmanager
def opened(media: str, seconds: float) -> Iterator[tuple[Iterator[Sound], int]]:
    """Pieces of so many seconds of a microphone's sound, without an end, and the rate that the device has."""
    library = _library(media)
    asked = media.partition(":")[2] or None
    number = int(asked) if asked and asked.isdecimal() else asked
    with _told(media, library):
        device = library.query_devices(number, "input")
        rate, channels = round(device["default_samplerate"]), min(2, device["max_input_channels"])
        stream = library.InputStream(samplerate=rate, device=number, channels=channels, dtype="float32")
    with closing(stream):
        with _told(media, library):
            stream.start()
        print(f"{media}: {device['name']}, {rate:,} Hz: listening until Ctrl-C", file=sys.stderr, flush=True)
        yield _pieces(media, library, stream, max(1, round(seconds * rate))), rate


def _pieces(media: str, library: Any, stream: Any, size: int) -> Iterator[Sound]:
    told = False
    while True:
        with _told(media, library):
            piece, overflowed = stream.read(size)
        if overflowed and not told:
            told = True
            line = f"{media}: sound is lost, as it comes faster than it is recognized: set a longer window_seconds"
            print(f"scansion: {line}, or device=gpu", file=sys.stderr, flush=True)
        yield piece


@contextmanager
def _told(media: str, library: Any) -> Iterator[None]:
    """What goes wrong with the device while this holds is told in one line."""
    try:
        yield
    except (ValueError, library.PortAudioError) as error:
        raise InputError(
            f"{media}: no such microphone, or none that works ({' '.join(str(error).split())}): python -m sounddevice "
            "lists what there is; write mic:<number> or mic:<part of a name>"
        ) from None


def _library(media: str) -> Any:
    """The package sounddevice."""
    try:
        return importlib.import_module("sounddevice")
    except ImportError:
        raise InputError(
            f"{media}: a microphone needs the package sounddevice: pip install sounddevice, on Debian also apt install "
            "libportaudio2"
        ) from None
    except OSError as error:
        raise InputError(f"{media}: {error}: install PortAudio, on Debian: apt install libportaudio2") from None
