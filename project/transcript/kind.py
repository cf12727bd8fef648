"""What a run reads: sound, landmarks of a body or price bars. It does not know how any of them is recognized."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from project.contract import InputError


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of files."""

    noun: str  # what one of them is called
    suffixes: frozenset[str]  # of what is taken from a folder; a file that is named is tried whatever it is called
    unit: str  # in which it is told how long they are, and where in them something is


SOUND = Kind(
    "recording",
    frozenset({".wav", ".flac", ".mp3", ".ogg", ".oga", ".opus", ".aif", ".aiff", ".au", ".caf", ".w64", ".rf64"}),
    "seconds",
)
LANDMARKS = Kind("clip", frozenset({".npz", ".parquet"}), "seconds")
BARS = Kind("window", frozenset({".npy"}), "bars")


def kind_of(feature: Any, run: object) -> Kind:
    """What a run's feature reads."""
    for sign, kind in (("sample_rate", SOUND), ("frame_rate", LANDMARKS), ("swing_bars", BARS)):
        if hasattr(feature, sign):
            return kind
    raise InputError(
        f"{run}: its feature reads neither sound nor landmarks nor bars: scansion evaluate takes a manifest"
    )
