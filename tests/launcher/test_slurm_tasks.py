"""A run inside of a job whose processes are others than the run wants."""

from __future__ import annotations

import pytest

from project.contract import InputError
from project.launcher.slurm_tasks import require_tasks

BATCH = {"SLURM_JOB_ID": "7", "SLURM_JOB_NAME": "run", "SLURM_NTASKS": "2"}
STEP = {**BATCH, "SLURM_STEP_ID": "0", "SLURM_STEP_NUM_TASKS": "2", "SLURM_STEP_NUM_NODES": "1"}


@pytest.mark.parametrize(
    ("ranks", "nodes", "environment"),
    [
        (4, 2, {}),
        (2, 1, STEP),
        (1, 1, BATCH),  # no srun: one process
        (2, 1, {**STEP, "SLURM_JOB_NAME": "bash", "SLURM_STEP_NUM_TASKS": "1"}),  # Lightning starts the other
        (2, 1, {**BATCH, "TORCHELASTIC_RUN_ID": "a"}),
    ],
)
def test_what_fits(ranks: int, nodes: int, environment: dict[str, str]) -> None:
    require_tasks(ranks, nodes, environment)


@pytest.mark.parametrize(
    ("ranks", "nodes", "environment", "started"),
    [
        (2, 1, BATCH, "SLURM started 1 on 1"),
        (2, 1, {**STEP, "SLURM_STEP_NUM_TASKS": "1"}, "SLURM started 1 on 1"),
        (1, 1, STEP, "SLURM started 2 on 1"),
        (2, 2, STEP, "SLURM started 2 on 1"),
    ],
)
def test_what_does_not_fit(ranks: int, nodes: int, environment: dict[str, str], started: str) -> None:
    with pytest.raises(InputError, match=started) as error:
        require_tasks(ranks, nodes, environment)
    assert f"--nodes={nodes} --ntasks-per-node={ranks // nodes}" in str(error.value)
