"""What a run runs on: versions, hardware, and the state of this code. Nothing personal."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

PACKAGES = ("scansion", "torch", "lightning", "hydra-core", "omegaconf", "numpy", "transformers", "torchaudio", "peft")


def environment() -> dict[str, Any]:
    """What this run runs on: versions, code state, hardware. Nothing personal: no user, host or path names."""
    versions = {name: version_of(name) for name in PACKAGES}
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cpus": os.cpu_count(),
        "packages": {name: version for name, version in versions.items() if version},
        "gpus": _gpus(),
        "code": code_state(),
    }


def version_of(package: str) -> str | None:
    """The version of a package that is installed."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _gpus() -> list[str]:
    torch = sys.modules.get("torch")  # asked only where it is loaded already
    if torch is None or not torch.cuda.is_available():
        return []
    return [str(torch.cuda.get_device_name(index)) for index in range(torch.cuda.device_count())]


def code_state() -> dict[str, Any]:
    """The commit this code stands at and a hash of what differs from it; the version alone where there is no git."""
    folder = Path(__file__).resolve().parents[1]
    state: dict[str, Any] = {"version": version_of("scansion")}
    if not (folder / ".git").exists() or shutil.which("git") is None:
        return state
    commit = _git(folder, "rev-parse", "HEAD").strip()
    changes = _git(folder, "diff", "HEAD")
    untracked = _git(folder, "ls-files", "--others", "--exclude-standard", "project", "conf")
    dirty = bool(changes or untracked)
    state |= {"commit": commit, "changed": dirty}
    if dirty:
        state["difference"] = hashlib.sha256((changes + untracked).encode()).hexdigest()[:12]
    return state


def _git(folder: Path, *words: str) -> str:
    result = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, check=False)
    return result.stdout if result.returncode == 0 else ""
