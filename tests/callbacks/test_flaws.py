"""Bad examples of training are named once, counted, and too many of them stop a run: also after resuming."""

from __future__ import annotations

import csv
import json
import logging
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from project import train
from project.build.compose import compose
from project.callbacks.flaws import Flaws
from project.contract import Batch, InputError, Interrupted
from project.data.reading import Reading
from project.run import Run


def batch_of(*places: int) -> Batch:
    flaws = tuple({"place": f"m.jsonl:{n}", "id": f"e{n}", "reason": "torn", "stand_in": "e0"} for n in places)
    return Batch(("e0",), torch.zeros(1, 1, 1), torch.ones(1), {}, ("x",), flaws)


class Logger:
    def __init__(self) -> None:
        self.rows: list[tuple[int, float]] = []

    def log_metrics(self, figures: dict[str, float], step: int) -> None:
        self.rows.append((step, figures["train/bad_examples"]))


def trainer_of(most: int, first: bool = True, ranks: int = 1) -> Any:
    data = SimpleNamespace(reading=Reading(max_bad=most), num_bad=0)
    strategy = SimpleNamespace(barrier=lambda name: None)
    facts = {"current_epoch": 0, "global_step": 7, "callbacks": [], "loggers": [Logger()], "world_size": ranks}
    return SimpleNamespace(is_global_zero=first, datamodule=data, strategy=strategy, **facts)


def started(folder: Path, trainer: Any) -> Flaws:
    callback = Flaws(str(folder / "checkpoints"))
    callback.on_train_start(trainer, None)  # type: ignore[arg-type]
    return callback


def test_each_is_named_once_and_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    trainer = trainer_of(3)
    callback = started(tmp_path, trainer)
    with caplog.at_level(logging.WARNING, "scansion"):
        for batch in (batch_of(), batch_of(4), batch_of(9, 4), batch_of(9)):
            callback.on_train_batch_start(trainer, None, batch, 0)  # type: ignore[arg-type]
    told = [record.getMessage() for record in caplog.records]
    assert told == ["m.jsonl:4: e4: torn: e0 stands in for it", "m.jsonl:9: e9: torn: e0 stands in for it"]
    assert trainer.loggers[0].rows == [(8, 1.0), (8, 2.0), (8, 2.0)]
    assert trainer.datamodule.num_bad == 2


def test_one_too_many_stops_with_all_of_them(tmp_path: Path) -> None:
    trainer = trainer_of(2)
    callback = started(tmp_path, trainer)
    callback.on_train_batch_start(trainer, None, batch_of(1, 2), 0)  # type: ignore[arg-type]
    words = r"data\.max_bad=2: 3 examples .*m\.jsonl:1: e1: torn; m\.jsonl:2: e2: torn; m\.jsonl:5: e5: torn: mend"
    with pytest.raises(InputError, match=words) as error:
        callback.on_train_batch_start(trainer, None, batch_of(5), 1)  # type: ignore[arg-type]
    assert "\n" not in str(error.value)


def test_what_a_checkpoint_knows_counts_after_resuming(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    trainer = trainer_of(2)
    first = started(tmp_path, trainer)
    first.on_train_batch_start(trainer, None, batch_of(1, 2), 0)  # type: ignore[arg-type]
    state = json.loads(json.dumps(first.state_dict()))
    second = Flaws(str(tmp_path / "other" / "checkpoints"))
    second.load_state_dict(state)
    again = trainer_of(2)
    caplog.clear()
    with caplog.at_level(logging.WARNING, "scansion"):
        second.on_train_start(again, None)  # type: ignore[arg-type]
        second.on_train_batch_start(again, None, batch_of(1), 0)  # type: ignore[arg-type]
    assert not caplog.records, "what was named is not named again"
    assert again.datamodule.num_bad == 2
    with pytest.raises(InputError, match="3 examples"):
        second.on_train_batch_start(again, None, batch_of(3), 0)  # type: ignore[arg-type]


def test_ranks_count_together(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The first one names what the other has found; what both have met counts once."""
    one, other = trainer_of(2, ranks=2), trainer_of(2, first=False, ranks=2)
    first, second = started(tmp_path, one), started(tmp_path, other)
    with caplog.at_level(logging.WARNING, "scansion"):
        second.on_train_batch_start(other, None, batch_of(1), 0)  # type: ignore[arg-type]
        assert not caplog.records
        first.on_train_batch_start(one, None, batch_of(2, 1), 0)  # type: ignore[arg-type]
    assert len(caplog.records) == 2
    with pytest.raises(InputError, match="3 examples"):
        second.on_train_batch_start(other, None, batch_of(3), 0)  # type: ignore[arg-type]
    assert len(first.state_dict()["flaws"]) == 3


@pytest.fixture
def torn(morse: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "torn"
    shutil.copytree(morse, folder)
    for line in (2, 11):
        medium = folder / json.loads((folder / "train.jsonl").read_text().splitlines()[line - 1])["media"]
        medium.write_bytes(medium.read_bytes()[:100])
    return folder


def test_a_run_goes_on_without_bad_examples_and_resumes_bit_by_bit(
    torn: Path, tiny: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [*tiny, f"data.manifest.train={torn}/train.jsonl", "data.max_bad=2", "trainer.max_epochs=2"]
    words += ["++callbacks.flaws._target_=project.callbacks.flaws.Flaws", "callbacks.checkpoint.every_steps=1"]
    config = compose("train", words)

    def weights(run: Run) -> dict[str, torch.Tensor]:
        return dict(torch.load(run.last, weights_only=True)["state_dict"])

    whole = Run(tmp_path / "whole")
    train.fit(whole, config, train.build(config))
    stopped = Run(tmp_path / "stopped")
    stops = Flaws.on_train_batch_start

    def stop(self: Flaws, trainer: Any, system: Any, batch: Batch, batch_idx: int) -> None:
        stops(self, trainer, system, batch, batch_idx)
        if batch.flaws and trainer.current_epoch == 1:  # both were met before
            raise Interrupted("stopped", 15)

    monkeypatch.setattr(Flaws, "on_train_batch_start", stop)
    with pytest.raises(Interrupted):
        train.fit(stopped, config, train.build(config))
    monkeypatch.undo()
    train.fit(stopped, config, train.build(config, stopped))
    for name, weight in weights(whole).items():
        assert torch.equal(weight, weights(stopped)[name])

    def figures(run: Run) -> list[list[str]]:
        with run.metrics_file.open(newline="") as file:
            return [row for row in csv.reader(file) if row[2] == "train/bad_examples"]

    assert figures(whole) == figures(stopped)
    assert {row[1] for row in figures(whole)} == {"0", "1"}
    assert figures(whole)[-1][3] == "2.0"
    assert whole.metadata()["examples"]["bad"] == stopped.metadata()["examples"]["bad"] == 2
    log = (whole.folder / "train.log").read_text()
    assert log.count("stands in for it") == 2
    (line,) = [line for line in log.splitlines() if f"{torn}/train.jsonl:2:" in line]
    assert "no readable audio" in line
