"""k-means: points that stand for many others, found in small batches so that there may be millions of those.

It does not know what the points are. Results are a function of the seed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from project.contract import InputError

# N points, F numbers of a point, K clusters

Points: TypeAlias = NDArray[np.float32]
Units: TypeAlias = NDArray[np.int64]

_STARTED_FROM = 20_000  # points among which the first centres are chosen
_BLOCK = 1 << 22  # distances held at once


@dataclass(frozen=True, slots=True)
class Descent:
    """How centres are looked for."""

    steps: int = 200  # each moves the centres towards the points of one batch
    batch_points: int = 10_000
    seed: int = 1

    def __post_init__(self) -> None:
        if min(self.steps, self.batch_points) < 1:
            raise InputError(f"steps={self.steps} batch_points={self.batch_points}: give 1 or more of both")


def fit(points_NF: Points, clusters: int, search: Descent) -> Points:
    """(K, F) centres. Each is the running mean of all points that were nearest to it when they were drawn."""
    if not 1 <= clusters <= len(points_NF):
        raise InputError(f"clusters={clusters}: there are {len(points_NF):,} frames: give from 1 to that many")
    rng = np.random.default_rng(search.seed)
    some = rng.permutation(len(points_NF))[: max(_STARTED_FROM, clusters)]
    centres_KF = first_centres(points_NF[np.sort(some)], clusters, rng)
    counts_K = np.zeros(clusters)
    for _ in range(search.steps):
        batch_NF = points_NF[rng.integers(len(points_NF), size=min(search.batch_points, len(points_NF)))]
        units_N, _ = nearest(batch_NF, centres_KF)
        sums_KF, sizes_K = sums_of(batch_NF, units_N, clusters)
        counts_K += sizes_K
        moves_KF = (sums_KF - sizes_K[:, None] * centres_KF) / np.maximum(counts_K, 1)[:, None]
        centres_KF = (centres_KF + moves_KF).astype(np.float32)
    return centres_KF


def first_centres(points_NF: Points, clusters: int, rng: np.random.Generator) -> Points:
    """(K, F) points far from each other: each is drawn with a chance as the square of its distance from the others."""
    chosen = [int(rng.integers(len(points_NF)))]
    _, squares_N = nearest(points_NF, points_NF[chosen])
    while len(chosen) < clusters:
        total = squares_N.sum(dtype=np.float64)
        if total <= 0:
            raise InputError(f"clusters={clusters}: only {len(chosen)} frames differ: give clusters={len(chosen)}")
        chosen.append(int(rng.choice(len(points_NF), p=squares_N.astype(np.float64) / total)))
        squares_N = np.minimum(squares_N, nearest(points_NF, points_NF[chosen[-1:]])[1])
        squares_N[chosen[-1]] = 0  # rounding must not let it be drawn again
    return points_NF[chosen]


def nearest(points_NF: Points, centres_KF: Points) -> tuple[Units, NDArray[np.float32]]:
    """(N,) the nearest centre of each point, the first of equal ones, and the square of its distance."""
    middle_F = centres_KF.mean(axis=0)  # far from 0, squares would round away what they differ by
    centred_KF = centres_KF - middle_F
    units_N, squares_N = np.empty(len(points_NF), np.int64), np.empty(len(points_NF), np.float32)
    block = max(1, _BLOCK // len(centres_KF))
    for start in range(0, len(points_NF), block):
        part_NF = points_NF[start : start + block] - middle_F
        apart_NK = np.square(centred_KF).sum(axis=1) - 2 * part_NF @ centred_KF.T
        units = apart_NK.argmin(axis=1)
        units_N[start : start + block] = units
        squares = apart_NK[np.arange(len(units)), units] + np.square(part_NF).sum(axis=1)
        squares_N[start : start + block] = np.maximum(squares, 0)
    return units_N, squares_N


def sums_of(points_NF: Points, units_N: Units, clusters: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(K, F) sums of the points of each cluster, and (K,) how many they are.

    >>> sums, sizes = sums_of(np.array([[1.0], [2.0], [4.0]], np.float32), np.array([2, 0, 2]), 3)
    >>> sums[:, 0].tolist(), sizes.tolist()
    ([2.0, 0.0, 5.0], [1.0, 0.0, 2.0])
    """
    places = (units_N, np.arange(len(units_N)))
    is_of_KN = csr_matrix((np.ones(len(units_N)), places), shape=(clusters, len(units_N)))
    return np.asarray(is_of_KN @ points_NF.astype(np.float64)), np.bincount(units_N, minlength=clusters).astype(float)
