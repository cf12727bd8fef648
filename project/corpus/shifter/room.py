"""A room: the direct sound first, then an echo of it from everywhere that fades away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.signal import fftconvolve

from project.corpus.ranges import between, between_log, check_range
from project.corpus.shifter.step import Sound, Surroundings

_FIRST_SECONDS = 0.002  # until the first echo arrives: a wall is never nearer than the mouth


@dataclass(frozen=True, slots=True)
class Room:
    """How much rooms echo. Recordings end where they ended: the last echo is cut off with them."""

    echo_seconds: Sequence[float] | None = None  # until it has faded by 60 dB; ratios drawn evenly; None: no room
    direct_db: Sequence[float] = (0, 10)  # energy of the direct sound over that of all its echoes

    def __post_init__(self) -> None:
        if self.echo_seconds is not None:
            check_range("room.echo_seconds", self.echo_seconds, 0.05, 5)
        check_range("room.direct_db", self.direct_db, -30, 60)

    def draw(self, rng: np.random.Generator) -> Mapping[str, Any]:
        """How long it echoes, and how loud."""
        if self.echo_seconds is None:
            return {}
        return {
            "echo_seconds": round(between_log(self.echo_seconds, rng), 2),
            "direct_db": round(between(self.direct_db, rng), 1),
        }

    def apply(self, sound: Sound, around: Surroundings, drawn: Mapping[str, Any], rng: np.random.Generator) -> Sound:
        """The recording in the room, as long as before, each sound where it was."""
        response = impulse_response(drawn["echo_seconds"], drawn["direct_db"], around.rate, rng)
        return np.asarray(fftconvolve(sound, response)[: len(sound)])


def impulse_response(echo_seconds: float, direct_db: float, rate: int, rng: np.random.Generator) -> Sound:
    """What a room makes of a click: the click, 2 ms of silence, and noise that fades evenly in dB."""
    first = round(_FIRST_SECONDS * rate)
    count = max(first + 2, round(echo_seconds * rate))
    response = rng.standard_normal(count) * 10 ** (-3 * np.arange(count) / count)
    response[:first] = 0
    response *= 10 ** (-direct_db / 20) / np.sqrt(np.sum(response**2))
    response[0] = 1
    return response
