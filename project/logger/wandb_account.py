"""Whether this machine has an account at W&B, found without asking W&B or anybody else."""

from __future__ import annotations

import netrc
import os

URL = "https://api.wandb.ai"


def logged_in() -> bool:
    """Whether there is a key for the server that is used."""
    if os.environ.get("WANDB_MODE") in {"offline", "disabled", "dryrun"}:
        return False
    if os.environ.get("WANDB_API_KEY") or os.environ.get("WANDB_IDENTITY_TOKEN_FILE"):
        return True
    host = os.environ.get("WANDB_BASE_URL", URL).split("://")[-1].split("/")[0].split(":")[0]
    try:
        return netrc.netrc(os.environ.get("NETRC")).authenticators(host) is not None
    except (FileNotFoundError, netrc.NetrcParseError):
        return False
