"""Correlations, AUC and F1 against scipy and brute force, on resamples written out example by example."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from project.metric.association import Array, auc, midranks, pearson, spearman

Reckon = Callable[[Array, Array], float]


def slow_auc(scores: Array, positives: Array) -> float:
    pairs = itertools.product(scores[positives > 0], scores[positives <= 0])
    return float(np.mean([0.5 if high == low else float(high > low) for high, low in pairs]))


def draw(num_examples: int = 60, ties: bool = False) -> tuple[Array, Array, Array]:
    """Scores, a value that goes with them, and how often each example comes in 40 resamples."""
    rng = np.random.default_rng(4)
    first = rng.normal(size=num_examples)
    second = first + rng.normal(size=num_examples)
    if ties:
        first, second = np.round(first), np.round(second, 1)
    counts = rng.multinomial(num_examples, np.full(num_examples, 1 / num_examples), size=40).T
    return first, second, counts.astype(float)


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize(
    ("fast", "slow", "classes"),
    [
        (pearson, lambda x, y: stats.pearsonr(x, y)[0], False),
        (spearman, lambda x, y: stats.spearmanr(x, y)[0], False),
        (auc, slow_auc, True),
    ],
)
def test_every_resample_written_out(fast: Callable[..., object], slow: Reckon, classes: bool, ties: bool) -> None:
    first, second, counts = draw(ties=ties)
    second = (second > 0).astype(float) if classes else second
    found = fast(first, second)(counts)  # type: ignore[operator]
    for column, figure in zip(counts.T.astype(int), found, strict=True):
        assert figure == pytest.approx(slow(np.repeat(first, column), np.repeat(second, column)), abs=1e-12)
    ones = np.ones((len(first), 1))
    assert fast(first, second)(ones)[0] == pytest.approx(slow(first, second), abs=1e-12)  # type: ignore[operator]


def test_ranks_are_scipys() -> None:
    first, _, counts = draw(ties=True)
    found = midranks(first)(counts)
    for column, ranks in zip(counts.T.astype(int), found.T, strict=True):
        np.testing.assert_allclose(np.repeat(ranks, column), stats.rankdata(np.repeat(first, column)))


def test_nothing_to_tell_apart_is_no_figure() -> None:
    column, ones, same = np.array([1.0, 2, 3]), np.ones((3, 1)), np.full(3, 0.1)
    once = np.array([[3.0], [0], [0]])
    assert np.isnan(pearson(column, same)(ones)).all()
    assert np.isnan(pearson(column, column)(once)).all()
    assert np.isnan(spearman(column, same)(ones)).all()
    assert np.isnan(auc(column, np.ones(3))(ones)).all()
    assert pearson(1e8 + column, column)(ones)[0] == pytest.approx(1)
