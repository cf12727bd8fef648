"""The head of a WAV stream: what its samples are, and how many, as far as whoever wrote it knew.

A recorder that writes into a pipe does not know how long it will record: it promises nothing, or as much as it can. It
does not know where the stream comes from, and reads no sample.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass

_NO_PROMISE = 0x7FFF0000  # bytes, from which on a promise is what a recorder writes that knows no better
_EXTENSIBLE = 0xFFFE
_MOST_BYTES = 1 << 20  # of what stands before the samples
_SUBTYPES: Mapping[tuple[int, int], str] = {
    **{(1, 8): "PCM_U8", (1, 16): "PCM_16", (1, 24): "PCM_24", (1, 32): "PCM_32"},
    **{(3, 32): "FLOAT", (3, 64): "DOUBLE", (6, 8): "ALAW", (7, 8): "ULAW"},
}


@dataclass(frozen=True, slots=True)
class WaveHead:
    """What the samples of a stream are."""

    sample_rate: int
    channels: int
    subtype: str  # how a sample is stored, in libsndfile's words
    frames: int | None  # samples of one channel; None: as many as come


def read_wave_head(read: Callable[[int], bytes]) -> WaveHead:
    """The head of a stream, which is then at its first sample. `read` gives so many bytes, fewer where they end.

    What is wrong with it is a ValueError: the place and the remedy are known to whoever opened it.
    """
    start = read(12)
    if start[:4] not in {b"RIFF", b"RF64"} or start[8:12] != b"WAVE":
        raise ValueError("it does not begin as a WAV stream does; samples without a head are not taken")
    kind: tuple[int, int, int, str] | None = None
    while len(chunk := read(8)) == 8:
        name, size = chunk[:4], struct.unpack("<I", chunk[4:])[0]
        if name == b"data":
            if kind is None:
                raise ValueError("its samples come before it says what they are")
            rate, channels, width, subtype = kind
            return WaveHead(rate, channels, subtype, size // width if 0 < size < _NO_PROMISE else None)
        if size > _MOST_BYTES:
            break
        content = read(size + size % 2)
        if name == b"fmt ":
            kind = _kind(content)
    raise ValueError("it ends before its samples")


def _kind(content: bytes) -> tuple[int, int, int, str]:
    """Rate, channels, bytes of one sample of all channels, and how it is stored."""
    if len(content) < 16:
        raise ValueError("it does not say what its samples are")
    tag, channels, rate, _, width, bits = struct.unpack("<HHIIHH", content[:16])
    if tag == _EXTENSIBLE and len(content) >= 26:
        (tag,) = struct.unpack("<H", content[24:26])
    subtype = _SUBTYPES.get((tag, bits))
    if subtype is None or not rate or not channels or width != channels * bits // 8:
        raise ValueError(f"its samples are of a kind that is not read from a pipe (format {tag}, {bits} bits)")
    return rate, channels, width, subtype
