"""Rooms: how long they echo by Schroeder's backward integration, and how loud."""

from __future__ import annotations

import numpy as np
import pytest

from project.contract import InputError
from project.corpus.shifter.room import Room, impulse_response
from project.corpus.shifter.step import Surroundings

RATE = 16_000


@pytest.mark.parametrize(("echo_seconds", "direct_db"), [(0.2, 10.0), (0.8, 0.0)])
def test_an_echo_fades_as_long_and_is_as_loud_as_said(echo_seconds: float, direct_db: float) -> None:
    response = impulse_response(echo_seconds, direct_db, RATE, np.random.default_rng(0))
    tail = response[1:]
    assert -10 * np.log10(np.sum(tail**2)) == pytest.approx(direct_db, abs=0.01)
    left = 10 * np.log10(np.cumsum(tail[::-1] ** 2)[::-1] / np.sum(tail**2))
    times = np.arange(len(left)) / RATE
    fading = (left < -5) & (left > -25)
    slope = np.polyfit(times[fading], left[fading], 1)[0]  # T20
    assert -60 / slope == pytest.approx(echo_seconds, rel=0.1)
    assert not tail[:30].any()


def test_sounds_stay_where_they_are() -> None:
    sound = np.zeros(RATE)
    sound[5000] = 1.0
    room = Room(echo_seconds=(0.3, 0.3), direct_db=(6, 6))
    rng = np.random.default_rng(0)
    drawn = room.draw(rng)
    assert drawn == {"echo_seconds": 0.3, "direct_db": 6.0}
    heard = room.apply(sound, Surroundings(RATE, lambda _rng, _count: []), drawn, rng)
    assert len(heard) == len(sound)
    assert np.argmax(np.abs(heard)) == 5000
    assert np.abs(heard[:5000]).max() < 1e-12


def test_wrong_settings_are_refused() -> None:
    with pytest.raises(InputError, match=r"room.echo_seconds is"):
        Room(echo_seconds=(0, 1))
    with pytest.raises(InputError, match=r"room.direct_db is"):
        Room(direct_db=(5, 1))
