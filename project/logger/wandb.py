"""Weights & Biases, offline unless somebody is logged in or says otherwise: it never asks and never waits."""

from __future__ import annotations

import netrc
import os
from typing import Literal

from lightning.pytorch.loggers import WandbLogger

from project.contract import InputError

HOST = "api.wandb.ai"


class WandbRun(WandbLogger):
    """A W&B run beside the CSV; `mode=auto` is online only with an account on this machine."""

    def __init__(
        self,
        save_dir: str,
        project: str = "scansion",
        mode: Literal["auto", "online", "offline"] = "auto",
        entity: str | None = None,
        tags: list[str] | None = None,
        run_name: str | None = None,
    ) -> None:
        offline = mode == "offline" or (mode == "auto" and not logged_in())
        try:
            super().__init__(
                name=run_name, save_dir=save_dir, offline=offline, project=project, entity=entity, tags=tags or []
            )
        except ModuleNotFoundError as error:
            raise InputError("logger=wandb: the package wandb is missing: pip install 'scansion[wandb]'") from error


def logged_in() -> bool:
    """Whether this machine holds a W&B key, found without asking W&B."""
    if os.environ.get("WANDB_MODE") in {"offline", "disabled", "dryrun"}:
        return False
    if os.environ.get("WANDB_API_KEY"):
        return True
    try:
        return netrc.netrc().authenticators(os.environ.get("WANDB_HOST", HOST)) is not None
    except (FileNotFoundError, netrc.NetrcParseError):
        return False
