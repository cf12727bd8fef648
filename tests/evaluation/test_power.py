"""Power against simulated comparisons, brute force and published arithmetic."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from project.evaluation.interval import difference_interval, resampled_sums
from project.evaluation.power import (
    ALPHA,
    Extent,
    detectable,
    expected_interval,
    needed,
    power,
    saturation,
    sensitivity,
    standard_error,
)
from project.evaluation.significance import exchange_test

WORDS = 20  # in an utterance


def pairs(
    num_utterances: int, discordance: float, difference: float, rng: np.random.Generator
) -> tuple[np.ndarray, ...]:
    """Errors of two systems: each word is wrong with one of them alone, more often with the second, or with neither."""
    draw = rng.random((num_utterances, WORDS))
    better = (draw < (discordance - difference) / 2).sum(axis=1)
    worse = (draw > 1 - (discordance + difference) / 2).sum(axis=1)
    return better, worse, np.full(num_utterances, WORDS)


@pytest.mark.parametrize(
    ("num_utterances", "difference", "trials"), [(160, 0.005, 1_500), (2_720, 0.0012, 200), (160, 0.0, 600)]
)
def test_by_simulation(num_utterances: int, difference: float, trials: int) -> None:
    """1 % of words differ: 160 utterances find 0.5 points in four of five cases, 2,720 find 0.12 points."""
    rng, found = np.random.default_rng(0), 0
    for _ in range(trials):
        better, worse, below = pairs(num_utterances, 0.01, difference, rng)
        found += exchange_test((better, below), (worse, below)) <= ALPHA
    expected = Extent(num_utterances * WORDS, num_utterances).power(difference, 0.01)
    assert expected == pytest.approx(0.8 if difference else 0.05, abs=0.01)
    assert found / trials == pytest.approx(expected, abs=0.01 + 2 * math.sqrt(0.16 / trials))


def test_utterances_needed_are_those_of_the_textbook() -> None:
    """McNemar's sample size with the normal distribution: 2,725 and 157 utterances of 20 words."""
    z = stats.norm.ppf(0.975) + stats.norm.ppf(0.8)
    for difference, published in ((0.0012, 2_720), (0.005, 160)):
        expected = z**2 * (0.01 - difference**2) / difference**2 / WORDS
        found = Extent(200 * WORDS, 200).needed(difference, 0.01)
        assert found == pytest.approx(expected, rel=0.03)
        assert found == pytest.approx(published, rel=0.02)


def test_the_three_ways_to_ask_agree() -> None:
    for extent in (Extent(4_000, 200), Extent(30_000, 12, design=2.5)):
        smallest = extent.detectable(0.02)
        assert smallest
        assert extent.power(smallest, 0.02) == pytest.approx(0.8, abs=0.001)
        assert extent.needed(smallest, 0.02) == pytest.approx(extent.num_units, abs=1)
    assert Extent(4_000, 200).detectable(0.001) is None  # four words
    assert Extent(4_000, 200).power(0.02, 0.01) is None
    assert Extent(4_000, 200).needed(0.02, 0.01) is None


def test_the_sources_own_case() -> None:
    """0.1261 to 0.1253 on 200 utterances: three words of 4,000. It could not have been found, and was not."""
    extent = Extent(200 * WORDS, 200)
    assert extent.power(0.0008, 0.01) == pytest.approx(0.08, abs=0.005)
    assert extent.needed(0.0008, 0.01) == pytest.approx(6_130, abs=10)
    assert extent.detectable(0.01) == pytest.approx(0.0044, abs=0.0001)
    below = np.full(200, WORDS)
    rest = 1 + np.random.default_rng(0).multinomial(301, np.full(200, 1 / 200))
    alone = np.zeros(200, dtype=int)
    alone[:3] = 1
    assert rest.sum() / below.sum() == pytest.approx(0.1253, abs=1e-4)
    assert exchange_test((rest, below), (rest + alone, below)) == pytest.approx(0.125)  # three words, all one way
    mixed = np.zeros(200, dtype=int)
    mixed[3:20], mixed[20:40] = -1, 1
    assert exchange_test((rest, below), (rest + mixed, below)) > 0.6  # 20 better, 17 worse


def test_power_of_few_units_is_the_t_tests() -> None:
    rng = np.random.default_rng(1)
    for units, shift in ((8, 1.2), (20, 0.6)):
        draws = rng.normal(shift, 1, (20_000, units))
        found = stats.ttest_1samp(draws, 0, axis=1).pvalue <= ALPHA
        assert power(shift, 1 / math.sqrt(units), units - 1) == pytest.approx(found.mean(), abs=0.01)
    assert power(detectable(0.3, 11), 0.3, 11) == pytest.approx(0.8, abs=1e-6)
    assert power(0.1, 0.0, 5) == 1
    assert power(0.0, 0.0, 5) == 0
    assert power(0.1, 0.1, 0) == 0
    assert detectable(0.1, 0) == math.inf


def test_needed_is_the_first_that_is_enough() -> None:
    for difference, error, units in ((0.01, 0.02, 50), (0.03, 0.01, 40), (1.0, 1e-6, 10)):
        found = needed(difference, error, units)
        enough = [power(difference, error * math.sqrt(units / n), n - 1) >= 0.8 for n in (found - 1, found)]
        assert enough == [False, True]


@pytest.mark.parametrize("grouped", [False, True])
def test_after_a_comparison(grouped: bool) -> None:
    """The standard error is the bootstrap's spread, and a set of the size named finds the difference."""
    rng = np.random.default_rng(2)
    better, worse, below = pairs(600, 0.05, 0.005, rng)
    groups = [str(n % 60) for n in range(600)] if grouped else None
    found = sensitivity((better, below), (worse, below), groups)
    rows = np.stack([better - worse, below], axis=1).astype(float)
    units = np.stack([rows[n::60].sum(axis=0) for n in range(60)]) if grouped else rows
    sums = resampled_sums(units, 20_000, 0)
    assert found.num_units == len(units)
    assert found.error == pytest.approx((sums[:, 0] / sums[:, 1]).std(), rel=0.03)
    low, high = difference_interval((better, below), (worse, below), groups)
    assert found.detectable == pytest.approx((high - low) / 3.92 * 2.8, rel=0.06)
    assert found.needed
    assert power((better - worse).sum() / below.sum(), found.error * math.sqrt(len(units) / found.needed), 1e4) > 0.79


def test_own_denominators_and_ends() -> None:
    rng = np.random.default_rng(3)
    rows = np.stack([rng.poisson(3, 300), rng.integers(10, 30, 300), rng.poisson(4, 300), rng.integers(10, 30, 300)], 1)
    sums = resampled_sums(rows.astype(float), 20_000, 0)
    spread = (sums[:, 0] / sums[:, 1] - sums[:, 2] / sums[:, 3]).std()
    assert standard_error(rows.astype(float)) == pytest.approx(spread, rel=0.03)
    same = sensitivity(([1, 2], [9, 9]), ([1, 2], [9, 9]))
    assert (same.error, same.detectable, same.needed) == (0, 0, None)
    assert sensitivity(([1], [9]), ([2], [9])).detectable == math.inf


def test_expected_interval_is_the_binomials() -> None:
    for rate, count in ((0.126, 4_000), (0.001, 1_000), (0.5, 11)):
        expected = stats.binom.ppf([0.025, 0.975], count, rate) / count
        assert expected_interval(rate, count) == pytest.approx(tuple(expected))
    narrow, wide = expected_interval(0.1, 1_000), expected_interval(0.1, 1_000, design=4)
    assert wide[1] - wide[0] == pytest.approx(2 * (narrow[1] - narrow[0]), rel=0.1)


def test_saturation() -> None:
    assert saturation(0.126, (0.11, 0.14), "WER") is None
    low = saturation(0.03, (0.02, 0.04), "WER")
    assert low
    assert "under 5 %" in low.text
    touching = saturation(0.06, (0.0, 0.2), "WER")
    assert touching
    assert "touches 0" in touching.text
    assert touching.check == "saturated_benchmark"
    assert "harder" in touching.remedy
