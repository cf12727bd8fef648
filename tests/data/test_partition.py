"""Parts: pieces stay whole, balance is as good as can be, time runs one way."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from project.contract import InputError
from project.data.partition import LEFT_OUT, divide, divide_in_time, divided, pieces_of

THREE = [0.8, 0.1, 0.1]


@settings(deadline=None, max_examples=60)
@given(
    names=st.lists(st.sampled_from(["a", "b", "c", "d", "e", "f", None]), min_size=3, max_size=40),
    seed=st.integers(0, 100),
)
def test_a_piece_is_never_divided_and_every_part_has_something(names: list[str | None], seed: int) -> None:
    pieces = pieces_of(names)
    if len(set(pieces.tolist())) < 3:
        with pytest.raises(InputError, match="pieces cannot fill 3 parts"):
            divide(pieces, np.ones(len(names)), THREE, seed)
        return
    parts = divide(pieces, np.ones(len(names)), THREE, seed)
    assert divided(names, parts) == []
    assert set(parts.tolist()) == {0, 1, 2}


def test_the_same_seed_gives_the_same_parts_and_another_one_others() -> None:
    lengths = np.random.default_rng(0).lognormal(1, 0.5, 300)
    first, again, other = (divide(range(300), lengths, THREE, seed) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_balance_is_near_the_best_that_any_assignment_has() -> None:
    sizes = np.array([50, 11, 9, 12, 8, 10.0])
    parts = divide(range(6), sizes, THREE, seed=3)
    miss = min(
        max(abs(sizes[np.array(choice) == part].sum() / 100 - share) for part, share in enumerate(THREE))
        for choice in product(range(3), repeat=6)
        if len(set(choice)) == 3
    )
    got = np.bincount(parts, weights=sizes) / 100
    assert np.abs(got - THREE).max() <= max(miss, 0.01) + 1e-9


def test_few_pieces_do_not_make_all_seeds_alike() -> None:
    lengths = np.random.default_rng(0).lognormal(1, 0.2, 20)
    assert len({tuple(divide(range(20), lengths, THREE, seed)) for seed in range(20)}) > 15


def test_balance_counts_length_and_not_examples() -> None:
    lengths = np.random.default_rng(0).lognormal(1, 1, 5000)
    groups = np.random.default_rng(1).integers(0, 200, 5000)
    got = np.bincount(divide(groups, lengths, THREE, seed=1), weights=lengths) / lengths.sum()
    assert np.abs(got - THREE).max() <= 0.01


def test_any_piece_can_come_into_any_part() -> None:
    """Big pieces are not always given to the big part."""
    sizes = np.array([30] + [5] * 14)
    places = {int(divide(range(15), sizes, [0.5, 0.5], seed)[0]) for seed in range(20)}
    assert places == {0, 1}


@given(
    groups=st.lists(st.sampled_from(["a", "b", "c", "d", None]), min_size=1, max_size=12),
    texts=st.lists(st.sampled_from(["x", "y", "z", None]), min_size=12, max_size=12),
)
def test_pieces_are_the_components_of_what_is_shared(groups: list[str | None], texts: list[str | None]) -> None:
    """Against the closure of 'shares a group or a text', by repeated multiplication."""
    texts = texts[: len(groups)]
    tied = np.eye(len(groups), dtype=int)
    for kind in (groups, texts):
        tied |= np.array([[a is not None and a == b for b in kind] for a in kind])
    for _ in groups:
        tied = ((tied @ tied) > 0).astype(int)
    pieces = pieces_of(groups, texts)
    assert np.array_equal(pieces[:, None] == pieces[None, :], tied > 0)


def test_in_time_older_parts_come_first() -> None:
    generator = np.random.default_rng(0)
    times = generator.integers(0, 50, 300)
    parts = divide_in_time(times, generator.uniform(1, 2, 300), THREE)
    for earlier in (0, 1):
        assert times[parts == earlier].max() < times[parts == earlier + 1].min()
    assert LEFT_OUT not in parts


def test_an_embargo_leaves_a_gap_after_each_border() -> None:
    times = np.arange(100.0)
    parts = divide_in_time(times, np.ones(100), [0.5, 0.25, 0.25], embargo=7)
    gaps = [times[parts == part + 1].min() - times[parts == part].max() for part in (0, 1)]
    assert gaps == [7, 7]
    assert (parts == LEFT_OUT).sum() == 12
    with pytest.raises(InputError, match="embargo=30 leaves nothing of part 2"):
        divide_in_time(times, np.ones(100), [0.5, 0.25, 0.25], embargo=30)


@pytest.mark.parametrize("fractions", [[1.0], [0.5, 0.6], [1.1, -0.1], [0.5, 0.5, 0.0]])
def test_fractions_must_be_parts_of_one(fractions: list[float]) -> None:
    with pytest.raises(InputError, match="add up to 1"):
        divide(range(9), np.ones(9), fractions, seed=1)
    with pytest.raises(InputError, match="add up to 1"):
        divide_in_time(range(9), np.ones(9), fractions)
