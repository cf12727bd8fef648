from __future__ import annotations

import json
from importlib.util import find_spec

import numpy as np
import pytest

from project.benchmark.padding import DURATIONS, Durations, Padding
from project.data.sampling import BucketBatchSampler, padding


@pytest.mark.parametrize("durations", DURATIONS, ids=lambda durations: durations.name)
def test_at_most_three_percent_is_padding(durations: Durations) -> None:
    lengths = durations.sample(20_000, seed=7)
    sampler = BucketBatchSampler(lengths, durations.batch_length, seed=7)
    for epoch in range(3):
        sampler.set_epoch(epoch)
        batches = [[draw.index for draw in batch] for batch in sampler]
        assert padding(lengths, batches) <= 0.03
        assert 28 <= np.mean([len(batch) for batch in batches]) <= 34, "the budget is used"


@pytest.mark.parametrize("durations", DURATIONS, ids=lambda durations: durations.name)
def test_durations_are_what_they_say(durations: Durations) -> None:
    lengths = durations.sample(200_000, seed=1)
    assert lengths.mean() == pytest.approx(durations.mean, rel=0.01)
    assert lengths.min() >= durations.shortest
    assert lengths.max() <= durations.longest


def test_the_benchmark_runs() -> None:
    table = Padding(num_examples=300, repeats=2).run()
    ways = 2 + (2 if find_spec("lhotse") else 0)
    assert len(table.rows) == 3 * ways + (find_spec("lhotse") is None)
    shares = {(row[0], row[1]): row[2] for row in table.rows}
    assert all(shares[durations.name, "scansion"] < shares[durations.name, "random"] for durations in DURATIONS)
    assert json.loads(json.dumps(table.to_json()))["columns"][2] == "padding %"
