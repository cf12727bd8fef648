"""Whether the processes that SLURM started are those that a run wants: if not, it would wait for ever or train twice.

`launcher=slurm` asks for the right number; scripts that were written or changed by hand need not.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from project.contract import InputError

INTERACTIVE = ("bash", "interactive")  # names of jobs in which Lightning starts processes itself, as without SLURM


def require_tasks(ranks: int, nodes: int, environment: Mapping[str, str] = os.environ) -> None:
    """Refuse a run whose processes are not this job's tasks. Outside of SLURM there is nothing to refuse."""
    if "SLURM_JOB_ID" not in environment or "TORCHELASTIC_RUN_ID" in environment:
        return
    if environment.get("SLURM_JOB_NAME") in INTERACTIVE:
        return
    here = _tasks(environment)
    if here != (ranks, nodes):
        raise InputError(
            f"trainer.devices: the run wants {ranks} processes on {nodes} nodes, and SLURM started {here[0]} on "
            f"{here[1]}: start it with sbatch --nodes={nodes} --ntasks-per-node={ranks // nodes} and srun, as "
            "launcher=slurm does"
        )


def _tasks(environment: Mapping[str, str]) -> tuple[int, int]:
    """Tasks and nodes of the step that `srun` started; what runs in a batch script itself is alone."""
    if "SLURM_STEP_ID" not in environment:
        return 1, 1
    return int(environment.get("SLURM_STEP_NUM_TASKS", "1")), int(environment.get("SLURM_STEP_NUM_NODES", "1"))
