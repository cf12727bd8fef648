"""TensorBoard beside the CSV, for real; and when W&B is online."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from project import train
from project.build.compose import compose
from project.logger import account
from project.run import Run

pytestmark = pytest.mark.filterwarnings("ignore")  # of the loggers' own packages


def test_a_run_is_logged_there_too(tiny: list[str], tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="the extra `tensorboard` is not installed")
    config = compose("train", [*tiny, "logger=tensorboard", "trainer.max_epochs=1"])
    run = Run(tmp_path / "run")
    train.fit(run, config, train.build(config))
    assert "dev/cer" in run.curves()
    (file,) = run.folder.glob("tensorboard/events.*")
    assert file.stat().st_size > 0
    samples = [json.loads(line) for line in (run.folder / "samples.jsonl").read_text().splitlines()]
    ((step, table),) = texts(run.folder / "tensorboard")
    assert step == samples[0]["step"]
    assert [row["id"] for row in samples] == [line.split(" | ")[1] for line in table[2:]]


def texts(folder: Path) -> list[tuple[int, list[str]]]:
    """The tables of examples in event files, by TensorBoard's own reader: step and lines."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder)).Reload()
    found = events.Tensors("examples/text_summary")
    return [(one.step, one.tensor_proto.string_val[0].decode().splitlines()) for one in found]


def test_both_at_once(tiny: list[str]) -> None:
    config = compose("train", [*tiny, "logger=[wandb,tensorboard]"])
    assert set(config["logger"]) == {"csv", "wandb", "tensorboard"}


def test_online_only_for_who_is_logged_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("WANDB_MODE", "WANDB_API_KEY", "WANDB_BASE_URL", "WANDB_IDENTITY_TOKEN_FILE", "NETRC"):
        monkeypatch.delenv(name, raising=False)
    assert not account.logged_in()
    (tmp_path / ".netrc").write_text(f"machine api.wandb.ai login user password {'0' * 40}\n")
    (tmp_path / ".netrc").chmod(0o600)
    assert account.logged_in()
    monkeypatch.setenv("WANDB_BASE_URL", "https://wandb.example.org:8080/")
    assert not account.logged_in(), "the account is at another server"
    (tmp_path / "netrc").write_text(f"machine wandb.example.org login user password {'0' * 40}\n")
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert account.logged_in()
    monkeypatch.setenv("WANDB_MODE", "offline")
    assert not account.logged_in()
    monkeypatch.delenv("WANDB_MODE")
    monkeypatch.setenv("NETRC", str(tmp_path / "nowhere"))
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    assert account.logged_in()
