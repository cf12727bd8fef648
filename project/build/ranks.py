"""Several processes, one run: how the other ranks are started, and how to tell which one this is.

Lightning would start them with this process's own command line. Under Hydra that means to compose again, in a sweep
even to sweep again, so that ranks train different points (Lightning #11300, #18175). Ours are started on the run's
folder.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

VARIABLES = ("LOCAL_RANK", "NODE_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
RANK_OF = "--rank-of"


def is_first() -> bool:
    """Whether this process is the one that writes: rank 0, or alone.

    Asked before Lightning is up, so read from what torchrun, SLURM and Lightning's launcher set.
    """
    rank = os.environ.get("RANK") or os.environ.get("LOCAL_RANK") or os.environ.get("SLURM_PROCID") or "0"
    return rank == "0"


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
