"""Every example is in one bucket, whose length covers it; budgets for them are taken by the sampler."""

from __future__ import annotations

import numpy as np
import pytest

from project.calibration.bucket import batch_of, buckets_of, representatives
from project.data.sampling import BucketBatchSampler


@pytest.mark.parametrize("count", [1, 4, 8, 300])
def test_buckets_share_out_all_examples(count: int) -> None:
    lengths = np.random.default_rng(0).lognormal(2, 0.7, 200).astype(np.float32).round(2)
    buckets = buckets_of(lengths, count)
    assert sorted(row for one in buckets for row in one.rows) == list(range(200))
    bounds = [one.length for one in buckets]
    assert bounds == sorted(set(bounds))
    assert len(buckets) <= count
    for lower, one in zip([0.0, *bounds], buckets, strict=False):
        found = lengths[list(one.rows)]
        assert found.max() == found[0] == pytest.approx(one.length, abs=1e-3)
        assert found.min() > lower
    if count <= 8:
        assert max(len(one.rows) for one in buckets) <= 1.2 * 200 / count
    budgets = [[one.length, 2 * (len(buckets) - place)] for place, one in enumerate(buckets)]
    batches = list(BucketBatchSampler(lengths, budgets, max_batch_size=256))
    assert sorted(draw.index for batch in batches for draw in batch) == list(range(200))


def test_a_batch_has_the_longest_example_and_the_longest_text() -> None:
    lengths = np.arange(1, 51, dtype=np.float32)
    (bucket,) = buckets_of(lengths, 1)
    rows = representatives(bucket, lambda row: 1000 if row == 7 else row)
    assert rows[:2] == [49, 7]
    assert len(rows) == len(set(rows))
    assert representatives(bucket, None) == [49, 48, 47, 46]
    assert batch_of("abc", 7, "".join) == "abcabca"  # type: ignore[arg-type,return-value]
