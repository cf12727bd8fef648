"""Intervals against a plain loop, exact enumeration, scipy, and a simulation in which the truth is known."""

from __future__ import annotations

import itertools
import random
import time

import numpy as np
import pytest
from scipy import stats

from project.contract import InputError
from project.evaluation.interval import (
    difference_interval,
    drawn_counts,
    effective_units,
    ratio_interval,
    resampled_sums,
    resampling_unit,
    summary_intervals,
    unit_sums,
    weighed_intervals,
)
from project.metric.association import auc, pearson, spearman


def draw(num_examples: int, rate: float = 0.08, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    lengths = rng.integers(5, 40, num_examples)
    return rng.binomial(lengths, rate).astype(float), lengths.astype(float)


def loop_interval(errors: np.ndarray, lengths: np.ndarray, groups: list[str], resamples: int = 2_000) -> np.ndarray:
    """The textbook: draw groups, put their examples together, reckon the rate; no correction."""
    rng, figures = random.Random(5), []
    names = sorted(set(groups))
    for _ in range(resamples):
        chosen = [n for name in rng.choices(names, k=len(names)) for n, group in enumerate(groups) if group == name]
        figures.append(errors[chosen].sum() / lengths[chosen].sum())
    return np.quantile(figures, [0.025, 0.975])


@pytest.mark.parametrize("num_groups", [40, 60])
def test_against_a_plain_loop(num_groups: int) -> None:
    errors, lengths = draw(60)
    groups = [f"speaker {n % num_groups}" for n in range(60)]
    expected = loop_interval(errors, lengths, groups)
    found = np.array(ratio_interval(errors, lengths, groups))
    width = expected[1] - expected[0]
    widening = stats.t.ppf(0.975, num_groups - 1) / stats.norm.ppf(0.975) * np.sqrt(num_groups / (num_groups - 1)) - 1
    assert np.abs(found - expected).max() < (0.05 + widening) * width
    if num_groups == 60:
        assert ratio_interval(errors, lengths, groups) == pytest.approx(
            ratio_interval(errors, lengths), abs=0.03 * width
        )


def test_against_scipy() -> None:
    errors, lengths = draw(150)
    tail = stats.norm.cdf(np.sqrt(150 / 149) * stats.t.ppf(0.025, 149))  # the widening, reckoned with other functions
    expected = stats.bootstrap(
        (errors, lengths),
        lambda above, below, axis: above.sum(axis) / below.sum(axis),
        paired=True,
        method="percentile",
        confidence_level=1 - 2 * tail,
        rng=np.random.default_rng(3),
    ).confidence_interval
    assert ratio_interval(errors, lengths) == pytest.approx(tuple(expected), abs=0.03 * (expected.high - expected.low))


def test_paired_difference_against_scipy() -> None:
    (mine, lengths), (noise, _) = draw(150), draw(150, 0.02, seed=1)
    theirs = mine + noise
    tail = stats.norm.cdf(np.sqrt(150 / 149) * stats.t.ppf(0.025, 149))
    for own_lengths in (lengths, lengths + 1):  # one reference for both, and one each
        expected = stats.bootstrap(
            (mine, lengths, theirs, own_lengths),
            lambda a, b, c, d, axis: a.sum(axis) / b.sum(axis) - c.sum(axis) / d.sum(axis),
            paired=True,
            method="percentile",
            confidence_level=1 - 2 * tail,
            rng=np.random.default_rng(4),
        ).confidence_interval
        found = difference_interval((mine, lengths), (theirs, own_lengths))
        assert found == pytest.approx(tuple(expected), abs=0.04 * (expected.high - expected.low))
        assert found[1] < 0


@pytest.mark.parametrize("rows", [[[0, 4], [0, 4], [3, 9]], [[0, 4], [2, 7], [3, 9]]])
def test_resamples_against_enumeration(rows: list[list[int]]) -> None:
    """All 27 ways to draw three of three rows, with two equal ones and without; many copies force either road."""
    exact = np.array([np.sum(choice, axis=0) for choice in itertools.product(rows, repeat=3)])
    found = resampled_sums(np.array(rows, dtype=float), 60_000, seed=1)
    for sums in np.unique(exact, axis=0):
        expected, seen = (exact == sums).all(1).mean(), (found == sums).all(1).mean()
        assert seen == pytest.approx(expected, abs=5 * np.sqrt(expected / 60_000))


@pytest.mark.parametrize("distinct", [8, 400])
def test_both_roads_have_the_right_moments(distinct: int) -> None:
    rng = np.random.default_rng(2)
    rows = np.repeat(rng.normal(size=(distinct, 2)), 400 // distinct, axis=0)
    found = resampled_sums(rows, 20_000, seed=3)
    np.testing.assert_allclose(found.mean(0), rows.sum(0), atol=5 * np.sqrt(400 / 20_000))
    np.testing.assert_allclose(np.cov(found.T), 400 * np.cov(rows.T, bias=True), atol=0.04 * 400)


def test_other_summaries_agree_with_the_fast_road() -> None:
    errors, lengths = draw(80)
    groups = [f"speaker {n % 20}" for n in range(80)]

    def summarize(columns: dict[str, list[float]]) -> dict[str, float]:
        return {"rate": sum(columns["errors"]) / sum(columns["lengths"]), "spread": float(np.std(columns["errors"]))}

    columns = {"errors": errors.tolist(), "lengths": lengths.tolist()}
    for unit in (None, groups):
        found = summary_intervals(summarize, columns, unit, num_resamples=4_000)
        low, high = ratio_interval(errors, lengths, unit)
        assert found["rate"] == pytest.approx((low, high), abs=0.06 * (high - low))
        assert found["spread"][0] < np.std(errors) < found["spread"][1]


@pytest.mark.parametrize("grouped", [False, True])
def test_figures_of_many_resamples_at_once_are_the_slow_roads(grouped: bool) -> None:
    """The same draws, reckoned one by one with scipy: not alike, but equal."""
    rng = np.random.default_rng(8)
    x = rng.normal(size=90)
    y = np.round(x + rng.normal(size=90), 1)
    label = (y > 0.3).astype(float)
    groups = [f"speaker {n % 15}" for n in range(90)] if grouped else None

    def summarize(columns: dict[str, list[float]]) -> dict[str, float]:
        x, y, label = (np.array(columns[name]) for name in ("x", "y", "label"))
        pairs = (label > 0).sum() * (label == 0).sum()
        return {
            "pearson": stats.pearsonr(x, y)[0],
            "spearman": stats.spearmanr(x, y)[0],
            "auc": stats.mannwhitneyu(x[label > 0], x[label == 0])[0] / pairs,
        }

    columns = {"x": x.tolist(), "y": y.tolist(), "label": label.tolist()}
    slow = summary_intervals(summarize, columns, groups, num_resamples=300, seed=3)
    figures = {"pearson": pearson(x, y), "spearman": spearman(x, y), "auc": auc(x, label)}
    fast = weighed_intervals(figures, 90, groups, num_resamples=300, seed=3)
    assert fast.keys() == slow.keys()
    for name, interval in fast.items():
        assert interval == pytest.approx(slow[name], abs=1e-12)


def test_counts_are_of_whole_resamples() -> None:
    """Many chunks, each resample with as many draws as there are units, every unit as often as it should come."""
    counts = np.concatenate(list(drawn_counts(4_000, 300, seed=1)), axis=1)
    assert counts.shape == (4_000, 300)
    assert (counts.sum(axis=0) == 4_000).all()
    assert counts.var() == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("num_examples", [60, 200])
def test_intervals_of_correlations_hold_the_truth(num_examples: int) -> None:
    rng, held, trials = np.random.default_rng(4), 0, 500
    for trial in range(trials):
        x = rng.normal(size=num_examples)
        y = 0.6 * x + 0.8 * rng.normal(size=num_examples)
        low, high = weighed_intervals({"r": pearson(x, y)}, num_examples, num_resamples=400, seed=trial)["r"]
        held += low <= 0.6 <= high
    assert 0.925 <= held / trials <= 0.975


def test_unequal_units_count_as_fewer() -> None:
    assert effective_units(np.full(12, 7.0)) == pytest.approx(12)
    assert effective_units(np.array([900.0, 1, 1, 1])) == pytest.approx(1, abs=0.01)
    assert effective_units(np.zeros(3)) == 0


@pytest.mark.parametrize(("num_groups", "per_group", "spread"), [(100, 1, 0.0), (12, 8, 0.6)])
def test_intervals_hold_the_truth(num_groups: int, per_group: int, spread: float) -> None:
    """95 % of intervals hold it; with effects of groups only if groups are drawn."""
    rng, held, held_by_example, trials = np.random.default_rng(0), 0, 0, 600
    truth = 0.1
    for trial in range(trials):
        rates = truth * (1 + spread * rng.uniform(-1, 1, num_groups)).repeat(per_group)
        lengths = np.full(num_groups * per_group, 30)
        errors, groups = rng.binomial(lengths, rates), [str(n // per_group) for n in range(len(lengths))]
        low, high = ratio_interval(errors, lengths, groups, num_resamples=600, seed=trial)
        held += low <= truth <= high
        low, high = ratio_interval(errors, lengths, num_resamples=600, seed=trial)
        held_by_example += low <= truth <= high
    assert 0.925 <= held / trials <= 0.975
    assert (held_by_example / trials < 0.85) == (spread > 0)


def test_no_error_is_no_certainty() -> None:
    low, high = ratio_interval([0] * 100, [20] * 100)
    assert low == 0
    assert high == pytest.approx(stats.binomtest(0, 100).proportion_ci().high)
    assert ratio_interval([1] * 100, [1] * 100) == (pytest.approx(stats.binomtest(100, 100).proportion_ci().low), 1.0)
    assert difference_interval(([0, 1], [5, 5]), ([0, 1], [5, 5])) == (0, 0)


def test_no_error_is_no_certainty_though_errors_come_in_clumps() -> None:
    """300 examples of 10 symbols, one in 200 wrong in five of them: 0.25 % is inside though none is seen."""
    rng, inside = np.random.default_rng(0), 0
    for trial in range(200):
        errors = 5 * (rng.random(300) < 0.005)
        low, high = ratio_interval(errors, [10] * 300, seed=trial, num_resamples=1000)
        inside += low <= 0.0025 <= high
        assert errors.any() or high > 0.0025
    assert inside / 200 > 0.93


def test_seed_and_single_example() -> None:
    errors, lengths = draw(30)
    assert ratio_interval(errors, lengths, seed=1) == ratio_interval(errors, lengths, seed=1)
    assert ratio_interval(errors, lengths, seed=1) != ratio_interval(errors, lengths, seed=2)
    assert ratio_interval([2], [10]) == (0.2, 0.2)
    assert ratio_interval([1, 0], [2, 0]) == (0.5, 0.5)  # resamples without any length say nothing


def test_unit_sums_and_units() -> None:
    rows = np.array([[1.0, 2.0], [10.0, 20.0], [100.0, 200.0]])
    assert unit_sums(rows, ["b", "a", "b"]).tolist() == [[10, 20], [101, 202]]
    assert resampling_unit([None] * 10) == "example"
    assert resampling_unit([str(n) for n in range(20)]) == "example"  # every example its own group
    assert resampling_unit([str(n // 2) for n in range(20)]) == "group"


@pytest.mark.parametrize(
    ("above", "below", "groups", "message"),
    [
        ([], [], None, "at least one example"),
        ([float("nan")], [1], None, "NaN"),
        ([0, 0], [0, 0], None, "all lengths are 0"),
        ([1, 2], [3, 4], ["a"], "1 groups for 2 examples"),
    ],
)
def test_refused(above: list[float], below: list[float], groups: list[str] | None, message: str) -> None:
    with pytest.raises(InputError, match=message):
        ratio_interval(above, below, groups)


def test_ten_thousand_resamples_of_ten_thousand() -> None:
    """Under a second where nothing else runs; ten times that is no longer a matter of load."""
    errors, lengths = draw(10_000)
    start = time.perf_counter()
    ratio_interval(errors, lengths)
    difference_interval((errors, lengths), (errors[::-1], lengths))
    assert time.perf_counter() - start < 10
