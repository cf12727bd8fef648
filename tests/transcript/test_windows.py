"""Windows: all of a recording, in pieces of bounded length."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from project.contract import InputError
from project.feature.waveform import Wave
from project.transcript.windows import Plan, Window, windows

PLAN = Plan(size=100, overlap=40, grain=10, margin=1)


def cut(count: int, block: int) -> tuple[Wave, list[Window]]:
    wave = np.arange(count, dtype=np.float32)
    return wave, list(windows((wave[start : start + block] for start in range(0, max(count, 1), block)), PLAN))


@pytest.mark.parametrize("block", [1, 7, 100, 999])
@pytest.mark.parametrize("count", [1, 99, 100, 101, 139, 140, 160, 161, 229, 517, 1000])
def test_windows_cover_all_and_overlap(count: int, block: int) -> None:
    wave, found = cut(count, block)
    for one in found:
        np.testing.assert_array_equal(one.wave, wave[one.start : one.start + len(one.wave)])
        assert one.start % PLAN.grain == 0
        assert one.is_whole == (count < PLAN.size + PLAN.grain)
    assert [one.is_last for one in found] == [False] * (len(found) - 1) + [True]
    assert found[-1].start + len(found[-1].wave) == count
    if not found[0].is_whole:
        assert all(PLAN.size <= len(one.wave) < PLAN.size + PLAN.grain for one in found)
        assert all(0 < b.start - a.start <= PLAN.size - PLAN.overlap for a, b in pairwise(found))


def test_no_more_than_two_windows_are_held() -> None:
    drawn = 0

    def blocks() -> list[Wave]:
        nonlocal drawn
        for _ in range(1000):
            drawn += 10
            yield np.zeros(10, np.float32)

    for one in windows(blocks(), PLAN):
        assert drawn - one.start <= 2 * PLAN.size


def test_a_plan_leaves_what_model_and_feature_need() -> None:
    plan = Plan.of(120.0, None, sample_rate=4000, grain=80, context=2.5)
    assert plan.size == 120 * 4000
    assert plan.overlap == 13 * 4000  # twice 2.5 s and 3 s, and 2 s to cut in
    assert plan.margin == 275
    assert Plan.of(60.0, 10.0, sample_rate=4000, grain=80, context=2.5).margin == 200
    assert Plan.of(60.0, 0.0, sample_rate=4000, grain=80, context=2.5).margin == 0
    unknown = Plan.of(120.0, None, sample_rate=16000, grain=320, context=None)
    assert unknown.overlap == 18 * 16000


@pytest.mark.parametrize(("window", "overlap"), [(5.0, None), (5.0, 5.0), (5.0, -1.0), (0.0, 0.0)])
def test_what_cannot_be_planned_is_said(window: float, overlap: float | None) -> None:
    with pytest.raises(InputError, match="_seconds"):
        Plan.of(window, overlap, sample_rate=4000, grain=80, context=2.5)


def test_where_text_is_waited_for_windows_are_short() -> None:
    """Five seconds beyond what the model sees, and three seconds of new sound in each."""
    plan = Plan.of(None, None, sample_rate=4000, grain=80, context=2.5, is_awaited=True)
    assert (plan.overlap, plan.step, plan.size) == (10 * 4000, 3 * 4000, 13 * 4000)
    assert plan.margin == 225
    assert Plan.of(60.0, None, sample_rate=4000, grain=80, context=2.5, is_awaited=True).size == 60 * 4000
    assert Plan.of(None, 4.0, sample_rate=4000, grain=80, context=2.5, is_awaited=True).size == 7 * 4000
    far = Plan.of(None, None, sample_rate=4000, grain=80, context=15.2, is_awaited=True)
    assert far == Plan.of(None, None, sample_rate=4000, grain=80, context=8.0, is_awaited=True)
    assert far.overlap == 21 * 4000
    assert Plan.of(None, None, sample_rate=4000, grain=80, context=None).size == 120 * 4000
