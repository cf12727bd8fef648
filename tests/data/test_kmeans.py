"""k-means: as good as scipy's on points that lie in heaps, the same for a seed, and sound where points are few."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.cluster.vq import kmeans2
from scipy.spatial.distance import cdist

from project.contract import InputError
from project.data.kmeans import Descent, Points, first_centres, fit, nearest


@pytest.fixture(scope="module")
def heaps() -> tuple[Points, Points]:
    """Twelve heaps far from the origin, and their middles."""
    rng = np.random.default_rng(3)
    middles = 1000 + 10 * rng.normal(size=(12, 5))
    points = middles[rng.integers(12, size=3000)] + 0.3 * rng.normal(size=(3000, 5))
    return points.astype(np.float32), middles.astype(np.float32)


def inertia(points: Points, centres: Points) -> float:
    return float((cdist(points, centres) ** 2).min(axis=1).mean())


def test_the_nearest_centre_is_the_nearest(heaps: tuple[Points, Points]) -> None:
    points, middles = heaps
    units, squares = nearest(points, middles)
    apart = cdist(points, middles) ** 2
    assert (units == apart.argmin(axis=1)).all()
    np.testing.assert_allclose(squares, apart.min(axis=1), rtol=1e-2, atol=1e-2)


def test_heaps_are_found(heaps: tuple[Points, Points]) -> None:
    points, middles = heaps
    found = fit(points, 12, Descent(steps=60, batch_points=500, seed=2))
    best = min(inertia(points, kmeans2(points.astype(np.float64), 12, minit="++", rng=seed)[0]) for seed in range(6))
    assert inertia(points, found) < 1.05 * best
    assert cdist(middles, found).min(axis=1).max() < 0.3


def test_noise_is_divided_nearly_as_well_as_by_the_whole_algorithm() -> None:
    points = np.random.default_rng(0).normal(size=(4000, 4)).astype(np.float32)
    found = fit(points, 30, Descent(steps=150, batch_points=1000))
    best = min(inertia(points, kmeans2(points.astype(np.float64), 30, minit="++", rng=seed)[0]) for seed in range(3))
    assert inertia(points, found) < 1.05 * best


def test_a_seed_decides(heaps: tuple[Points, Points]) -> None:
    points, _ = heaps
    one, again, other = (fit(points, 5, Descent(steps=5, seed=seed)) for seed in (1, 1, 2))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def test_first_centres_are_points_that_differ() -> None:
    points = np.repeat(np.eye(6, dtype=np.float32), 50, axis=0)
    found = first_centres(points, 6, np.random.default_rng(0))
    assert len(np.unique(found, axis=0)) == 6


def test_too_few_points_are_told() -> None:
    with pytest.raises(InputError, match="there are 3 frames"):
        fit(np.zeros((3, 2), np.float32), 4, Descent())
    with pytest.raises(InputError, match="only 2 frames differ: give clusters=2"):
        fit(np.repeat(np.eye(2, dtype=np.float32), 5, axis=0), 3, Descent())
    with pytest.raises(InputError, match="steps=0"):
        Descent(steps=0)
