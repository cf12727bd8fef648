"""What devices can do: short names, batches shared out, and lines that say what cannot be."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from project.build.assemble import build_recognizer
from project.build.compose import compose
from project.build.strategy import precision_named, ranks_of, require, settle_precision, strategy_for, trainer_of
from project.contract import InputError
from project.run import signature


@pytest.mark.parametrize(
    ("short", "long"),
    [("32", "32-true"), ("fp32", "32-true"), ("bf16", "bf16-mixed"), ("fp16", "16-mixed"), ("16", "16-mixed")],
)
def test_short_names_of_arithmetic_are_the_same_experiment(short: str, long: str) -> None:
    one, other = (compose("train", [f"trainer.precision={name}"]) for name in (short, long))
    settled = settle_precision(one)
    assert settled["trainer"]["precision"] == long
    assert settled == other
    assert precision_named(long) == long


def test_processes_are_no_part_of_an_experiment_and_batches_in_a_step_are() -> None:
    defaults = compose("train")

    def sign(*words: str) -> str:
        return signature(compose("train", words), defaults, defaults["signature_ignores"])

    assert sign("trainer=ddp") == sign("trainer=fsdp", "trainer.devices=8", "trainer.num_nodes=2") == sign()
    assert sign("compile=true", "activation_checkpointing=true", "on_out_of_memory=halve") == sign()
    assert sign("batches_per_step=4") == sign("batches_per_step=4", "trainer=ddp") != sign()


@pytest.mark.parametrize(
    ("words", "accumulate", "steps"),
    [(["batches_per_step=4"], 4, 4), (["batches_per_step=4", "trainer=ddp"], 2, 4), (["trainer=ddp"], 1, 6)],
)
def test_batches_of_a_step_are_shared_out(words: list[str], accumulate: int, steps: int, tiny: list[str]) -> None:
    """24 examples, four a batch, twice."""
    config = compose("train", [*tiny, *words])
    assert trainer_of(config)["accumulate_grad_batches"] == accumulate
    recognizer = build_recognizer(config, training=True)
    assert recognizer.data.accumulate == accumulate
    assert recognizer.steps == steps


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["batches_per_step=3", "trainer=ddp"],
            "batches_per_step=3 cannot be shared out to 2 processes: give a mul",
        ),
        (["batches_per_step=many"], "batches_per_step=many cannot be shared out to 1 processes"),
        (["batches_per_step=0"], "batches_per_step=0 cannot be shared out to 1 processes"),
        (["batches_per_step=2", "trainer.accumulate_grad_batches=2"], "say the same twice: give one of them"),
        (["trainer.precision=fp16"], "trainer.precision=fp16: a processor has no such arithmetic: set trainer.precisi"),
        (["trainer=fsdp", "trainer.precision=fp16", "trainer.accelerator=gpu"], "does not go with trainer=fsdp"),
        (["trainer=ddp", "system.on_nonfinite=skip"], "cannot skip a step that the others make"),
        (["trainer=fsdp", "callbacks.averaging.decay=0.9"], "weights that are shared out are not averaged"),
        (["trainer=fsdp", "optimizer=muon"], "set optimizer=adamw"),
    ],
)
def test_what_cannot_be_is_told_before_anything_is_built(words: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        require(compose("train", words))


@pytest.mark.parametrize(
    ("node", "ranks", "strategy"),
    [
        ({}, 1, "auto"),
        ({"devices": 2}, 2, "ddp_find_unused_parameters_true"),
        ({"devices": [0, 3], "strategy": "ddp"}, 2, "ddp_find_unused_parameters_true"),
        ({"devices": 1, "num_nodes": 3}, 3, "ddp_find_unused_parameters_true"),
        ({"devices": "2", "strategy": "ddp_find_unused_parameters_false"}, 2, "ddp_find_unused_parameters_false"),
        ({"devices": 1, "strategy": "fsdp"}, 1, "auto"),
        ({"devices": 2, "strategy": "fsdp"}, 2, "Sharded"),
        ({"devices": "auto", "accelerator": "cpu", "strategy": "fsdp"}, 1, "auto"),
    ],
)
def test_how_processes_work_together(node: dict[str, Any], ranks: int, strategy: str) -> None:
    assert ranks_of(node) == ranks
    chosen = strategy_for(node)
    assert (chosen if isinstance(chosen, str) else type(chosen).__name__) == strategy


def test_all_gpus_of_a_machine_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    assert ranks_of({"devices": "auto", "num_nodes": 2}) == ranks_of({"devices": -1, "num_nodes": 2}) == 8
    assert ranks_of({"devices": "auto", "accelerator": "cpu"}) == 1


def test_torchrun_says_how_many_processes_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"TORCHELASTIC_RUN_ID": "x", "LOCAL_WORLD_SIZE": "2", "WORLD_SIZE": "6"}.items():
        monkeypatch.setenv(name, value)
    trainer = trainer_of(compose("train", ["trainer=ddp", "trainer.devices=5", "batches_per_step=12"]))
    assert (trainer["devices"], trainer["num_nodes"], trainer["accumulate_grad_batches"]) == (2, 3, 2)
