"""Several processes, one run: how the other ranks are started, and how to tell which one this is.

Lightning would start them with this process's own command line. Under Hydra that means to compose again, in a sweep
even to sweep again, so that ranks train different points (Lightning #11300, #18175). Ours are started on the run's
folder.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from project.contract import InputError

VARIABLES = ("LOCAL_RANK", "NODE_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
RANK_OF = "--rank-of"


def is_first() -> bool:
    """Whether this process is the one that writes: rank 0, or alone.

    Asked before Lightning is up, so read from what torchrun, SLURM and Lightning's launcher set.
    """
    rank = os.environ.get("RANK") or os.environ.get("LOCAL_RANK") or os.environ.get("SLURM_PROCID") or "0"
    return rank == "0"


def require_one(environment: Mapping[str, str] = os.environ) -> None:
    """Refuse to start runs from one of several processes: each of them would start all."""
    started = environment.get("WORLD_SIZE") or environment.get("SLURM_STEP_NUM_TASKS") or "1"
    if started != "1":
        raise InputError(
            f"launcher: {started} processes were started (torchrun or srun), and each would run the whole sweep: start "
            "it once, without them; launcher=slurm or trainer=ddp starts each point's processes"
        )


def quieten() -> None:
    """Before torch is imported: of what it says in C++, errors alone.

    Each process would say that DDP looked for weights without a gradient and found none: some models have them, most do
    not. TORCH_CPP_LOG_LEVEL=WARNING has it say so.
    """
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")


@contextmanager
def started_on(folder: Path) -> Iterator[None]:
    """While this holds, Lightning starts other ranks on a run's folder; afterwards no group of processes is left."""
    import torch.distributed
    from lightning.pytorch.strategies.launchers import subprocess_script

    launcher: Any = subprocess_script
    command = [sys.executable, "-m", "project.train", RANK_OF, str(folder.resolve())]
    before = launcher._basic_subprocess_cmd, launcher._hydra_subprocess_cmd
    variables = {name: os.environ.get(name) for name in VARIABLES}
    launcher._basic_subprocess_cmd = lambda: command
    launcher._hydra_subprocess_cmd = lambda local_rank: (command, str(Path.cwd()))
    try:
        yield
    finally:
        launcher._basic_subprocess_cmd, launcher._hydra_subprocess_cmd = before
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()
        for name, value in variables.items():
            if value is None:
                os.environ.pop(name, None)
