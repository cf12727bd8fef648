"""Overlapping excerpts against sets of rows, and that many are compared in little time."""

from __future__ import annotations

import time

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from project.data.overlap import NONE, common_rows, line_up, seen_by

Excerpts = list[tuple[str, int, int]]
MEDIA = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(0, 30), st.integers(0, 12)).map(lambda one: (*one[:2], sum(one[1:]))),
    max_size=12,
)


def named(excerpts: Excerpts) -> list[str]:
    return [f"/s/{file}.npy#{start}:{end}" for file, start, end in excerpts]


def rows(excerpts: Excerpts) -> list[set[tuple[str, int]]]:
    return [{(file, row) for row in range(start, end)} for file, start, end in excerpts]


@given(first=MEDIA, second=MEDIA)
def test_against_sets_of_rows(first: Excerpts, second: Excerpts) -> None:
    """Files that are named in one list only, empty excerpts and media that are none in between."""
    media = [*named(first), "x.wav", *named(second)]
    windows, index = line_up(media), np.arange(len(media))
    one, other = windows.where(index < len(first)), windows.where(index > len(first))
    mine, theirs = rows(first), rows(second)
    seen = dict(zip(one.examples_N.tolist(), seen_by(one, other).tolist(), strict=True))
    assert list(seen) == [n for n, own in enumerate(mine) if own]
    for number, found in seen.items():
        if found == NONE:
            assert not any(mine[number] & each for each in theirs)
        else:
            assert mine[number] & theirs[found - len(first) - 1]
    wanted = set().union(*mine) & set().union(*theirs)
    common = common_rows(one, other)
    assert common.rows == len(wanted)
    stretches = [one.name(*pair) for pair in zip(common.starts_N.tolist(), common.ends_N.tolist(), strict=True)]
    told = [(stretch[3], range(*map(int, stretch.partition("#")[2].split(":")))) for stretch in stretches]
    assert {(file, row) for file, numbers in told for row in numbers} == wanted
    assert len(stretches) == len(set(stretches))


def test_many_windows_take_little_time() -> None:
    generator = np.random.default_rng(0)
    starts = generator.integers(0, 80_000, (2, 20_000))
    media = [f"/s/{n % 5}.npy#{start}:{start + 105}" for n, start in enumerate(starts.ravel().tolist())]
    began = time.perf_counter()
    windows, index = line_up(media), np.arange(len(media))
    one, other = windows.where(index < 20_000), windows.where(index >= 20_000)
    seen = seen_by(one, other)
    assert common_rows(one, other).rows > 300_000
    assert (seen != NONE).mean() > 0.99
    assert time.perf_counter() - began < 2.0
