"""Programs and services beside Python: espeak-ng, a compiler, SLURM, W&B, git. Nobody outside is asked, but SLURM."""

from __future__ import annotations

import ctypes.util
import os
import shutil
import subprocess
import sysconfig
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from project.checkup.finding import Finding
from project.environment import code_state, version_of
from project.logger.wandb_account import logged_in

SLURM = ("sbatch", "squeue", "sinfo", "scontrol")
ANSWER_SECONDS = 3.0
Which = Callable[[str], str | None]


def espeak() -> Finding:
    """The voice of corpora that are spoken."""
    if version := version_of("espeakng-loader"):
        return Finding("espeak", "ok", f"espeakng-loader {version}: corpus=speech, corpus=say")
    if ctypes.util.find_library("espeak-ng"):
        return Finding("espeak", "ok", "the system's espeak-ng: corpus=speech, corpus=say")
    remedy = "pip install 'scansion[spoken]', or apt-get install espeak-ng"
    return Finding("espeak", "absent", "no espeak-ng, the voice of corpus=speech and corpus=say", remedy)


def compiler(which: Which = shutil.which, headers: Path | None = None) -> Finding:
    """What compile=true needs: a C++ compiler, and Python's headers."""
    named = os.environ.get("CXX", "").split()[:1]
    found = next((name for name in (*named, "g++", "clang++", "c++") if which(name)), None)
    if found is None:
        remedy = "apt-get install g++, or leave compile=false"
        return Finding("compiler", "absent", "no C++ compiler, which compile=true needs", remedy)
    folder = headers or Path(sysconfig.get_path("include"))
    if not (folder / "Python.h").is_file():
        remedy = "apt-get install python3-dev, or leave compile=false"
        return Finding("compiler", "absent", f"{Path(found).name}, but no Python.h, for compile=true", remedy)
    return Finding("compiler", "ok", f"{Path(found).name} and Python.h: compile=true")


def slurm(which: Which = shutil.which) -> Finding:
    """Its commands, and whether its controller answers."""
    missing = [name for name in SLURM if which(name) is None]
    if missing == list(SLURM):
        return Finding("slurm", "absent", "none here: launcher=local and parallel need none")
    if missing:
        return Finding(
            "slurm", "warning", f"commands are missing: {', '.join(missing)}", "install SLURM's client whole"
        )
    code, told = _ask("sinfo", "--noheader", "--format=%R")
    if code:
        remedy = "is this a machine of the cluster? Look with: scontrol ping"
        return Finding("slurm", "warning", f"its controller does not answer: {told}", remedy)
    partitions = len(dict.fromkeys(told.split()))
    if version_of("submitit") is None:
        remedy = "pip install 'scansion[cluster]', or launcher=slurm_script"
        return Finding("slurm", "warning", "it answers, and submitit is missing, for launcher=slurm", remedy)
    return Finding("slurm", "ok", f"it answers, {partitions} partition{'s' * (partitions != 1)}: launcher=slurm")


def account() -> Finding:
    """Whether there is one at W&B; nobody is asked."""
    version = version_of("wandb")
    if version is None:
        return Finding("account", "absent", "none at W&B, which is not installed")
    if logged_in():
        return Finding("account", "ok", "there is one at W&B: logger=wandb sends as it goes")
    return Finding("account", "absent", "none at W&B: logger=wandb writes, and sends nothing", "wandb login")


def git(state: Callable[[], Mapping[str, Any]] = code_state, which: Which = shutil.which) -> Finding:
    """The code's commit, which runs write down; `state` says what they write, with git's help."""
    remedy = "install git, and mark the folder as safe for it"
    if which("git") is None:
        return Finding("git", "warning", "there is no git: runs do not say which code they ran", remedy)
    said = state()
    if "commit" not in said:
        return Finding("git", "ok", f"scansion {said['version']}, installed without its history")
    if not said["commit"]:
        return Finding("git", "warning", "this is a checkout, and git does not say which", remedy)
    told = f"commit {said['commit'][:12]}"
    if said["changed"]:
        return Finding("git", "ok", f"{told}, changed: runs note a hash of the difference")
    return Finding("git", "ok", f"{told}, unchanged")


def _ask(*command: str) -> tuple[int, str]:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=ANSWER_SECONDS)
    except subprocess.TimeoutExpired:
        return 1, f"nothing within {ANSWER_SECONDS:g} s"
    if done.returncode:
        return done.returncode, "".join(done.stderr.strip().splitlines()[:1])
    return 0, done.stdout
