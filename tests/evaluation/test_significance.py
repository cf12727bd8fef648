"""The matched-pair test against scipy, all signs written out, and a simulation of systems that do not differ."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from project.evaluation import significance
from project.evaluation.interval import difference_interval, ratio_interval
from project.evaluation.power import ALPHA
from project.evaluation.significance import exact_sign_flips, exchange_test


def scipys(mine: np.ndarray, theirs: np.ndarray, below: np.ndarray) -> float:
    found = stats.permutation_test(
        (mine, theirs),
        lambda a, b, axis: (a.sum(axis) - b.sum(axis)) / below.sum(),
        permutation_type="samples",
        n_resamples=np.inf,
        vectorized=True,
    )
    return mid(found.null_distribution, found.statistic)


def mid(differences: np.ndarray, seen: float) -> float:
    """Those further from 0, and half of those as far."""
    equal = np.isclose(abs(differences), abs(seen), atol=1e-12)
    return float(np.mean((abs(differences) > abs(seen)) & ~equal) + np.mean(equal) / 2)


@pytest.mark.parametrize("seed", range(6))
def test_exact_against_scipy(seed: int) -> None:
    rng = np.random.default_rng(seed)
    mine, theirs, below = rng.poisson(2, 12), rng.poisson(2 + seed / 3, 12), rng.integers(5, 20, 12)
    assert exchange_test((mine, below), (theirs, below)) == pytest.approx(scipys(mine, theirs, below), abs=1e-12)


def test_exact_against_all_signs() -> None:
    gaps = np.array([1, 1, 2, 5, 3, 3, 3])
    sums = [np.dot(signs, gaps) for signs in itertools.product((-1, 1), repeat=len(gaps))]
    for seen in range(19):
        expected = mid(np.array(sums), seen)
        sizes, counts = np.unique(gaps, return_counts=True)
        assert exact_sign_flips(sizes, counts, seen) == pytest.approx(expected, abs=1e-12)


def test_one_word_here_or_there_is_mcnemars_test() -> None:
    for wins, losses in ((7, 1), (20, 9), (300, 250), (1, 0)):
        mine, theirs = np.repeat([0, 1, 3], [wins, losses, 50]), np.repeat([1, 0, 3], [wins, losses, 50])
        below = np.full(len(mine), 10)
        expected = stats.binomtest(wins, wins + losses).pvalue - stats.binom.pmf(wins, wins + losses, 0.5)
        assert exchange_test((mine, below), (theirs, below)) == pytest.approx(expected)


def test_groups_are_exchanged_whole() -> None:
    rng = np.random.default_rng(2)
    mine, theirs, below = rng.poisson(3, 40), rng.poisson(4, 40), np.full(40, 15)
    groups = [str(n % 9) for n in range(40)]
    sums = [np.array([column[n::9].sum() for n in range(9)]) for column in (mine, theirs, below)]
    assert exchange_test((mine, below), (theirs, below), groups) == pytest.approx(scipys(*sums), abs=1e-12)


def test_sampled_where_it_cannot_be_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    """Denominators of their own, or parts of counts: within the sampling error of scipy's, and of the exact one."""
    rng = np.random.default_rng(3)
    below = rng.integers(5, 20, 60)
    mine, theirs = rng.poisson(below / 8), rng.poisson(below / 6)
    exact = exchange_test((mine, below), (theirs, below))
    assert exchange_test((mine / 7, below), (theirs / 7, below)) == pytest.approx(exact, abs=0.02)
    monkeypatch.setattr(significance, "MOST_WORK", 0)
    assert exchange_test((mine, below), (theirs, below)) == pytest.approx(exact, abs=0.02)
    other = below + rng.integers(0, 2, 60)
    signs = rng.integers(0, 2, (20_000, 60)).astype(bool)
    swapped = np.where(signs, theirs, mine).sum(1) / np.where(signs, other, below).sum(1)
    swapped -= np.where(signs, mine, theirs).sum(1) / np.where(signs, below, other).sum(1)
    seen = abs(mine.sum() / below.sum() - theirs.sum() / other.sum())
    assert exchange_test((mine, below), (theirs, other)) == pytest.approx(mid(swapped, seen), abs=0.02)


def test_distance_from_a_target() -> None:
    """A ratio of 0.95 and one of 1.05 are equally far from 1; 1.00 and 1.10 are not."""
    below = np.full(300, 20)
    rng = np.random.default_rng(5)
    short, long = rng.binomial(20, 0.95, 300), 40 - rng.binomial(20, 0.95, 300)
    assert exchange_test((short, below), (long, below)) < 0.001
    assert exchange_test((short, below), (long, below), target=1.0) > 0.2
    assert exchange_test((below, below), (long, below), target=1.0) < 0.001
    low, high = difference_interval((short, below), (long, below), target=1.0)
    assert low < 0 < high
    assert difference_interval((below, below), (long, below), target=1.0)[1] < 0


def test_ends() -> None:
    below = np.full(30, 5)
    assert exchange_test((below, below), (below, below)) == 1.0
    assert exchange_test(([0] * 30, below), ([1] * 30, below)) == pytest.approx(2**-30, rel=1e-6)
    assert exchange_test(([0] * 2000, [5] * 2000), ([1] * 2000, [5] * 2000)) > 0


def test_four_examples_prove_nothing() -> None:
    """Resampling hardly ever leaves out all four, so its interval excludes 0; exchanging them says 1 in 16."""
    below = np.full(200, 20)
    mine, theirs = np.zeros(200), np.repeat([1, 0], [4, 196])
    assert difference_interval((mine, below), (theirs, below))[1] < 0
    assert exchange_test((mine, below), (theirs, below)) == pytest.approx(1 / 16)


def test_large_and_quick() -> None:
    """10,000 examples, and sums of groups: the exact chances are still chances."""
    rng = np.random.default_rng(6)
    below = rng.integers(50, 150, 10_000)
    mine, theirs = rng.binomial(below, 0.1), rng.binomial(below, 0.1)
    groups = [str(n % 40) for n in range(10_000)]
    z = abs((mine - theirs).sum()) / np.sqrt(np.square(mine - theirs).sum())
    assert exchange_test((mine, below), (theirs, below)) == pytest.approx(2 * stats.norm.sf(z), abs=0.01)
    assert 0 < exchange_test((mine, below), (theirs, below), groups) <= 1


Trial = tuple[np.ndarray, np.ndarray, np.ndarray, list[str] | None]


def equal_systems(num_examples: int, rng: np.random.Generator) -> Trial:
    """Two systems that share most errors and have 2 % of words of their own: no difference but chance."""
    below = rng.integers(5, 36, num_examples)
    shared = rng.binomial(below, 0.1)
    return shared + rng.binomial(below, 0.01), shared + rng.binomial(below, 0.01), below, None


def equal_on_average(num_groups: int, rng: np.random.Generator, *, unequal: bool) -> Trial:
    """One system is better for some speakers, worse for as many others."""
    sizes = np.maximum(2, rng.geometric(0.1, num_groups)) if unequal else np.full(num_groups, 10)
    groups = np.arange(num_groups).repeat(sizes)
    below = rng.integers(5, 36, len(groups))
    effects = 0.12 + rng.normal(0, 0.03, num_groups)
    mine, theirs = rng.binomial(below, effects[groups].clip(0, 1)), rng.binomial(below, 0.12)
    return mine, theirs, below, [str(group) for group in groups]


@pytest.mark.long
@pytest.mark.parametrize(
    ("kind", "trials"), [("examples", 1_000), ("12 groups", 2_500), ("20 groups", 2_500), ("24 unequal groups", 2_500)]
)
def test_false_positives(kind: str, trials: int) -> None:
    """Between 4 and 6 % of equal systems are called different, to within what so many trials can say.

    Tests over examples call several times as many different where effects vary by speaker.
    """
    rng = np.random.default_rng(1)
    found, by_example = np.zeros((trials, 3), dtype=bool), []
    for trial in range(trials):
        if kind == "examples":
            mine, theirs, below, groups = equal_systems(150, rng)
        else:
            mine, theirs, below, groups = equal_on_average(
                int(kind.split(maxsplit=1)[0]), rng, unequal="unequal" in kind
            )
        pair = (mine, below), (theirs, below)
        low, high = difference_interval(*pair, groups, num_resamples=1_000, seed=trial)
        resampled, exchanged = not low <= 0 <= high, exchange_test(*pair, groups) <= ALPHA
        found[trial] = resampled, exchanged, resampled and exchanged
        if groups and trial < 300:
            by_example.append(exchange_test(*pair) <= ALPHA)
    slack = 2 * np.sqrt(0.05 * 0.95 / trials)
    resampled, exchanged, both = found.mean(axis=0)
    assert 0.04 - slack < resampled < 0.06 + slack
    assert 0.04 - slack < exchanged < 0.06 + slack
    assert 0.04 - slack < both < 0.06
    assert not by_example or np.mean(by_example) > 0.08


@pytest.mark.parametrize(("num_groups", "trials"), [(0, 1_500), (12, 2_500), (30, 2_000)])
def test_coverage(num_groups: int, trials: int) -> None:
    """Between 93 and 97 % of intervals hold the true rate, over examples and over groups of unequal size and skill."""
    rng, held = np.random.default_rng(2), 0
    for trial in range(trials):
        sizes = np.maximum(2, rng.geometric(0.1, num_groups)) if num_groups else np.ones(120, dtype=int)
        rates = 0.1 * rng.gamma(6.25, 0.16, len(sizes)) if num_groups else np.full(120, 0.1)
        groups = np.arange(len(sizes)).repeat(sizes)
        below = rng.integers(5, 36, len(groups))
        above = rng.binomial(below, rates[groups].clip(0, 1))
        names = [str(group) for group in groups] if num_groups else None
        low, high = ratio_interval(above, below, names, num_resamples=1_000, seed=trial)
        held += low <= 0.1 <= high
    assert 0.93 <= held / trials <= 0.97
