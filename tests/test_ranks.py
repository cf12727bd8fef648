"""Two processes, one run: the same configuration in both, every example scored once, nothing left behind."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from project import train
from project.build import ranks
from project.build.compose import compose
from project.model.trained import read_checkpoint
from project.run import Run
from project.scoring.predictions import predict
from project.system.weights import load_weights

pytestmark = pytest.mark.long


def losses_of(run: Run) -> list[float]:
    """Of each batch; of several processes the mean of theirs."""
    lines = (run.folder / "metrics.csv").read_text().splitlines()
    return [float(line.split(",")[3]) for line in lines if ",train/loss," in line]


def by_twos(losses: list[float]) -> list[float]:
    """Means of two batches of a step, which one process trained on one after the other."""
    return [(first + second) / 2 for first, second in zip(losses[::2], losses[1::2], strict=True)]


def assert_same_weights(mine: Run, theirs: Run) -> None:
    """And the same state of the optimizer: what either does next is the same."""
    first, second = (read_checkpoint(run.last) for run in (mine, theirs))
    torch.testing.assert_close(first["state_dict"], second["state_dict"], rtol=1e-5, atol=1e-7)
    moments = [one["optimizer_states"][0]["state"] for one in (first, second)]
    torch.testing.assert_close(*moments, rtol=1e-4, atol=1e-8)


def assert_nothing_is_left() -> None:
    assert not torch.distributed.is_initialized()
    assert not {"WORLD_SIZE", "LOCAL_RANK", "MASTER_PORT"} & set(os.environ)


def test_two_processes_train_one_run(tiny: list[str], morse: Path, tmp_path: Path) -> None:
    """Two batches a step, both in one process or one in each of two: losses, weights and what is scored are equal.

    Seven examples to score on two ranks, with dropout in training.
    """
    rest = [word for word in tiny if not word.startswith("data.manifest.dev")]
    each_batch = ["batches_per_step=2", "model.dropout=0.1", "callbacks.recorder.every_steps=1"]
    overrides = [*rest, *each_batch, f"data.manifest.dev={morse}/test.jsonl", "trainer.max_epochs=1"]
    runs, recognizers = [], []
    for name, words in (("alone", []), ("both", ["trainer=ddp", "trainer.accelerator=cpu", "logger=wandb"])):
        config = compose("train", [*overrides, *words])
        run, recognizer = Run(tmp_path / name), train.build(config)
        head: Any = recognizer.system.model.head
        torch.nn.init.normal_(head.weight, generator=torch.Generator().manual_seed(0))
        torch.nn.init.zeros_(head.bias)  # or all ranks would agree that nothing was said
        train.fit(run, config, recognizer)
        assert len(recognizer.system.scored) == 7
        assert sum(bool(row.hypothesis.text) for row in recognizer.system.scored) > 3
        assert run.state()["step"] == 3  # 24 examples, two batches of four a step
        assert_nothing_is_left()
        runs.append(run)
        recognizers.append(recognizer)
    assert len(list((runs[1].folder / "wandb").glob("*run-*"))) == 1, "the first process alone has a W&B run"
    one, two = recognizers
    assert by_twos(losses_of(runs[0])) == pytest.approx(losses_of(runs[1]), rel=1e-5)
    assert_same_weights(*runs)
    assert [(row.id, row.hypothesis.tokens, row.columns) for row in one.system.scored] == [
        (row.id, row.hypothesis.tokens, row.columns) for row in two.system.scored
    ]
    assert one.system.figures == pytest.approx(two.system.figures, rel=1e-5)

    alone = train.build(compose("train", overrides))
    load_weights(alone.system, runs[1].last)
    scored = predict(alone, alone.data.manifest("dev"), "32-true", "cpu").scored
    assert {row.id: (row.hypothesis.tokens, row.columns) for row in two.system.scored} == {
        name: (row.hypothesis.tokens, row.columns) for name, row in scored.items()
    }


def test_shared_out_weights_under_torchrun_and_on(tiny: list[str], tmp_path: Path) -> None:
    """Two processes of torchrun train one run, each with half of the weights. It goes on from its last checkpoint in
    two processes that are started here, and in one that holds all weights; and its best is any recognizer's.
    """
    words = [*tiny, "batches_per_step=2", "scheduler=constant", "callbacks.recorder.every_steps=1"]
    outset = ["trainer=fsdp", "trainer.accelerator=cpu", "trainer.devices=7", "trainer.max_epochs=1"]
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "-m", "project.cli", "train"]
    done = subprocess.run(
        [*command, *words, *outset, f"runs={tmp_path}"], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    (folder,) = (tmp_path / "trial").iterdir()
    assert done.stdout.splitlines() == [str(folder)]
    assert done.stderr.count("steps    3") == 1
    assert Run(folder).state()["step"] == 3

    alone = Run(tmp_path / "alone")
    config = compose("train", words)
    train.fit(alone, config, train.build(config))
    for name, strategy in (("shared", ["trainer=fsdp", "trainer.accelerator=cpu"]), ("whole", [])):
        run, config = Run(shutil.copytree(folder, tmp_path / name)), compose("train", [*words, *strategy])
        recognizer = train.build(config)
        train.fit(run, config, recognizer)
        assert losses_of(run)[-3:] == pytest.approx(
            by_twos(losses_of(alone))[-3:] if strategy else losses_of(alone)[-3:]
        )
        assert_same_weights(run, alone)
        assert_nothing_is_left()
    evaluated = train.build(config)
    load_weights(evaluated.system, tmp_path / "shared" / "checkpoints" / "best.ckpt")
    scored = predict(evaluated, evaluated.data.manifest("dev"), "32-true", "cpu").scored
    assert len(scored) == 6


@pytest.mark.parametrize(
    ("variables", "first"),
    [
        ({}, True),
        ({"RANK": "0"}, True),
        ({"RANK": "1"}, False),
        ({"SLURM_PROCID": "3"}, False),
        ({"LOCAL_RANK": "1"}, False),
    ],
)
def test_which_process_writes(variables: dict[str, str], first: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "SLURM_PROCID", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert ranks.is_first() is first
