"""What a search may choose from: within its ends, spelled as the command line takes it."""

from __future__ import annotations

import random

import pytest

from project.contract import InputError
from project.search.space import Choice, Interval

pytest.importorskip("optuna")


def test_a_spelled_number_is_never_outside() -> None:
    dice = random.Random(1)
    for _ in range(2000):
        low = dice.uniform(-1, 1) * 10 ** dice.uniform(-7, 5)
        high = low + abs(low) * 10 ** dice.uniform(-8, 3)
        if low < high:
            axis = Interval(low, high)
            for value in (low, high, dice.uniform(low, high)):
                text = axis.spell(value)
                assert low <= float(text) <= high
                assert float(text) == pytest.approx(value, rel=1e-5, abs=1e-5 * abs(low))


def test_the_distributions_have_the_same_ends() -> None:
    whole = Interval(16, 64, whole=True, step=16).distribution()
    assert [whole._contains(value) for value in (15, 16, 24, 32, 64, 80)] == [False, True, False, True, True, False]
    real = Interval(1e-5, 1e-2, log=True).distribution()
    assert [real._contains(value) for value in (9e-6, 1e-5, 1e-2, 1.1e-2)] == [False, True, True, False]
    assert Choice(("a", "null")).distribution().choices == ("a", "null")  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"low": 1, "high": 1}, "no two values"),
        ({"low": 2, "high": 1}, "no two values"),
        ({"low": 0, "high": float("inf")}, "no two values"),
        ({"low": 0, "high": 1, "log": True}, "above 0"),
        ({"low": 1, "high": 9, "log": True, "whole": True, "step": 2}, "no logarithm"),
    ],
)
def test_bad_intervals_are_refused(arguments: dict[str, float], words: str) -> None:
    with pytest.raises(InputError, match=words):
        Interval(**arguments)


def test_bad_choices_are_refused() -> None:
    for values in ((), ("a",), ("a", "a")):
        with pytest.raises(InputError, match="one value"):
            Choice(values)
    with pytest.raises(InputError, match="twice"):
        Choice(("a", "b", "a"))
