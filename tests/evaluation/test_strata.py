from __future__ import annotations

import numpy as np
import pytest

from project.evaluation.interval import ratio_interval
from project.evaluation.strata import MAX_BINS, cell, of_kinds, of_quantity


@pytest.mark.parametrize("kind", ["even", "skewed", "tied", "tiny"])
def test_parts_are_round_full_and_hold_every_value_once(kind: str) -> None:
    rng = np.random.default_rng(3)
    values = {
        "even": rng.uniform(-10, 25, 400),
        "skewed": rng.lognormal(3, 2, 400),
        "tied": np.concatenate([np.full(200, 60.0), rng.uniform(0, 20, 200)]),
        "tiny": rng.uniform(1e-6, 2e-6, 15),
    }[kind]
    strata = of_quantity(values.tolist())
    assert 2 <= len(strata.labels) <= MAX_BINS
    assert len(strata.labels) == len(strata.positions) == len(strata.edges) - 1
    members = strata.members(values.tolist())
    assert sorted(np.concatenate(members)) == list(range(len(values)))
    for place, found in enumerate(members):
        low, high = strata.edges[place], strata.edges[place + 1]
        assert len(found)
        assert all(low <= value <= high for value in values[found])
        assert strata.positions[place] == np.median(values[found])
    if kind == "even":
        assert all(edge == round(edge) for edge in strata.edges)
        assert all(25 <= len(found) <= 75 for found in members)


def test_few_values_are_parts_of_their_own() -> None:
    strata = of_quantity([-10, 0, 16, 0, -10, 16, 0])
    assert strata.labels == ("-10", "0", "16")
    assert [list(found) for found in strata.members([0, None, 16, -10, 7])] == [[3], [0], [2]]


def test_examples_of_several_runs_count_once() -> None:
    values = [n / 3 for n in range(24)]
    assert of_quantity(values * 4, copies=4).edges == of_quantity(values).edges
    assert len(of_quantity(values * 4, copies=4).labels) == 2


def test_rare_kinds_are_put_together() -> None:
    values = [f"k{n:02d}" for n in range(20) for _ in range(20 - n)]
    strata = of_kinds(values)
    assert strata.labels == (*(f"k{n:02d}" for n in range(11)), "9 others")
    assert [len(found) for found in strata.members(values)] == [*range(20, 9, -1), sum(range(1, 10))]


def test_a_cell_is_sum_over_sum_with_the_bootstraps_interval() -> None:
    rng = np.random.default_rng(1)
    above, below = rng.integers(0, 4, 60).astype(float), rng.integers(5, 20, 60).astype(float)
    found = cell(above, below, [None] * 60)
    assert found is not None
    assert found.value == sum(above) / sum(below)
    assert found.num_examples == 60
    assert found.interval == ratio_interval(above, below, num_resamples=1_000)
    groups = [str(n % 10) for n in range(60)]
    grouped = cell(above, below, groups)
    assert grouped is not None
    assert grouped.interval == ratio_interval(above, below, groups, num_resamples=1_000)
    single = cell(above[:1], below[:1], [None])
    assert single is not None
    assert single.interval is None
    assert cell(above[:0], below[:0], []) is None
