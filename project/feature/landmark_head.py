"""What the head of a file of landmarks says, without its points: how many frames, how many a second.

It finds files that are cut short, of the wrong shape or another's altogether; points that are wrong it does not see.
"""

from __future__ import annotations

import math
import zipfile
from dataclasses import dataclass
from typing import IO

import numpy as np
from numpy.lib import format as npy

from project.contract import InputError
from project.feature.landmark_layout import NUM_POINTS

_NAMES = ("xyz", "fps")
_MOST_BYTES = 4096  # of the file in the archive that holds one number
_RATES = (1, 1000)  # frames a second


@dataclass(frozen=True, slots=True)
class Head:
    """The length of a movement."""

    frames: int
    frame_rate: float

    @property
    def seconds(self) -> float:
        return self.frames / self.frame_rate


def read_head(stream: IO[bytes], media: str) -> Head | None:
    """The head of an `.npz` file; None of one with neither `xyz` nor `fps`, which holds arrays of some other kind."""
    try:
        with zipfile.ZipFile(stream) as archive:
            members = {name: f"{name}.npy" for name in _NAMES if f"{name}.npy" in archive.namelist()}
            if not members:
                return None
            if len(members) < len(_NAMES):
                (lacking,) = set(_NAMES) - members.keys()
                raise InputError(f"media {media} holds no `{lacking}`: write `xyz` (frames, {NUM_POINTS}, 3) and `fps`")
            return Head(_frames(archive, members["xyz"], media), _rate(archive, members["fps"], media))
    except InputError:
        raise
    except (ValueError, EOFError, NotImplementedError, RuntimeError, zipfile.BadZipFile) as error:
        raise InputError(
            f"media {media} is corrupt, or no archive of arrays ({error}): replace the file or leave the line out"
        ) from None


def _frames(archive: zipfile.ZipFile, member: str, media: str) -> int:
    with archive.open(member) as stream:
        version = npy.read_magic(stream)
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, _, kind = read(stream)
        promised = stream.tell() + math.prod(shape) * kind.itemsize
    if len(shape) != 3 or shape[1:] != (NUM_POINTS, 3) or not shape[0] or kind.kind not in "fiu":
        raise InputError(
            f"`xyz` of media {media} has the shape {shape} of {kind}: "
            f"it must be (frames, {NUM_POINTS}, 3) of numbers, one frame at least"
        )
    if archive.getinfo(member).file_size != promised:
        raise InputError(f"`xyz` of media {media} is cut short: replace the file or leave the line out")
    return int(shape[0])


def _rate(archive: zipfile.ZipFile, member: str, media: str) -> float:
    size = archive.getinfo(member).file_size
    with archive.open(member) as stream:
        rate = npy.read_array(stream, allow_pickle=False) if size <= _MOST_BYTES else np.empty(0)
    if rate.size != 1 or rate.dtype.kind not in "fiu" or not _RATES[0] <= rate.item() <= _RATES[1]:
        shown = f"{rate.item()}" if rate.size == 1 else f"of the shape {rate.shape}"
        raise InputError(f"`fps` of media {media} is {shown}: give frames a second, {_RATES[0]} to {_RATES[1]}")
    return float(rate.item())
