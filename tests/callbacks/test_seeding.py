"""Where a batch stands among those of its step, and where a run stands that goes on with other processes."""

from __future__ import annotations

import copy
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from project.callbacks.seeding import Seeding, recount
from project.contract import InputError


def trainer_of(processes: int, batches: int, rank: int = 0) -> Any:
    data = SimpleNamespace(accumulate=batches)
    return SimpleNamespace(world_size=processes, global_rank=rank, datamodule=data, current_epoch=0)


def draws(processes: int, batches: int, steps: int) -> list[float]:
    """A number of each batch, in the order of steps, then of places in them."""
    model: Any = SimpleNamespace(device=torch.device("cpu"))
    drawn: dict[tuple[int, int], float] = {}
    for rank in range(processes):
        seeding, trainer = Seeding(seed=3), trainer_of(processes, batches, rank)
        seeding.on_train_start(trainer, model)
        for index in range(steps * batches):
            seeding.on_train_batch_start(trainer, model, None, index)
            drawn[index // batches, rank * batches + index % batches] = float(torch.rand(()))
    return [drawn[key] for key in sorted(drawn)]


@pytest.mark.parametrize(("processes", "batches"), [(4, 1), (2, 2)])
def test_dropout_is_that_of_the_place_whoever_has_it(processes: int, batches: int) -> None:
    alone = draws(1, 4, steps=3)
    assert draws(processes, batches, steps=3) == alone
    assert len(set(alone)) == 12


def saved(processes: int, batches: int, steps: int) -> dict[str, Any]:
    """A checkpoint within the last batch of a step: some counts lag behind."""
    count = steps * batches
    counts = {"ready": count, "started": count, "processed": count, "completed": count - 1}
    total = {name: value + 6 * batches for name, value in counts.items()}
    loop = {
        "epoch_loop.batch_progress": {"total": total, "current": counts, "is_last_batch": False},
        "state_dict": {"combined_loader": [{"epoch": 1, "batches": count}]},
    }
    footing = {"processes": processes, "batches": batches}
    return {"callbacks": {"Seeding": footing}, "loops": {"fit_loop": loop}}


@pytest.mark.parametrize(("then", "now"), [((1, 4), (4, 1)), ((4, 1), (1, 4)), ((2, 2), (1, 4)), ((1, 4), (1, 4))])
def test_a_run_goes_on_where_it_stands_with_other_processes(then: tuple[int, int], now: tuple[int, int]) -> None:
    checkpoint = saved(*then, steps=5)
    Seeding(seed=1).on_load_checkpoint(trainer_of(*now), None, checkpoint)  # type: ignore[arg-type]
    assert checkpoint["loops"] == saved(*now, steps=5)["loops"]


def test_batches_it_cannot_share_out_alike_are_refused() -> None:
    checkpoint = saved(2, 1, steps=5)
    before = copy.deepcopy(checkpoint)
    message = r"made with 2 batches in each step, and this would be 1: resume with trainer\.devices=2"
    with pytest.raises(InputError, match=message):
        Seeding(seed=1).on_load_checkpoint(trainer_of(1, 1), None, checkpoint)  # type: ignore[arg-type]
    assert checkpoint == before
    old = {"callbacks": {}, "loops": {}}  # of before this was written down
    Seeding(seed=1).on_load_checkpoint(trainer_of(1, 1), None, old)  # type: ignore[arg-type]


def test_counts_of_batches_that_are_done_are_whole_steps() -> None:
    counts = {"ready": 8, "started": 8, "processed": 8, "completed": 8}
    loop = {
        "epoch_loop.batch_progress": {"total": dict(counts), "current": counts},
        "state_dict": {"combined_loader": []},
    }
    recount(loop, 4, 2)
    assert set(counts.values()) == {4}
