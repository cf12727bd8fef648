"""Samples of what a run says: the same examples at each validation, and in the file what a run without a stop has."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from project.callbacks.samples import Samples
from project.contract import Hypothesis, InputError
from project.metric.text import ErrorRate
from project.system.base import Scored

CER = ErrorRate("cer", "character")
SAID = {f"e{n}": ("ABCD"[: 1 + n % 4], "AXCD"[: 1 + n % 3]) for n in range(20)}


class Table:
    """A logger that can show examples."""

    def __init__(self) -> None:
        self.shown: list[tuple[int, list[Any]]] = []

    def log_examples(self, rows: list[Any], step: int) -> None:
        self.shown.append((step, rows))


def scored(said: dict[str, tuple[str, str]]) -> list[Scored]:
    found = []
    for name, (reference, text) in said.items():
        hypothesis = Hypothesis((), text, 0.0)
        found.append(Scored(name, reference, hypothesis, CER.score(reference, hypothesis)))
    return found


def trainer_at(step: int, *loggers: Any, first: bool = True) -> Any:
    validated = [SimpleNamespace(id=name, media=f"/corpus/{name}.wav") for name in SAID]
    return SimpleNamespace(
        global_step=step, current_epoch=step // 10, sanity_checking=False, is_global_zero=first,
        loggers=[*loggers, object()], datamodule=SimpleNamespace(validated=validated),
    )  # fmt: skip


def validate(callback: Samples, step: int, *loggers: Any, said: Any = SAID, first: bool = True) -> None:
    system = SimpleNamespace(scored=scored(said), metrics={"cer": CER})
    callback.on_validation_end(trainer_at(step, *loggers, first=first), system)


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "samples.jsonl").read_text().splitlines()]


def test_the_same_few_are_shown_each_time_whatever_else_is_there(tmp_path: Path) -> None:
    table = Table()
    callback = Samples(str(tmp_path / "checkpoints"), 5)
    validate(callback, 10, table)
    validate(callback, 20, table, said=dict(reversed(SAID.items())))
    rows = lines(tmp_path)
    assert [row["step"] for row in rows] == [10] * 5 + [20] * 5
    assert [row["id"] for row in rows[:5]] == sorted(row["id"] for row in rows[5:])
    assert table.shown == [(10, rows[:5]), (20, rows[5:])]
    kept = {row["id"] for row in rows}
    fewer = {name: SAID[name] for name in SAID if name in kept or name < "e15"}  # others leave, these stay
    validate(Samples(str(tmp_path / "other" / "checkpoints"), 0), 10, table)
    (tmp_path / "fewer").mkdir()
    validate(Samples(str(tmp_path / "fewer" / "checkpoints"), 5), 10, said=fewer)
    assert {row["id"] for row in lines(tmp_path / "fewer")} == kept
    assert len(table.shown) == 2, "0 shows none"


def test_a_row_says_what_was_wanted_and_what_was_said(tmp_path: Path) -> None:
    validate(Samples(str(tmp_path / "checkpoints"), 100), 30)
    for row in lines(tmp_path):
        reference, text = SAID[row["id"]]
        errors = sum(a != b for a, b in zip(reference, text, strict=False)) + abs(len(reference) - len(text))
        assert row == {
            "step": 30, "epoch": 3, "id": row["id"], "reference": reference, "hypothesis": text,
            "cer": errors / len(reference), "media": f"/corpus/{row['id']}.wav",
        }  # fmt: skip


def test_what_a_single_example_does_not_define_is_left_empty(tmp_path: Path) -> None:
    """And an example that is not of the validated manifest has no medium."""
    empty = Scored("x", "", Hypothesis((), "A", 0.0), CER.score("", Hypothesis((), "A", 0.0)))
    system = SimpleNamespace(scored=[empty], metrics={"cer": CER})
    Samples(str(tmp_path / "checkpoints")).on_validation_end(trainer_at(1), system)
    (row,) = lines(tmp_path)
    assert (row["cer"], row["media"]) == (None, None)


def test_a_resumed_run_has_the_lines_of_an_undisturbed_one(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    for step in (10, 20, 30):
        validate(Samples(str(tmp_path / "a" / "checkpoints"), 3), step)
    whole = lines(tmp_path / "a")
    resumed = Samples(str(tmp_path / "a" / "checkpoints"), 3)
    resumed.on_train_start(trainer_at(20), None)
    assert lines(tmp_path / "a") == whole[:6]
    validate(resumed, 20)  # its checkpoint was written before this validation
    validate(resumed, 30)
    assert lines(tmp_path / "a") == whole
    Samples(str(tmp_path / "new" / "checkpoints")).on_train_start(trainer_at(0), None)
    assert not (tmp_path / "new").exists()


def test_one_process_writes(tmp_path: Path) -> None:
    validate(Samples(str(tmp_path / "checkpoints"), 3), 10, first=False)
    assert not list(tmp_path.iterdir())


def test_a_number_is_wanted(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"callbacks\.samples\.count: -1 is negative: give 0 for none"):
        Samples(str(tmp_path), -1)
