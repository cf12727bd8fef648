"""Letters put together, against the same done number by number."""

from __future__ import annotations

import numpy as np
import pytest

from project.corpus.speller.assembly import Part, assemble


def clip(frames: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(frames, 543, 3)).astype(np.float32)


def by_hand(values: list[float], begin: float, end: float, speed: float) -> list[float]:
    """One coordinate of a part."""
    kept = values[round(begin * len(values)) : round(end * len(values))]
    wanted = max(3, round(len(kept) / speed))
    places = [number * (len(kept) - 1) / (wanted - 1) for number in range(wanted)]
    return np.interp(places, range(len(kept)), kept).tolist()


def test_letters_follow_each_other_with_straight_ways_between() -> None:
    cuts = [(0.1, 0.9, 0.8), (0.25, 0.75, 1.5), (0.0, 1.0, 1.0)]
    clips = [clip(20, 0), clip(31, 1), clip(12, 2)]
    found = assemble([Part(one, *cut) for one, cut in zip(clips, cuts, strict=True)], [4, 2])
    for point, axis in ((0, 0), (300, 1), (542, 2)):
        first, second, third = (
            by_hand(one[:, point, axis].tolist(), *cut) for one, cut in zip(clips, cuts, strict=True)
        )
        ways = [
            [before + (after - before) * step / (count + 1) for step in range(1, count + 1)]
            for before, after, count in ((first[-1], second[0], 4), (second[-1], third[0], 2))
        ]
        expected = [*first, *ways[0], *second, *ways[1], *third]
        np.testing.assert_allclose(found[:, point, axis], expected, atol=1e-5)
    assert found.dtype == np.float32


@pytest.mark.parametrize("speed", [0.5, 1.0, 2.0])
def test_speed_says_how_many_frames_are_left(speed: float) -> None:
    assert len(assemble([Part(clip(40, 0), 0, 1, speed)], [])) == 40 / speed


def test_no_way_at_all_and_no_letter_too_short() -> None:
    whole = clip(10, 0)
    found = assemble([Part(whole, 0, 1, 1), Part(whole, 0, 1, 1)], [0])
    np.testing.assert_allclose(found, np.concatenate([whole, whole]), atol=1e-6)
    for frames in (1, 2, 3):
        for begin, end in ((0.0, 1.0), (0.05, 0.7), (0.3, 0.95), (0.6, 0.61), (0.99, 1.0)):
            assert len(assemble([Part(clip(frames, 0), begin, end, 10.0)], [])) == 3


def test_the_way_from_a_hand_that_is_not_there_is_not_there() -> None:
    one, other = clip(10, 0), clip(10, 1)
    one[:, 501:522] = np.nan
    found = assemble([Part(one, 0, 1, 1), Part(other, 0, 1, 1)], [3])
    assert np.isnan(found[:13, 501:522]).all()
    assert np.isfinite(found[13:]).all()
    assert np.isfinite(found[:, :501]).all()
    assert np.isnan(one[:, 501:522]).all()
