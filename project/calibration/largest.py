"""The largest size that fits, asked as seldom as can be. It does not know what has a size."""

from __future__ import annotations

from collections.abc import Callable, Sequence

PART = 1 / 16  # of a size, by which the largest may be missed: nearer costs more steps than it saves


def largest(fits: Callable[[int], bool], start: int, most: int, part: float = PART) -> int:
    """The largest size up to `most` that fits, or up to that part less; 0 if not even 1 does.

    From `start` on sizes double until one does not fit, then the gap is halved. Smaller than what fits, all fit.

    >>> asked = []
    >>> largest(lambda size: asked.append(size) or size <= 21, start=4, most=100), asked
    (21, [4, 8, 16, 32, 24, 20, 22, 21])
    """
    assert 1 <= start <= most, "sizes begin at 1"
    low, size = 0, start
    while fits(size):
        if size == most:
            return most
        low, size = size, min(2 * size, most)
    high = size
    while high - low > max(1, int(low * part)):
        middle = (low + high) // 2
        if fits(middle):
            low = middle
        else:
            high = middle
    return low


def falling(sizes: Sequence[int]) -> list[int]:
    """The same sizes, by rising length, none below that of a greater length: what fits there fits here.

    >>> falling([30, 32, 8])
    [32, 32, 8]
    """
    found = list(sizes)
    for place in range(len(found) - 2, -1, -1):
        found[place] = max(found[place], found[place + 1])
    return found
