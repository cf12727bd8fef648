"""The search against counting up from one."""

from __future__ import annotations

import pytest

from project.calibration.largest import PART, falling, largest


@pytest.mark.parametrize("start", [1, 3, 40])
@pytest.mark.parametrize("most", [40, 100, 512])
def test_it_finds_what_counting_finds_within_its_part(start: int, most: int) -> None:
    for bound in [*range(70), 99, 100, 101, 511, 512, 600]:
        asked: list[int] = []

        def fits(size: int, asked: list[int] = asked, bound: int = bound) -> bool:
            asked.append(size)
            return size <= bound

        best = max((size for size in range(1, most + 1) if size <= bound), default=0)
        found = largest(fits, start, most)
        assert best - max(1, int(PART * best)) < found <= best or found == best, (bound, found)
        assert (best == 0) == (found == 0)
        assert max(asked) <= max(start, 2 * max(best, 1))  # never far beyond what fits
        assert len(asked) == len(set(asked)) <= 16


def test_what_fits_a_greater_length_fits_a_smaller_one() -> None:
    assert falling([5, 9, 9, 2, 3, 1]) == [9, 9, 9, 3, 3, 1]
    assert falling([]) == []
