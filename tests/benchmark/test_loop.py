"""The benchmark of the loop: both loops train the same, and the table holds their ratio."""

from __future__ import annotations

import pytest
import torch

from project.benchmark.loop import WARM_UP, HandWritten, Loop, Turns, new_system, random_batch, train
from project.build.assemble import settle
from project.build.compose import compose


def test_both_loops_end_with_the_same_weights() -> None:
    """So what is compared is the loop and nothing else. Without dropout: the two draw it at different times."""
    config = compose("train", ["model=envelope_tiny", "model.dropout=0"])
    settle(config)
    batches = [random_batch(2, 60, seed) for seed in range(8)]
    ours, yardstick = new_system(config, 100), HandWritten(new_system(config, 100), batches)
    turns = Turns(yardstick)
    train(config, ours, batches, WARM_UP + 20, turns)
    assert len(turns.ours) == len(turns.hand) == 2
    alone = HandWritten(new_system(config, 100), batches)
    alone.seconds(WARM_UP + 20)
    for mine, theirs in zip(ours.parameters(), alone.system.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, atol=1e-6, rtol=1e-5)


@pytest.mark.long
def test_the_table_holds_a_ratio_for_each_step_size() -> None:
    table = Loop(step_ms=[10.0], steps=20, rounds=1).run()
    assert len(table.rows) == 1
    low, middle, high = (float(value) for value in table.rows[0][3:])
    assert 0 < low <= middle <= high
    assert middle == pytest.approx(1.0, abs=0.9)
