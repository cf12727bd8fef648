"""Weights & Biases and TensorBoard beside the CSV, for real and offline."""

from __future__ import annotations

from pathlib import Path

import pytest

from project import train
from project.build.compose import compose
from project.logger import wandb as ours
from project.run import Run

pytestmark = pytest.mark.filterwarnings("ignore")  # of the loggers' own packages


@pytest.mark.parametrize("name", ["wandb", "tensorboard"])
def test_a_run_is_logged_there_too(name: str, tiny: list[str], tmp_path: Path) -> None:
    pytest.importorskip(name, reason=f"the extra `{name}` is not installed")
    config = compose("train", [*tiny, f"logger={name}", "trainer.max_epochs=1"])
    run = Run(tmp_path / "run")
    train.fit(run, config, train.build(config))
    assert "dev/cer" in run.curves()
    pattern = {"wandb": "wandb/offline-run-*/run-*.wandb", "tensorboard": "tensorboard/events.*"}[name]
    files = list(run.folder.glob(pattern))
    assert len(files) == 1
    assert files[0].stat().st_size > 0


def test_both_at_once(tiny: list[str]) -> None:
    config = compose("train", [*tiny, "logger=[wandb,tensorboard]"])
    assert set(config["logger"]) == {"csv", "wandb", "tensorboard"}


def test_online_only_for_who_is_logged_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("WANDB_MODE", "WANDB_API_KEY", "WANDB_HOST", "NETRC"):
        monkeypatch.delenv(name, raising=False)
    assert not ours.logged_in()
    (tmp_path / ".netrc").write_text(f"machine {ours.HOST} login user password {'0' * 40}\n")
    (tmp_path / ".netrc").chmod(0o600)
    assert ours.logged_in()
    monkeypatch.setenv("WANDB_MODE", "offline")
    assert not ours.logged_in()
