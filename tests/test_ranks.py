"""Two processes, one run: the same configuration in both, every example scored once, nothing left behind."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch

from project import train
from project.build import ranks
from project.build.compose import compose
from project.build.scoring import predict
from project.run import Run
from project.system.weights import load_weights


def test_two_processes_train_one_run(tiny: list[str], morse: Path, tmp_path: Path) -> None:
    """Seven examples to score on two ranks; figures equal those of one process on the same weights."""
    rest = [word for word in tiny if not word.startswith("data.manifest.dev")]
    overrides = [*rest, f"data.manifest.dev={morse}/test.jsonl", "trainer.max_epochs=1"]
    config = compose("train", [*overrides, "trainer=ddp", "trainer.accelerator=cpu"])
    run = Run(tmp_path / "run")
    recognizer = train.build(config)
    head: Any = recognizer.system.model.head
    torch.nn.init.normal_(head.weight, generator=torch.Generator().manual_seed(0))
    torch.nn.init.zeros_(head.bias)  # or all ranks would agree that nothing was said
    train.fit(run, config, recognizer)
    assert len(recognizer.system.scored) == 7
    assert sum(bool(row.hypothesis.text) for row in recognizer.system.scored) > 3
    assert run.state()["step"] == 3  # 24 examples, two ranks of four
    assert not torch.distributed.is_initialized()
    assert not {"WORLD_SIZE", "LOCAL_RANK", "MASTER_PORT"} & set(os.environ)

    alone = train.build(compose("train", overrides))
    load_weights(alone.system, run.last)
    scored = predict(alone, alone.data.manifest("dev"), "32-true", "cpu").scored
    assert {row.id: (row.hypothesis.tokens, row.columns) for row in recognizer.system.scored} == {
        name: (row.hypothesis.tokens, row.columns) for name, row in scored.items()
    }
    assert run.state()["dev/cer"] == pytest.approx(alone.system.figures["dev/cer"])
    assert run.state()["dev/loss"] == pytest.approx(alone.system.figures["dev/loss"], rel=1e-4)


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
