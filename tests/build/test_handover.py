"""A finished run's adapter is that of its best weights, whatever the clocks say."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import yaml

from project.adapter import peft_folder
from project.build import handover
from project.build.handover import keep_adapter
from project.run import Run

YEAR = 365 * 24 * 3600


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run of a model with an adapter."""
    one = Run(tmp_path / "run")
    one.best.parent.mkdir(parents=True)
    parts = {"adapter": {"_target_": "project.adapter.lora.LoRA"}, "model": {"backbone": {"source": "a/b"}}}
    one.config_file.write_text(yaml.safe_dump(parts | {"data": {}, "decode": {}, "trainer": {}}))
    return one


@pytest.fixture
def saved(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The steps of the weights that adapters were written of."""
    steps: list[int] = []

    def restore(run: Run, config: Any) -> Any:
        return SimpleNamespace(system=SimpleNamespace(model=torch.load(run.best, weights_only=True)["global_step"]))

    def save(model: Any, folder: Path, base: str) -> None:
        assert base == "a/b"
        folder.mkdir(exist_ok=True)
        (folder / peft_folder.WEIGHTS).write_text(str(model))
        steps.append(model)

    monkeypatch.setattr(handover, "restore", restore)
    monkeypatch.setattr(peft_folder, "save", save)
    return steps


def learned(run: Run, step: int, seconds: float) -> None:
    """Best weights of that step, written so long after the adapter by their machine's clock."""
    torch.save({"state_dict": {}, "global_step": step}, run.best)
    weights = run.folder / "adapter" / peft_folder.WEIGHTS
    now = weights.stat().st_mtime if weights.exists() else 0.0
    os.utime(run.best, times=(now + seconds,) * 2)


@pytest.mark.parametrize("seconds", [-YEAR, 0.0, YEAR])
def test_it_is_written_anew_when_better_weights_were_found_and_only_then(
    run: Run, saved: list[int], seconds: float
) -> None:
    learned(run, 5, 0.0)
    keep_adapter(run)
    learned(run, 5, seconds)  # copied to another disk, for instance
    keep_adapter(run)
    assert saved == [5]
    learned(run, 9, seconds)
    keep_adapter(run)
    keep_adapter(run)
    assert saved == [5, 9]
    assert (run.folder / "adapter" / peft_folder.WEIGHTS).read_text() == "9"


def test_one_that_does_not_say_what_it_was_made_of_is_written_anew(run: Run, saved: list[int]) -> None:
    """As is one that a killed process began."""
    learned(run, 5, 0.0)
    keep_adapter(run)
    (run.folder / "adapter" / "origin.json").unlink()
    keep_adapter(run)
    assert saved == [5, 5]


def test_without_an_adapter_nothing_is_written(run: Run, saved: list[int]) -> None:
    keep_adapter(run)
    learned(run, 5, 0.0)
    run.config_file.write_text(yaml.safe_dump({"adapter": None, "model": {}}))
    keep_adapter(run)
    assert saved == []
    assert not (run.folder / "adapter").exists()
