from __future__ import annotations

import math
import time
from itertools import chain, combinations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from lightning.fabric.utilities.data import _set_sampler_epoch
from numpy.typing import NDArray
from torch.utils.data import DataLoader

from project.contract import InputError
from project.data.sampling import BucketBatchSampler, Draw, batch_capacity, cut_batches, padding
from project.data.scoring_order import SortedBatchSampler
from project.data.shuffling import Windows

Lengths = NDArray[np.float32]


def lognormal(count: int, seed: int = 0) -> Lengths:
    return np.random.default_rng(seed).lognormal(1.5, 0.5, count).clip(0.5, 60).astype(np.float32)


def rows(batches: list[list[Draw]]) -> list[list[int]]:
    return [[draw.index for draw in batch] for batch in batches]


def epoch_of(sampler: BucketBatchSampler, epoch: int) -> list[list[int]]:
    sampler.set_epoch(epoch)
    return rows(list(sampler))


SETTINGS = {
    "lengths": st.lists(st.sampled_from([0.1, 1.0, 1.5, 2.0, 3.0, 7.0, 9.9, 10.0]), min_size=1, max_size=60),
    "max_batch_size": st.integers(1, 9),
    "num_ranks": st.integers(1, 4),
    "chunk": st.integers(1, 6),
    "seed": st.integers(-3, 2**63),
}


@settings(max_examples=150, deadline=None, derandomize=True)
@given(**SETTINGS)
def test_every_example_once_an_epoch_in_equally_many_batches(
    lengths: list[float], max_batch_size: int, num_ranks: int, chunk: int, seed: int
) -> None:
    array = np.array(lengths, dtype=np.float32)
    options = {"max_batch_size": max_batch_size, "seed": seed, "chunk": chunk, "num_ranks": num_ranks}
    try:
        ranks = [BucketBatchSampler(array, 10.0, rank=rank, **options) for rank in range(num_ranks)]
    except InputError:
        # Only where it cannot be done: the batches needed, shared out equally, are more than there are examples.
        fewest = len(SortedBatchSampler(array, 10.0, max_batch_size=max_batch_size))
        assert math.ceil(fewest / num_ranks) * num_ranks > len(lengths)
        return
    for epoch in range(4):
        shares = [epoch_of(sampler, epoch) for sampler in ranks]
        assert {len(share) for share in shares} == {len(ranks[0])}
        batches = list(chain(*shares))
        assert sorted(chain(*batches)) == list(range(len(lengths)))
        for batch in batches:
            assert 1 <= len(batch) <= max_batch_size
            assert array[batch].max() * len(batch) <= 10.0 * (1 + 1e-6)


def fewest_batches(lengths: tuple[float, ...], cap: float, most: int) -> int:
    """By trying every set that the longest example could share a batch with."""
    if not lengths:
        return 0
    longest, *others = sorted(lengths, reverse=True)
    found = []
    for size in range(min(most, int(cap / longest), len(lengths))):
        for mates in combinations(range(len(others)), size):
            left = tuple(length for i, length in enumerate(others) if i not in mates)
            found.append(1 + fewest_batches(left, cap, most))
    return min(found)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    lengths=st.lists(st.sampled_from([1.0, 2.0, 3.0, 4.0, 5.0, 10.0]), min_size=1, max_size=7), most=st.integers(1, 4)
)
def test_one_sorted_chunk_needs_the_fewest_batches(lengths: list[float], most: int) -> None:
    """What the fixed number of batches rests on."""
    found = len(SortedBatchSampler(np.array(lengths, dtype=np.float32), 10.0, max_batch_size=most))
    assert found == fewest_batches(tuple(lengths), 10.0, most)


def test_an_epoch_that_needs_too_many_batches_is_put_in_another_order() -> None:
    sampler = BucketBatchSampler(lognormal(500), 40.0, chunk=2)
    fewest = len(SortedBatchSampler(sampler.lengths, 40.0))
    assert len(sampler) > fewest
    sampler._num_batches = fewest
    for epoch in range(5):
        batches = epoch_of(sampler, epoch)
        assert len(batches) == fewest
        assert sorted(chain(*batches)) == list(range(500))


def test_order_is_a_function_of_seed_and_epoch() -> None:
    lengths = lognormal(300)
    sampler = BucketBatchSampler(lengths, 40.0, seed=1)
    epochs = [epoch_of(sampler, epoch) for epoch in range(3)]
    assert epochs[0] != epochs[1] != epochs[2]
    assert epoch_of(BucketBatchSampler(lengths, 40.0, seed=1), 2) == epochs[2]
    assert epoch_of(BucketBatchSampler(lengths, 40.0, seed=2), 2) != epochs[2]
    assert {draw.epoch for batch in sampler for draw in batch} == {2}


def test_order_is_the_same_on_every_machine() -> None:
    """A run may be resumed elsewhere: this was the order when it was written down."""
    lengths = np.arange(1, 21, dtype=np.float32)
    assert epoch_of(BucketBatchSampler(lengths, 24.0, seed=3), 5) == [
        [3, 2],
        [18],
        [11, 10],
        [9, 8],
        [1, 0],
        [6],
        [13],
        [17],
        [16],
        [7, 5, 4],
        [14],
        [15],
        [12],
        [19],
    ]


def test_batches_are_random() -> None:
    """Few of those that shared a batch share one in the next epoch, and steps come in no order of length."""
    lengths = lognormal(20_000)
    sampler = BucketBatchSampler(lengths, 160.0)
    first, second = epoch_of(sampler, 0), epoch_of(sampler, 1)
    batch_of = {row: number for number, batch in enumerate(second) for row in batch}
    pairs = [batch_of[a] == batch_of[b] for batch in first for a, b in combinations(batch, 2)]
    assert np.mean(pairs) < 0.15
    longest = np.array([lengths[batch].max() for batch in first])
    assert abs(np.corrcoef(longest[1:], longest[:-1])[0, 1]) < 0.15
    assert abs(np.corrcoef(longest, np.arange(len(longest)))[0, 1]) < 0.15


def test_a_step_is_of_near_equal_length_on_all_ranks() -> None:
    lengths = lognormal(5_000)
    ranks = [epoch_of(BucketBatchSampler(lengths, 80.0, rank=rank, num_ranks=4), 0) for rank in range(4)]
    longest = np.array([[lengths[batch].max() for batch in share] for share in ranks])
    assert np.median(longest.min(axis=0) / longest.max(axis=0)) > 0.97
    assert set(longest.argmax(axis=0)) == {0, 1, 2, 3}, "no rank always has the longest"


def test_twenty_thousand_take_less_than_50_ms() -> None:
    lengths = lognormal(20_000)

    def seconds() -> float:
        start = time.perf_counter()
        for _ in BucketBatchSampler(lengths, 160.0):
            pass
        return time.perf_counter() - start

    assert min(seconds() for _ in range(5)) < 0.05


@pytest.mark.parametrize(
    ("lengths", "options", "message"),
    [
        ([1, 50, 3, 41], {}, r"2 of 4 examples are longer.*batch_length=40.*example 1, is 50: raise batch_length"),
        ([1, np.nan], {}, r"1 of 2 examples have no length, example 1 the first: `scansion prepare validate`"),
        ([], {}, "no examples"),
        ([1], {"max_batch_size": 0}, "max_batch_size=0"),
        ([1], {"chunk": 0}, "chunk=0"),
        ([1], {"batch_length": -1}, "batch_length=-1"),
        ([1], {"batch_length": float("nan")}, "batch_length=nan"),
        ([1, 2, 3], {"num_ranks": 4}, "3 examples in 1 batches cannot be shared out equally to 4 ranks"),
        ([30] * 5, {"num_ranks": 4}, "5 examples in 5 batches cannot"),
    ],
)
def test_what_cannot_be_batched(lengths: list[float], options: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        BucketBatchSampler(np.array(lengths, dtype=np.float32), **{"batch_length": 40.0, **options})  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


def test_ten_of_a_tenth_fit_into_one() -> None:
    sampler = SortedBatchSampler(np.full(10, 0.1, dtype=np.float32), 1.0)
    assert len(sampler) == 1


def test_resuming() -> None:
    lengths = lognormal(200)
    whole = epoch_of(BucketBatchSampler(lengths, 40.0), 3)
    sampler = BucketBatchSampler(lengths, 40.0)
    sampler.resume(epoch=3, batches=5)
    assert len(sampler) == len(whole), "the epoch is as long as ever"
    sampler.set_epoch(3)
    assert rows(list(sampler)) == whole[5:]
    assert rows(list(sampler)) == whole, "only once"

    sampler.resume(epoch=3, batches=5)
    assert epoch_of(sampler, 4) == epoch_of(BucketBatchSampler(lengths, 40.0), 4), "another epoch starts at its start"

    sampler.resume(epoch=2, batches=len(whole))
    assert (sampler.epoch, sampler.batches_done) == (3, 0)
    assert rows(list(sampler)) == whole

    with pytest.raises(InputError, match=r"after 999 batches.*resume with the manifest"):
        sampler.resume(epoch=0, batches=999)


def test_lightning_reaches_set_epoch() -> None:
    loader = DataLoader(range(50), batch_sampler=BucketBatchSampler(lognormal(50), 40.0))  # type: ignore[arg-type]
    _set_sampler_epoch(loader, 7)
    assert loader.batch_sampler.epoch == 7  # type: ignore[union-attr]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    lengths=st.lists(st.sampled_from([0.5, 2.0, 9.0, 10.0, 30.0]), min_size=1, max_size=40), num_ranks=st.integers(1, 4)
)
def test_evaluation_has_every_example_once_and_the_same_batches_on_any_number_of_ranks(
    lengths: list[float], num_ranks: int
) -> None:
    array = np.array(lengths, dtype=np.float32)
    alone = rows(list(SortedBatchSampler(array, 10.0, max_batch_size=8)))
    assume(len(alone) >= num_ranks)
    assert sorted(chain(*alone)) == list(range(len(lengths)))
    assert array[list(chain(*alone))].tolist() == sorted(lengths, reverse=True)
    assert all(array[batch].max() * len(batch) <= 10 or len(batch) == 1 for batch in alone)
    for rank in range(num_ranks):
        sampler = SortedBatchSampler(array, 10.0, max_batch_size=8, rank=rank, num_ranks=num_ranks)
        assert len(sampler) == len(list(sampler))
        assert rows(list(sampler)) == alone[rank::num_ranks]


def test_models_that_padding_changes_get_batches_of_one_length() -> None:
    array = np.array([2.0, 3.0, 2.0, 2.0, 3.0, 1.0, 2.0, 2.0], dtype=np.float32)
    batches = rows(list(SortedBatchSampler(array, 8.0, max_batch_size=3, equal_lengths=True)))
    assert sorted(chain(*batches)) == list(range(8))
    assert [array[batch].tolist() for batch in batches] == [[3, 3], [2, 2, 2], [2, 2], [1]]


@given(num_examples=st.integers(1, 9), num_ranks=st.integers(1, 9))
@settings(max_examples=30, deadline=None, derandomize=True)
def test_every_rank_has_a_batch_while_there_is_an_example_for_each(num_examples: int, num_ranks: int) -> None:
    array = np.linspace(1, 2, num_examples, dtype=np.float32)
    if num_examples < num_ranks:
        with pytest.raises(InputError, match=f"{num_examples} examples for {num_ranks} processes"):
            SortedBatchSampler(array, 100.0, num_ranks=num_ranks)
        return
    batches = [rows(list(SortedBatchSampler(array, 100.0, rank=n, num_ranks=num_ranks))) for n in range(num_ranks)]
    assert all(batches)
    assert sorted(chain(*chain(*batches))) == list(range(num_examples))


def test_cuts_do_not_cross_chunks() -> None:
    assert cut_batches(np.array([4, 4, 4, 4, 4, 4]), 2).tolist() == [0, 3]


@given(seed=st.integers(0, 99))
@settings(max_examples=10, deadline=None, derandomize=True)
def test_padding_is_what_is_added(seed: int) -> None:
    lengths = lognormal(64, seed)
    batches = rows(list(BucketBatchSampler(lengths, 30.0, seed=seed)))
    assume(len(batches) > 1)
    padded = [np.full(len(batch), lengths[batch].max(), dtype=np.float64) for batch in batches]
    added = sum((full - lengths[batch]).sum() for full, batch in zip(padded, batches, strict=True))
    assert padding(lengths, batches) == pytest.approx(added / sum(full.sum() for full in padded))


def updates(
    lengths: Lengths, num_ranks: int, accumulate: int, epoch: int, **options: object
) -> list[set[tuple[int, ...]]]:
    """The batches of each update of the weights, over all ranks."""
    shares = []
    for rank in range(num_ranks):
        split = {"rank": rank, "num_ranks": num_ranks, "accumulate": accumulate}
        sampler = BucketBatchSampler(lengths, 20.0, **split, **options)  # type: ignore[arg-type]
        assert len(sampler) % accumulate == 0
        shares.append(epoch_of(sampler, epoch))
        assert len(shares[-1]) == len(sampler)
    steps = range(0, len(shares[0]), accumulate)
    return [{tuple(batch) for share in shares for batch in share[step : step + accumulate]} for step in steps]


@settings(max_examples=40, deadline=None, derandomize=True)
@given(seed=st.integers(0, 9), step=st.sampled_from([2, 4, 6]), in_shards=st.booleans())
def test_ranks_and_accumulated_batches_are_exchangeable(seed: int, step: int, in_shards: bool) -> None:
    """However an update's batches are shared out, they are the same; their order in it and among ranks aside."""
    lengths = lognormal(200, seed).clip(max=20)
    options = {"chunk": Windows(np.arange(200) // 17, 60) if in_shards else 3, "seed": seed}
    wanted = updates(lengths, step, 1, 2, **options)
    assert all(len(batches) == step for batches in wanted)
    assert sorted(chain(*chain(*wanted))) == list(range(200))
    for accumulate in (2, step):
        assert updates(lengths, step // accumulate, accumulate, 2, **options) == wanted


def test_batches_that_are_accumulated_come_one_after_the_other_and_are_resumed_among() -> None:
    lengths = lognormal(1500)
    sampler = BucketBatchSampler(lengths, 60.0, accumulate=4)
    whole = epoch_of(sampler, 1)
    longest = np.array([lengths[batch].max() for batch in whole]).reshape(-1, 4)
    assert np.median(longest.min(axis=1) / longest.max(axis=1)) > 0.9
    sampler.resume(epoch=1, batches=6)
    assert rows(list(sampler)) == whole[6:]


def test_too_few_examples_for_an_update() -> None:
    with pytest.raises(InputError, match=r"2 ranks with 4 batches a step each: train on fewer devices"):
        BucketBatchSampler(np.ones(5, dtype=np.float32), 40.0, num_ranks=2, accumulate=4)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(lengths=st.lists(st.sampled_from([0.1, 1.0, 2.0, 3.0, 5.0]), min_size=4, max_size=40), seed=st.integers(0, 3))
def test_budgets_say_with_how_many_an_example_may_share_a_batch(lengths: list[float], seed: int) -> None:
    budgets = [[0.1, 9], [2, 5], [3, 2], [5.0, 1]]
    array = np.array(lengths, dtype=np.float32)

    def allowed(length: float) -> int:
        return next(int(examples) for longest, examples in budgets if length <= longest)

    wanted = [allowed(length) for length in lengths]
    assert batch_capacity(array, budgets, 256).tolist() == wanted
    for sampler in (BucketBatchSampler(array, budgets, seed=seed), SortedBatchSampler(array, budgets)):
        batches = rows(list(sampler))
        assert sorted(chain(*batches)) == list(range(len(lengths)))
        assert all(len(batch) <= min(wanted[row] for row in batch) for batch in batches)


def test_what_no_budget_covers() -> None:
    array = np.array([1, 9, 7], dtype=np.float32)
    words = r"2 of 3 examples are longer than budgets cover \(5\), the longest, example 1, is 9: calibrate anew"
    with pytest.raises(InputError, match=words):
        BucketBatchSampler(array, [[5, 3]])
    assert [len(batch) for batch in SortedBatchSampler(array, [[5, 3]])] == [1, 1, 1], "what is scored goes alone"


SHARDS = np.repeat(np.arange(20), np.random.default_rng(1).integers(20, 60, 20))


def test_shards_are_read_one_after_the_other() -> None:
    """Each in one stretch of the epoch, a window at a time; batches are near-equal in length all the same."""
    lengths, windows = lognormal(len(SHARDS)), Windows(SHARDS, 120)
    ranks = [BucketBatchSampler(lengths, 40.0, chunk=windows, rank=rank, num_ranks=2) for rank in range(2)]
    orders = []
    for epoch in range(3):
        shares = [epoch_of(sampler, epoch) for sampler in ranks]
        steps = [[*one, *other] for one, other in zip(*shares, strict=True)]
        assert sorted(chain(*steps)) == list(range(len(SHARDS)))
        assert {len(share) for share in shares} == {len(ranks[0])}
        visited = [{int(SHARDS[row]) for row in step} for step in steps]
        first = {shard: min(n for n, step in enumerate(visited) if shard in step) for shard in range(20)}
        last = {shard: max(n for n, step in enumerate(visited) if shard in step) for shard in range(20)}
        for number in range(len(steps)):  # no more shards are open than two windows need
            assert sum(first[shard] <= number <= last[shard] for shard in range(20)) <= 2 * windows.most_shards
        assert windows.most_shards < 10
        batches = list(chain(*shares))
        assert padding(lengths, batches) < 0.2
        orders.append(sorted(range(20), key=first.__getitem__))
    assert orders[0] != orders[1] != orders[2]
    again = BucketBatchSampler(lengths, 40.0, chunk=windows, num_ranks=2)
    assert epoch_of(again, 1) == epoch_of(ranks[0], 1)


def test_an_epoch_of_shards_is_resumed() -> None:
    lengths = lognormal(len(SHARDS))
    whole = epoch_of(BucketBatchSampler(lengths, 40.0, chunk=Windows(SHARDS, 99)), 3)
    sampler = BucketBatchSampler(lengths, 40.0, chunk=Windows(SHARDS, 99))
    sampler.resume(epoch=3, batches=7)
    assert rows(list(sampler)) == whole[7:]


@settings(max_examples=80, deadline=None, derandomize=True)
@given(
    lengths=st.lists(st.sampled_from([0.1, 1.0, 3.0, 9.9]), min_size=6, max_size=60),
    num_shards=st.integers(1, 9), size=st.integers(1, 70), num_ranks=st.integers(1, 3), seed=st.integers(0, 5),
)  # fmt: skip
def test_every_example_of_every_shard_once(
    lengths: list[float], num_shards: int, size: int, num_ranks: int, seed: int
) -> None:
    """However small a window is: batches that fill no step of theirs wait for the next."""
    array = np.array(lengths, dtype=np.float32)
    windows = Windows(np.random.default_rng(seed).integers(0, num_shards, len(lengths)), size)
    options = {"seed": seed, "chunk": windows, "num_ranks": num_ranks, "max_batch_size": 3}
    try:
        ranks = [BucketBatchSampler(array, 10.0, rank=rank, **options) for rank in range(num_ranks)]  # type: ignore[arg-type]
    except InputError:
        assume(False)
    for epoch in range(2):
        shares = [epoch_of(sampler, epoch) for sampler in ranks]
        assert {len(share) for share in shares} == {len(ranks[0])}
        assert sorted(chain(*chain(*shares))) == list(range(len(lengths)))
