"""When W&B is online."""

from __future__ import annotations

from pathlib import Path

import pytest

from project.logger import wandb_account


def test_online_only_for_who_is_logged_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("WANDB_MODE", "WANDB_API_KEY", "WANDB_BASE_URL", "WANDB_IDENTITY_TOKEN_FILE", "NETRC"):
        monkeypatch.delenv(name, raising=False)
    assert not wandb_account.logged_in()
    (tmp_path / ".netrc").write_text(f"machine api.wandb.ai login user password {'0' * 40}\n")
    (tmp_path / ".netrc").chmod(0o600)
    assert wandb_account.logged_in()
    monkeypatch.setenv("WANDB_BASE_URL", "https://wandb.example.org:8080/")
    assert not wandb_account.logged_in(), "the account is at another server"
    (tmp_path / "netrc").write_text(f"machine wandb.example.org login user password {'0' * 40}\n")
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert wandb_account.logged_in()
    monkeypatch.setenv("WANDB_MODE", "offline")
    assert not wandb_account.logged_in()
    monkeypatch.delenv("WANDB_MODE")
    monkeypatch.setenv("NETRC", str(tmp_path / "nowhere"))
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    assert wandb_account.logged_in()
