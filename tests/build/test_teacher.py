"""A run that learns from another: who may teach, what of the teacher stays, and what a student needs of it later."""

from __future__ import annotations

import json
import os
import shutil
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import Callback

from project import train
from project.build import assemble
from project.build.compose import compose
from project.build.teacher import asks_for_teacher, compare, restore_teacher
from project.contract import Config, InputError, Interrupted
from project.run import Run, signature
from project.scoring.reports import score

pytestmark = pytest.mark.long


LEARNS = ["loss=distill", "weighting=distill"]


def fit(run: Run, config: Config) -> None:
    train.fit(run, config, train.build(config))


@pytest.fixture(scope="module")
def teacher(tiny: list[str], tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A finished run that knows something: it was taught by heart what it is asked."""
    words = [word for word in tiny if not word.startswith(("trainer.", "model.", "data.manifest.train"))]
    dev = next(word for word in tiny if word.startswith("data.manifest.dev")).partition("=")[2]
    more = [f"data.manifest.train={dev}", "model.channels=48", "model.blocks=4", "model.dropout=0", "optimizer.lr=5e-3"]
    much = ["scheduler=constant", "scheduler.warmup_steps=2", "epochs=50", "trainer.check_val_every_n_epoch=50"]
    run = Run(tmp_path_factory.mktemp("teacher") / "trial" / "teacher-00000000")
    fit(run, compose("train", [*words, *more, *much]))
    assert run.state()["dev/cer"] < 0.9
    return run


@pytest.fixture(scope="module")
def novice(tiny: list[str], tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A finished run that knows nothing: it babbles."""
    run = Run(tmp_path_factory.mktemp("novice") / "trial" / "novice-00000000")
    config = compose("train", [*tiny, "trainer.max_epochs=1", "optimizer.lr=0"])
    recognizer = train.build(config)
    head: Any = recognizer.system.model.head
    torch.nn.init.normal_(head.weight, generator=torch.Generator().manual_seed(0))
    torch.nn.init.zeros_(head.bias)
    train.fit(run, config, recognizer)
    assert run.state()["dev/cer"] > 1
    return run


def student_of(run: Run, tiny: list[str], tmp_path: Path, *more: str) -> Config:
    return compose("train", [*tiny, *LEARNS, f"teacher={run.folder}", f"runs={tmp_path}/runs", *more])


@pytest.fixture(scope="module")
def taught(teacher: Run, tiny: list[str], tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A student of the teacher, undisturbed."""
    folder = tmp_path_factory.mktemp("taught")
    run = Run(folder / "trial" / "run-00000000")
    fit(run, student_of(teacher, tiny, folder, "loss.sequence=true", "+weighting.sequence=0.5"))
    return run


def state_of(run: Run, name: str = "last") -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = torch.load(getattr(run, name), weights_only=True)["state_dict"]
    return found


def test_a_student_trains_and_tells_what_it_learns_from(taught: Run, teacher: Run) -> None:
    curves = taught.curves()
    assert taught.state()["state"] == "finished"
    for name in ("ctc", "distill", "sequence"):
        assert {f"train/{name}", f"dev/{name}", f"skill/{name}"} <= curves.keys()
    assert curves["dev/distill"][-1][1] < curves["dev/distill"][0][1]
    standing = json.loads((taught.folder / "teacher.json").read_text())
    line = f"teacher  {teacher.folder}: dev cer {standing['teacher']:.4f}, {standing['student']:.4f} of the untrained"
    assert line in (taught.folder / "train.log").read_text()
    assert standing["teacher"] == pytest.approx(teacher.state()["dev/cer"])


def test_nothing_of_the_teacher_is_in_the_student(taught: Run, teacher: Run, tiny: list[str]) -> None:
    alone = train.build(compose("train", tiny)).system.state_dict()
    assert state_of(taught).keys() == alone.keys()
    assert sum(value.numel() for value in state_of(taught).values()) < sum(
        v.numel() for v in state_of(teacher).values()
    )


def test_a_student_begins_as_it_would_alone(teacher: Run, tiny: list[str], tmp_path: Path) -> None:
    alone = train.build(compose("train", tiny)).system.state_dict()
    recognizer = train.build(student_of(teacher, tiny, tmp_path))
    assert all(torch.equal(value, alone[name]) for name, value in recognizer.system.state_dict().items())
    assert recognizer.teacher is not None
    assert not any(parameter.requires_grad for parameter in recognizer.teacher.system.parameters())
    mine = {id(parameter) for parameter in recognizer.system.parameters()}
    assert not mine & {id(parameter) for parameter in recognizer.teacher.system.parameters()}


class Stop(Callback):
    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        if trainer.global_step == 8:
            os.kill(os.getpid(), signal.SIGTERM)


def test_stopped_and_resumed_equals_undisturbed(
    taught: Run, teacher: Run, tiny: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = student_of(teacher, tiny, tmp_path, "loss.sequence=true", "+weighting.sequence=0.5")
    run, build = Run(tmp_path / "trial" / "run-00000000"), assemble.build_trainer

    def with_stop(*arguments: Any) -> Trainer:
        trainer = build(*arguments)
        trainer.callbacks.insert(0, Stop())
        return trainer

    monkeypatch.setattr(assemble, "build_trainer", with_stop)
    with pytest.raises(Interrupted):
        fit(run, config)
    monkeypatch.undo()
    monkeypatch.setattr("project.build.teacher._figure", None)  # who may teach is not asked again
    fit(run, config)
    assert all(torch.equal(value, state_of(taught)[name]) for name, value in state_of(run).items())
    assert run.metrics_file.read_text() == taught.metrics_file.read_text()


def test_another_teacher_is_another_run(
    teacher: Run, novice: Run, taught: Run, tiny: list[str], tmp_path: Path
) -> None:
    config = taught.config()
    recognizer = train.build(config)
    taught.require_same(train.contents_of(config, recognizer))
    own = tmp_path / "teacher-00000000"
    shutil.copytree(teacher.folder, own)
    (own / "checkpoints" / "best.ckpt").write_bytes(teacher.last.read_bytes())
    with pytest.raises(InputError, match=r"teacher.* has changed since it began"):
        taught.require_same(train.contents_of(config | {"teacher": str(own)}, recognizer))
    defaults = compose("train")
    one, other, gated = (
        signature(student_of(run, tiny, tmp_path, *more), defaults, defaults["signature_ignores"])
        for run, more in ((teacher, []), (novice, []), (teacher, ["weak_teacher=true", f"student={novice.folder}"]))
    )
    assert one != other
    assert one == gated


def test_a_worse_teacher_is_refused_before_a_folder_is_made(
    novice: Run, teacher: Run, tiny: list[str], tmp_path: Path
) -> None:
    run = Run(tmp_path / "run")
    with pytest.raises(
        InputError, match=r"worse than the student, dev cer \d+\.\d+, 1\.0000 of the untrained.*weak_te"
    ):
        fit(run, student_of(novice, tiny, tmp_path))
    assert not run.folder.exists()
    with pytest.raises(InputError, match=rf"worse than the student, .* of student={teacher.folder}: choose a better"):
        fit(run, student_of(novice, tiny, tmp_path, f"student={teacher.folder}"))
    started = student_of(novice, tiny, tmp_path, f"init_from={teacher.folder}", "model.channels=48", "model.blocks=4")
    with pytest.raises(InputError, match=rf"worse than the student, .* of init_from={teacher.folder}"):
        fit(run, started)


def test_a_weak_teacher_can_be_wanted(
    novice: Run, tiny: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = Run(tmp_path / "run")
    fit(run, student_of(novice, tiny, tmp_path, "weak_teacher=true", "trainer.max_epochs=1"))
    told = capsys.readouterr().err
    assert "worse, and learned from all the same (weak_teacher)" in told
    assert "outgrown its teacher on dev: cer" in " ".join(told.split())
    assert run.state()["state"] == "finished"


def test_scoring_leaves_the_student_as_it_was(teacher: Run, tiny: list[str], tmp_path: Path) -> None:
    config = student_of(teacher, tiny, tmp_path)
    recognizer = train.build(config)
    recognizer.system.train()
    recognizer.system.model.blocks.eval()  # type: ignore[operator, union-attr]
    before = {name: module.training for name, module in recognizer.system.named_modules()}
    standing = compare(config, recognizer)
    assert standing is not None
    assert {name: module.training for name, module in recognizer.system.named_modules()} == before
    assert compare(config, replace(recognizer, teacher=None)) is None


def test_a_student_is_evaluated_without_its_teacher(teacher: Run, tiny: list[str], tmp_path: Path) -> None:
    gone = tmp_path / "trial" / "teacher-00000000"
    shutil.copytree(teacher.folder, gone)
    run = Run(tmp_path / "trial" / "run-00000000")
    fit(run, student_of(Run(gone), tiny, tmp_path, "trainer.max_epochs=1"))
    shutil.rmtree(gone)
    report = score(run, compose("evaluate", [f"run={run.folder}", "workers=0", "resamples=50"]))
    assert report.metrics["cer"] >= 0
    with pytest.raises(InputError, match="no such run folder"):
        fit(run, run.config())


def test_who_cannot_teach(teacher: Run, tiny: list[str], config: Config, tmp_path: Path) -> None:
    wanted = student_of(teacher, tiny, tmp_path)
    for changes, line in (
        ({"teacher": None}, "teacher is missing"),
        ({"loss": config["loss"]}, "learns from nobody: set loss=distill"),
        (
            {"feature": config["feature"] | {"integrate_ms": [10, 20, 30, 40, 50]}},
            r"teacher=.* other features: set feat",
        ),
        (
            {"text": config["text"] | {"symbols": "ETAN "}},
            r"another alphabet, \d+ symbols and 5 here: set text.symbols=",
        ),
        ({"teacher": str(tmp_path)}, "not a run folder"),
    ):
        with pytest.raises(InputError, match=line):
            restore_teacher(wanted | changes)
    with pytest.raises(InputError, match="there is no teacher to compare it with"):
        restore_teacher(config | {"student": str(teacher.folder)})
    assert restore_teacher(config) is None


def test_a_loss_within_a_loss_may_ask_for_a_teacher() -> None:
    distill = compose("train", ["loss=distill"])["loss"]
    assert asks_for_teacher({"_target_": "project.loss.masked.Masked", "ctc": distill})
    assert asks_for_teacher([distill])
    assert not asks_for_teacher(compose("train", ["loss=masked_ctc"])["loss"])
