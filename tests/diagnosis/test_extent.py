"""Output lengths: figures against a fitted line, and models whose lengths are not those of what they hear."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from project.contract import Batch, Emissions
from project.diagnosis.evidence import Evidence
from project.diagnosis.extent import ExtentSums, ForeignLength

GIVEN = ((900, 400, 250), (640, 320, 333, 100))


def part(given: tuple[int, ...], made: tuple[int, ...], frames: int) -> tuple[Emissions, Batch]:
    size = len(given)
    batch = Batch(("",) * size, torch.zeros(size, max(given), 1), torch.tensor(given), {}, ("",) * size)
    return Emissions(torch.zeros(size, frames, 3), torch.tensor(made)), batch


def summed(*parts: tuple[Emissions, Batch]) -> ExtentSums:
    sums = ExtentSums()
    for one in parts:
        sums.add(*one)
    return sums


def test_figures_against_a_fitted_line() -> None:
    draw = np.random.default_rng(0)
    made = [tuple(int(n // 3 + draw.integers(0, 40)) for n in batch) for batch in GIVEN]
    first, second = (part(given, out, max(out) + 7) for given, out in zip(GIVEN, made, strict=True))
    x, y = np.concatenate(GIVEN), np.concatenate(made)
    _, constant = np.polyfit(x, y, 1)
    longest = [max(out) for out in made]
    expected = {"length/fixed": constant / y.mean(), "length/unused": 14 / (sum(longest) + 14)}
    assert summed(first, second).figures() == pytest.approx(expected)
    halves = summed(first)
    halves.merge(summed(second).state())
    assert halves.figures() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("subject", "length", "frames"),
    [
        (None, lambda n: (n - 40) // 3 + 1, lambda n: (n - 40) // 3 + 1),  # as convolutions have it
        (None, lambda n: n // 3, lambda n: n // 3 + 8),  # padded a little further
        ("fixed", lambda n: 500, lambda n: 500),  # those of a clip of fixed length
        ("unused", lambda n: n // 6, lambda n: n // 3),  # halved twice
    ],
)
def test_what_is_told(subject: str | None, length: object, frames: object) -> None:
    made = [part(given, tuple(map(length, given)), frames(max(given))) for given in GIVEN]  # type: ignore[arg-type, operator]
    figures = summed(*made).figures()
    found = list(ForeignLength()(Evidence({name: [(1, value)] for name, value in figures.items()})))
    assert [finding.subject for finding in found] == ([subject] if subject else [])


def test_examples_of_one_length_tell_nothing() -> None:
    alike = part((300, 301, 302, 303, 304, 305), (100,) * 6, 100)
    assert summed(alike).figures() == {"length/unused": 0.0}
    assert summed(part((900, 100), (300, 300), 300)).figures() == {"length/unused": 0.0}, "too few"
    assert ExtentSums().figures() == {}
    assert list(ForeignLength()(Evidence({}))) == []
