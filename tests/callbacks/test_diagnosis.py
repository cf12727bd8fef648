"""The callback that watches a run: same lines after a stop, same figures from two processes, each finding told once."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import Callback
from rich.console import Console

from project import train
from project.build import assemble
from project.build.bind import make
from project.build.compose import compose
from project.callbacks import diagnosis as module
from project.callbacks.diagnosis import Diagnosis
from project.callbacks.progress import Progress
from project.contract import Config
from project.diagnosis.emission import BlankCollapse
from project.run import Run

STEPS = 12  # of the tiny run: two epochs of six batches


class Stop(Callback):
    """A run that dies when a batch of a step has ended."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        if trainer.global_step == self.step:
            raise RuntimeError("the power is gone")


def fit(run: Run, config: Config, monkeypatch: pytest.MonkeyPatch, stop: int = -1) -> None:
    build = assemble.build_trainer

    def with_stop(*arguments: Any) -> Trainer:
        trainer = build(*arguments)
        trainer.callbacks.insert(0, Stop(stop))
        return trainer

    with monkeypatch.context() as patch:
        patch.setattr(assemble, "build_trainer", with_stop)
        if stop < 0:
            train.fit(run, config, train.build(config))
        else:
            with pytest.raises(RuntimeError, match="the power is gone"):
                train.fit(run, config, train.build(config))


@pytest.fixture
def often(tiny: list[str], monkeypatch: pytest.MonkeyPatch) -> Config:
    """Two terms, measured every third step and at the fourth, saved every second."""
    monkeypatch.setattr(module, "EARLY", 4)
    monkeypatch.setattr(module, "SHARES_EVERY", 2)
    words = ["callbacks.diagnosis.every_steps=3", "callbacks.checkpoint.every_steps=2"]
    return compose("train", [*tiny, *words, "loss.regularize=[smoothing]", "+weighting.smoothing=0.05"])


def lines(run: Run) -> list[list[str]]:
    return list(csv.reader(io.StringIO(run.metrics_file.read_text())))


@pytest.mark.parametrize("step", [1, 4, 6, 7, 11])
def test_a_run_that_died_and_went_on_has_the_same_lines(
    often: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """Before its first checkpoint, at a measured step, at a validation, between; and what was told stays told."""
    whole, parts = Run(tmp_path / "whole"), Run(tmp_path / "parts")
    fit(whole, often, monkeypatch)
    fit(parts, often, monkeypatch, stop=step)
    fit(parts, often, monkeypatch)
    assert lines(parts) == lines(whole)
    found = {(int(row[0]), row[2]) for row in lines(whole)[1:]}
    assert {at for at, name in found if name == "gradient/norm"} == {3, 4, 6, 9, 12}
    assert {at for at, name in found if name == "gradient/share/ctc"} == {4, 6, 12}
    assert {at for at, name in found if name in {"skill/ctc", "mates/difference", "feature/shift"}} == {6, 12}
    assert {at for at, name in found if name.startswith(("data/t", "leakage/"))} == {1}
    told = (parts.folder / "train.log").read_text().count("diagnosis little_data")
    assert told == (4 if step == 1 else 2), "of training and of dev, once a run"


def seen_parts(tiny: list[str]) -> tuple[Any, list[tuple[dict[str, Any], Any]]]:
    """A system, and three validation batches as callbacks see them."""
    recognizer = train.build(compose("train", [*tiny, "experiment=morse/pretrain", "sweep=mask_weight"]))
    loader = recognizer.data.scoring_loader(recognizer.data.manifest("test"))
    system = recognizer.system.eval()
    with torch.no_grad():
        return system, [(system.validation_step(batch, n), batch) for n, batch in enumerate(loader)]


def watched(system: Any, parts: list[tuple[dict[str, Any], Any]], ranks: int = 1) -> Any:
    diagnosis = Diagnosis("folder/checkpoints", {})
    trainer = SimpleNamespace(world_size=ranks, global_rank=0)
    for number, (outputs, batch) in enumerate(parts):
        diagnosis.on_validation_batch_end(trainer, system, outputs, batch, number)  # type: ignore[arg-type]
    return diagnosis


def sums(diagnosis: Any) -> dict[str, float]:
    mean_F, spread_F = diagnosis.seen.features.moments()
    moments = {f"{n}/{i}": float(x) for n, x_F in (("mean", mean_F), ("spread", spread_F)) for i, x in enumerate(x_F)}
    return {**diagnosis.seen.figures(), **moments}


def test_two_processes_see_what_one_sees(tiny: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Emissions, heads, features and priors of uneven shares, gathered as ranks gather them."""
    system, parts = seen_parts(tiny)
    assert len(parts) >= 2
    whole, mine, other = watched(system, parts), watched(system, parts[:1], 2), watched(system, parts[1:], 2)
    states = [one.seen.state() for one in (mine, other)]

    def gather(found: list[Any], _: Any) -> None:
        found[:] = states

    monkeypatch.setattr(torch.distributed, "all_gather_object", gather)
    mine._gather(SimpleNamespace(world_size=2, global_rank=0))
    expected = sums(whole)
    assert {"skill/ctc", "skill/mask", "head/mask/separation", "text/empty"} <= expected.keys()
    assert sums(mine) == pytest.approx(expected, rel=1e-12)


def test_of_an_evaluation_one_look_is_enough(config: Config, tmp_path: Path) -> None:
    """As the only callback, without a logger: an untrained recognizer says blank everywhere, and that is told."""
    recognizer = train.build(config)
    checks = make(config["callbacks"]["diagnosis"]["checks"], "checks")
    diagnosis = Diagnosis(str(tmp_path / "checkpoints"), checks)
    options = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "accelerator": "cpu"}
    trainer = Trainer(callbacks=[diagnosis], **options)  # type: ignore[arg-type]
    loader = recognizer.data.scoring_loader(recognizer.data.manifest("dev"))
    trainer.validate(recognizer.system, dataloaders=loader, verbose=False)
    found = {finding.check for finding in diagnosis.findings}
    assert {"blank_collapse", "prior_only"} <= found
    assert "wrong_length" not in found
    assert diagnosis.figures["text/empty"] == 1
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_trains_nothing_is_watched_too(
    tiny: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its one validation is written and judged; here nearly everything counts as a wrong length."""
    rest = [word for word in tiny if not word.startswith(("model.", "scheduler."))]
    words = ["experiment=morse/hsmm", "callbacks.diagnosis.checks.wrong_length.most=0.1"]
    run = Run(tmp_path / "run")
    fit(run, compose("train", [*rest, *words]), monkeypatch)
    assert "diagnosis wrong_length" in (run.folder / "train.log").read_text()
    assert len(run.curves()["skill/ctc"]) == 1


def test_what_is_wrong_with_the_data_is_told_before_the_first_step(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(tmp_path / "run")
    fit(run, config, monkeypatch, stop=1)
    told = (run.folder / "train.log").read_text()
    assert "diagnosis little_data: There are only 24 examples to learn from" in told
    assert "diagnosis little_data: There are only 6 examples to judge by" in told


def test_learning_by_heart_is_not_called_too_little(
    tiny: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """trainer=overfit learns eight examples on purpose, and scores the same."""
    rest = [word for word in tiny if not word.startswith("trainer.")]
    run = Run(tmp_path / "run")
    fit(run, compose("train", [*rest, "trainer=overfit", "trainer.max_epochs=20"]), monkeypatch)
    assert "little_data" not in (run.folder / "train.log").read_text()
    assert not [name for name in run.curves() if name.startswith(("data/t", "data/d", "leakage/"))]


def test_a_check_that_is_switched_off_tells_nothing(
    tiny: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(tmp_path / "run")
    fit(run, compose("train", [*tiny, "callbacks.diagnosis.checks.little_data=null"]), monkeypatch, stop=1)
    assert "little_data" not in (run.folder / "train.log").read_text()


def test_thresholds_are_keys_of_the_command_line_and_do_not_change_the_run(tiny: list[str]) -> None:
    words = ["callbacks.diagnosis.checks.blank_collapse.empty=0.9", "callbacks.diagnosis.every_steps=7"]
    one, other = compose("train", tiny), compose("train", [*tiny, *words])
    check = make(other["callbacks"]["diagnosis"]["checks"]["blank_collapse"], "check")
    assert isinstance(check, BlankCollapse)
    assert check.empty == 0.9
    assert "callbacks.diagnosis" in one["signature_ignores"]


def test_it_speaks_where_the_bars_are_drawn(tmp_path: Path) -> None:
    """Two consoles on one terminal would tear each other's lines."""
    progress, diagnosis = Progress(), Diagnosis(str(tmp_path / "checkpoints"), {})
    progress.console = Console(file=io.StringIO())
    trainer = SimpleNamespace(callbacks=[progress, diagnosis], is_global_zero=False, global_step=0)
    diagnosis.on_train_start(trainer, None)  # type: ignore[arg-type]
    assert diagnosis._console is progress.console
