"""Where scansion keeps what it can make again: copies of remote manifests, and remote shards while they are read."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """`$SCANSION_CACHE`, or else ~/.cache/scansion."""
    named = os.environ.get("SCANSION_CACHE")
    if named:
        return Path(named).expanduser().absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "scansion"
