"""When a student is told to have outgrown its teacher: once, and by the metric's own idea of better."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from project.callbacks.outgrown import TEACHER, Outgrown


def validations(callback: Outgrown, *figures: float) -> None:
    trainer: Any = SimpleNamespace(callbacks=[callback], is_global_zero=True)
    for figure in figures:
        system: Any = SimpleNamespace(figures={"dev/wer": figure})
        callback.on_validation_end(trainer, system)


def callback_of(folder: Path, better: str = "lower") -> Outgrown:
    (folder / TEACHER).write_text(json.dumps({"metric": "wer", "better": better, "teacher": 0.5}))
    return Outgrown(str(folder / "checkpoints"))


@pytest.mark.parametrize(
    ("better", "figures", "times"),
    [
        ("lower", (0.9, 0.5, float("nan")), 0),
        ("lower", (0.9, 0.4, 0.6, 0.3), 1),
        ("higher", (0.4, 0.6), 1),
        ("higher", (0.4,), 0),
        ("one", (1.4,), 1),
        ("one", (1.6,), 0),
    ],
)
def test_it_is_told_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], better: str, figures: tuple[float, ...], times: int
) -> None:
    validations(callback_of(tmp_path, better), *figures)
    assert capsys.readouterr().err.count("outgrown its teacher") == times


def test_a_resumed_run_does_not_tell_it_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = callback_of(tmp_path), callback_of(tmp_path)
    validations(first, 0.4)
    second.load_state_dict(first.state_dict())
    validations(second, 0.3)
    assert capsys.readouterr().err.count("outgrown") == 1


def test_without_a_teacher_there_is_nothing_to_say(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    validations(Outgrown(str(tmp_path / "checkpoints")), 0.1)
    assert capsys.readouterr().err == ""
