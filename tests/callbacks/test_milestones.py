"""What a run says of figures it should have by now: once each, at the right validation, and the same after a stop."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import Callback

from project import train
from project.build import assemble
from project.build.compose import compose
from project.callbacks.milestones import Milestones, mean_after
from project.contract import Config, InputError
from project.run import Run

SYSTEM: Any = SimpleNamespace(
    weighting=SimpleNamespace(weights=lambda: {"ctc": 1.0, "smoothing": 0.05}),
    metrics={
        "wer": SimpleNamespace(name="wer", better="lower", ratios={"wer": (), "wer_insertions": ()}),
        "exact": SimpleNamespace(name="exact", better="higher", ratios={}),
        "length": SimpleNamespace(name="length", better="one", ratios={}),
    },
)


@pytest.fixture
def said() -> Iterator[list[str]]:
    """What goes into train.log."""
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("scansion")
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield lines
    logger.removeHandler(handler)
    logger.setLevel(before)


def validate(callback: Milestones, epoch: int, whole: bool = True, step: int = 0, **figures: float) -> None:
    """A validation in some epoch, from 1, at its end or before."""
    trainer: Any = SimpleNamespace(
        state=SimpleNamespace(fn="fit"), sanity_checking=False, is_global_zero=True, callbacks=[callback],
        current_epoch=epoch - 1, is_last_batch=whole, global_step=step,
    )  # fmt: skip
    found = {f"dev/{name}": value for name, value in figures.items()}
    callback.on_validation_end(trainer, SimpleNamespace(**vars(SYSTEM), figures=found))


def milestones(folder: Path, expected: Any, tolerance: float = 0.1) -> Milestones:
    return Milestones(str(folder / "checkpoints"), expected, tolerance)


@pytest.mark.parametrize(
    ("figure", "expected", "actual", "is_behind"),
    [
        ("wer", 0.5, 0.54, False),
        ("wer", 0.5, 0.56, True),
        ("wer", 0.5, 0.1, False),
        ("wer", 0.0, 0.001, True),
        ("wer", 0.0, 0.0, False),
        ("wer_insertions", 0.1, 0.2, True),
        ("loss", 3.0, 2.0, False),
        ("loss", 3.0, float("nan"), True),
        ("ctc", -2.0, -1.0, True),
        ("exact", 0.5, 0.46, False),
        ("exact", 0.5, 0.44, True),
        ("exact", 0.5, 0.9, False),
        ("length", 0.8, 1.25, False),
        ("length", 0.8, 1.4, True),
        ("length", 0.8, 0.6, True),
    ],
)
def test_better_is_what_the_metric_says_it_is(
    tmp_path: Path, said: list[str], capsys: pytest.CaptureFixture[str],
    figure: str, expected: float, actual: float, is_behind: bool,
) -> None:  # fmt: skip
    """And of losses the lower; what is behind is shown, what is not stands in the log alone."""
    validate(milestones(tmp_path, {1: {f"dev/{figure}": expected}}), 1, **{figure: actual})
    (line,) = said
    assert line.startswith("behind its milestone: " if is_behind else "milestone: ")
    assert line.endswith(f"dev/{figure} is {actual:.4g} after epoch 1, {expected:.4g} was expected")
    assert "".join(capsys.readouterr().err.split()) == ("".join(line.split()) if is_behind else "")


def test_each_is_judged_once_at_the_first_validation_when_its_epoch_is_done(tmp_path: Path, said: list[str]) -> None:
    callback = milestones(tmp_path, {"4": {"dev/wer": 0.4}, 2: {"dev/wer": 0.9}, 3: {"dev/wer": 0.7, "dev/loss": 1.0}})
    heard: dict[tuple[int, bool], list[str]] = {}
    for epoch, whole in ((1, True), (2, False), (2, True), (4, False), (4, True), (5, True)):
        validate(callback, epoch, whole, wer=0.6, loss=0.5)
        heard[epoch, whole] = list(said)
        said.clear()
    assert {key for key, lines in heard.items() if lines} == {(2, True), (4, False), (4, True)}
    assert heard[2, True] == ["milestone: dev/wer is 0.6 after epoch 2, 0.9 was expected"]
    assert heard[4, False][1] == "milestone: dev/wer is 0.6 after epoch 3, 0.7 was expected"
    assert heard[4, True] == ["behind its milestone: dev/wer is 0.6 after epoch 4, 0.4 was expected"]
    assert callback.summary() == "milestones: 3 of 4 met; behind: dev/wer after epoch 4"


def test_a_late_validation_says_for_when_it_was_expected(tmp_path: Path, said: list[str]) -> None:
    callback = milestones(tmp_path, {3: {"dev/wer": 0.4}, 9: {"dev/wer": 0.1}})
    validate(callback, 5, wer=0.6)
    assert said == ["behind its milestone: dev/wer is 0.6 after epoch 5, 0.4 was expected after epoch 3"]
    assert callback.summary().endswith("behind: dev/wer after epoch 3; not reached: dev/wer after epoch 9")


def test_training_figures_are_means_over_the_epoch(tmp_path: Path, said: list[str]) -> None:
    """Records of 50, 50 and 20 steps, the epoch's own the last two."""
    callback = milestones(tmp_path, {2: {"train/ctc": 2.0}})
    rows = ["step,epoch,name,value", "50,0,train/ctc,9", "100,1,train/ctc,3", "120,1,train/ctc,1", "120,1,train/lr,7"]
    (tmp_path / "metrics.csv").write_text("".join(f"{row}\n" for row in rows))
    callback.on_train_epoch_start(SimpleNamespace(global_step=50), SYSTEM)  # type: ignore[arg-type]
    validate(callback, 2, step=120)
    assert said == [f"behind its milestone: train/ctc is {(50 * 3 + 20 * 1) / 70:.4g} after epoch 2, 2 was expected"]
    assert math.isnan(mean_after(120, [(120, 1.0)])), "nothing recorded is no number"


def test_names_that_no_loss_or_metric_has_are_refused_at_the_start(tmp_path: Path) -> None:
    trainer: Any = SimpleNamespace(is_global_zero=False)
    for figure, told in (
        ("dev/were", "did you mean dev/wer"),
        ("train/cct", "did you mean train/ctc"),
        ("train/lr", "this run has no such loss or metric"),
        ("loss/of/nerves", "choose from train/loss"),
    ):
        with pytest.raises(InputError, match=rf"milestones\.expected\.7\.{figure}: .*{told}"):
            milestones(tmp_path, {7: {figure: 1.0}}).on_train_start(trainer, SYSTEM)
    milestones(tmp_path, {7: {"dev/ctc": 1.0, "train/smoothing": 1, "dev/exact": 1}}).on_train_start(trainer, SYSTEM)
    with pytest.raises(InputError, match=r"expected\.7\.dev/ctc: .*choose from dev/loss"):  # what data do not say
        validate(milestones(tmp_path, {7: {"dev/ctc": 1.0}}), 1, loss=1.0)


def test_what_is_wrong_is_said(tmp_path: Path) -> None:
    for epoch in (0, "five", -1, 2.5):
        with pytest.raises(InputError, match=r"callbacks\.milestones\.expected: .* is no epoch"):
            milestones(tmp_path, {epoch: {"dev/wer": 1.0}})
    with pytest.raises(InputError, match="tolerance: -1"):
        milestones(tmp_path, {}, -1)


class Stop(Callback):
    """A run that dies when a batch of a step has ended."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        if trainer.global_step == self.step:
            raise RuntimeError("the power is gone")


EXPECTED = {1: {"train/ctc": 1e9, "dev/cer": -1.0}, 2: {"train/loss": -1.0, "dev/loss": 1e9}, 9: {"dev/wer": 0.1}}


@pytest.mark.parametrize("step", [7, 9, -1])
def test_a_run_says_each_once_though_it_stopped_between(
    tiny: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """Twelve steps, checkpoints every second one; died in the second epoch, where the epoch's mean had begun."""
    config: Config = compose("train", [*tiny, "callbacks.checkpoint.every_steps=2", "callbacks.recorder.every_steps=2"])
    config["callbacks"]["milestones"]["expected"] = EXPECTED
    run, build = Run(tmp_path / "run"), assemble.build_trainer

    def with_stop(*arguments: Any) -> Trainer:
        trainer = build(*arguments)
        trainer.callbacks.insert(0, Stop(step))  # type: ignore[attr-defined]
        return trainer

    if step > 0:
        with monkeypatch.context() as patch:
            patch.setattr(assemble, "build_trainer", with_stop)
            with pytest.raises(RuntimeError, match="the power is gone"):
                train.fit(run, config, train.build(config))
    train.fit(run, config, train.build(config))
    found = [
        line.split(" ", 2)[2] for line in (run.folder / "train.log").read_text().splitlines() if "mileston" in line
    ]
    starts = [
        "behind its milestone: dev/cer",
        "milestone: train/ctc",
        "milestone: dev/loss",
        "behind its milestone: train",
    ]
    assert [line[: len(start)] for line, start in zip(found, starts, strict=False)] == starts
    assert found[4:] == [
        "milestones: 2 of 5 met; behind: dev/cer after epoch 1, train/loss after epoch 2; "
        "not reached: dev/wer after epoch 9"
    ]
    curve = [(at, value) for at, value in run.curves()["train/loss"] if at > 6]
    assert [at for at, _ in curve] == [8, 10, 12]
    assert f"train/loss is {sum(value for _, value in curve) / 3:.4g} after epoch 2" in found[3]
