"""A validation before the first step, and a stop where a run has become worse than it was there."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from project import train
from project.build.compose import compose
from project.callbacks.outset import Outset
from project.contract import Config, InputError
from project.run import Run, find, signature


def validations(callback: Outset, *figures: float) -> list[bool]:
    """Whether it asked to stop after each, the first of them before the first step."""
    stops = []
    for step, figure in enumerate(figures):
        state = SimpleNamespace(fn="fit")
        trainer: Any = SimpleNamespace(state=state, global_step=step, should_stop=False, callbacks=[callback])
        system: Any = SimpleNamespace(figures={"dev/wer": figure})
        callback.on_validation_end(trainer, system)
        stops.append(trainer.should_stop)
    return stops


def test_it_stops_where_errors_are_a_tenth_more_than_before() -> None:
    callback = Outset(validate=True, stop_above=1.1)
    assert validations(callback, 0.5, 0.4, 0.549, 0.551) == [False, False, False, True]
    assert (callback.begun, callback.stopped_at) == (0.5, 3)


def test_without_a_bound_nothing_stops(capsys: pytest.CaptureFixture[str]) -> None:
    assert validations(Outset(validate=True), 0.1, 9.0) == [False, False]
    assert capsys.readouterr().err == ""


def test_a_resumed_run_knows_where_it_began() -> None:
    first, second = Outset(validate=True, stop_above=1.1), Outset(validate=True, stop_above=1.1)
    validations(first, 0.5)
    second.load_state_dict(first.state_dict())
    trainer: Any = SimpleNamespace(
        state=SimpleNamespace(fn="fit"), global_step=7, should_stop=False, callbacks=[second]
    )
    second.on_validation_end(trainer, SimpleNamespace(figures={"dev/wer": 0.6}))  # type: ignore[arg-type]
    assert trainer.should_stop


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"stop_above": 1.1}, "outset.validate=true"),
        ({"validate": True, "stop_above": 0.9}, "give 1 or more"),
    ],
)
def test_bounds_that_make_no_sense_are_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        Outset(**settings)


def test_a_figure_that_there_is_not_is_refused() -> None:
    with pytest.raises(InputError, match=r"no figure dev/wer: choose from dev/cer"):
        trainer: Any = SimpleNamespace(state=SimpleNamespace(fn="fit"), global_step=0)
        Outset(validate=True).on_validation_end(trainer, SimpleNamespace(figures={"dev/cer": 1.0}))  # type: ignore[arg-type]


def run_of(config: Config) -> Run:
    sign = signature(config, compose("train"), config["signature_ignores"])
    return find(config["runs"], config["family"], config["name"], sign)


def outset_of(config: Config, **settings: Any) -> Config:
    callbacks = config["callbacks"]
    return {**config, "callbacks": {**callbacks, "outset": {**callbacks["outset"], **settings}}}


def test_a_run_is_validated_before_its_first_step_and_learns_as_ever(config: Config) -> None:
    """The figure stands at step 0, is neither best nor a checkpoint, and changes nothing in what follows."""
    plain, watched = config, outset_of({**config, "name": "watched"}, validate=True)
    assert train.train(plain, []) == 0
    assert train.train(watched, []) == 0
    curves = [run_of(one).curves() for one in (plain, watched)]
    (step, begun), *later = curves[1]["dev/cer"]
    assert step == 0
    assert begun > 0
    assert later == curves[0]["dev/cer"]
    assert curves[1]["train/loss"] == curves[0]["train/loss"]


def test_a_run_that_gets_worse_is_stopped_and_finished(config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    config = outset_of({**config, "name": "worse"}, validate=True, stop_above=1.0, monitor="dev/loss")
    config["optimizer"] = {**config["optimizer"], "lr": 3.0}
    config["trainer"] = {**config["trainer"], "max_epochs": 30}
    assert train.train(config, []) == 0
    run = run_of(config)
    assert run.state()["state"] == "finished"
    assert run.state()["step"] < 30 * 6
    assert "more than 1 times" in capsys.readouterr().err
