"""Figures of units: against scipy's entropy, and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import entropy

from project.contract import Example
from project.data.unit_counts import UnitCounts, perplexity


def test_perplexity_is_that_of_the_entropy() -> None:
    counts = np.random.default_rng(0).integers(0, 50, size=40)
    assert perplexity(counts) == pytest.approx(np.exp(entropy(counts)))


def test_a_line_tells_what_was_counted() -> None:
    counts = UnitCounts(5)
    line = Example("a", "a.wav", 1.0, symbols=("AA", "B", "AA"), labels={"places": [0.0, 0.3, 0.55]})
    counts.add(line, np.array([2, 2, 2, 3, 3, 3, 3, 3, 3, 3]), 20.0)  # AA at 2, B at 3, AA at 3
    counts.add(Example("b", "b.wav", 1.0), np.array([0, 0, 2, 3]), 8.0)
    assert counts.line == (
        "5 clusters of 14 frames: inertia 2 a frame, 3 used, perplexity "
        f"{np.exp(entropy([2, 4, 8])):.1f}, phone purity 0.667 (0.667 if there were one unit)"
    )


def test_without_places_nothing_is_said_of_phones() -> None:
    counts = UnitCounts(2)
    counts.add(Example("a", "a.wav", 1.0, symbols=("AA",), labels={}), np.array([0, 1]), 1.0)
    counts.add(Example("b", "b.wav", 1.0, symbols=("AA",), labels={"places": [0.1, 0.2]}), np.array([0, 1]), 1.0)
    assert "purity" not in counts.line
