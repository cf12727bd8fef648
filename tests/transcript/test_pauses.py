"""Cutting at pauses: all of a recording, once, in pieces of bounded length, cut where it is quietest."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from project.contract import InputError
from project.feature.waveform import Wave
from project.transcript.pauses import Pauses, cut_at_pauses
from project.transcript.windows import Window

RATE = 1000
PAUSES = Pauses.of(6.0, RATE)  # cut between 4 and 6 s, 1 s is left at least


def noise(count: int, seed: int = 0) -> Wave:
    return np.random.default_rng(seed).normal(size=count).astype(np.float32)


def blocks(wave: Wave, size: int) -> Iterator[Wave]:
    yield from (wave[start : start + size] for start in range(0, max(len(wave), 1), size))


def cut(wave: Wave, size: int = 777) -> list[Window]:
    return list(cut_at_pauses(blocks(wave, size), PAUSES))


@pytest.mark.parametrize("size", [1, 100, 6000, 99_999])
@pytest.mark.parametrize("count", [1, 5999, 6000, 6001, 6999, 7000, 7001, 12_000, 40_001])
def test_windows_cover_all_once(count: int, size: int) -> None:
    wave = noise(count)
    found = cut(wave, size)
    np.testing.assert_array_equal(np.concatenate([one.wave for one in found]), wave)
    assert [one.start for one in found] == [0, *np.cumsum([len(one.wave) for one in found])[:-1]]
    assert [one.is_last for one in found] == [False] * (len(found) - 1) + [True]
    assert found[0].is_whole == (count <= 6000)
    assert all(4000 <= len(one.wave) <= 6000 for one in found[:-1])
    assert len(found) == 1 or 1000 <= len(found[-1].wave) <= 6000


def quietest(wave: Wave) -> int:
    """Brute force: of all places in the last third that leave a sixth, the last around which least is heard."""
    last = min(6000, len(wave) - 1000)
    places = range(4000, last + 1, 10)
    return min(reversed(places), key=lambda place: float(np.square(wave[place - 100 : place + 100], dtype=float).sum()))


@pytest.mark.parametrize("count", [6001, 6500, 7000, 9000])
@pytest.mark.parametrize("seed", range(4))
def test_the_cut_is_where_it_is_quietest(count: int, seed: int) -> None:
    wave = noise(count, seed)
    assert cut(wave, 20_000)[1].start == quietest(wave)
    wave[5100:5400] *= 0.01
    assert 5190 <= cut(wave, 20_000)[1].start <= 5310 or count < 6100 + 300


def test_of_pauses_the_last_one_is_taken() -> None:
    """Digital silence is quietest wherever it is; a window should be long."""
    wave = noise(20_000)
    for start in (4200, 5300, 9500, 14_000):
        wave[start : start + 300] = 0.0
    assert [one.start for one in cut(wave)] == [0, 5500, 9700, 14_200]


def test_no_more_than_two_windows_are_held() -> None:
    drawn = 0

    def endless() -> Iterator[Wave]:
        nonlocal drawn
        for part in range(200):
            drawn += 250
            yield noise(250, part)

    for one in cut_at_pauses(endless(), PAUSES):
        assert drawn - one.start <= 2 * PAUSES.size


def test_windows_are_half_a_minute_unless_told_otherwise() -> None:
    assert Pauses.of(None, 16_000).size == 30 * 16_000
    for window in (0.0, -1.0, 0.5, float("nan")):
        with pytest.raises(InputError, match=r"window_seconds: .* leaves nothing to recognize: give 1 or more"):
            Pauses.of(window, 16_000)
    shortest = Pauses.of(1.0, 16_000)
    assert [len(one.wave) for one in cut_at_pauses([noise(16_001)], shortest)][1] >= shortest.rest
