"""Once more after a signal: the lines of a job's script that see to it, and whether a process can count on them.

SLURM sends USR2 some time before the limit. The processes save at the next step boundary and end with 128 + the signal;
the script then asks for the job to be started again. It is the script that asks because it is there from the first
moment, also while Python still imports, and asks once however many processes there are. SIGTERM asks for nothing:
`scancel` sends it, and jobs that SLURM preempts are started again by SLURM.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping

SIGNALS = (signal.SIGUSR1, signal.SIGUSR2)
MOST = "SCANSION_REQUEUES"  # set in the script: how often at most
OPENING = """\
set +e            # how the processes end is looked at below
trap : USR1 USR2  # these signals are for the processes, not for this script"""
CLOSING = """\
code=$?
# after a USR signal: once more; the same job, from its checkpoint
if { [ $code -eq 138 ] || [ $code -eq 140 ]; } && [ "${SLURM_RESTART_COUNT:-0}" -lt "$SCANSION_REQUEUES" ]; then
    scontrol requeue "${SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID}${SLURM_ARRAY_TASK_ID:+_$SLURM_ARRAY_TASK_ID}"
fi
exit $code"""


def opening(most: int) -> list[str]:
    """The lines of a script before its processes are started; the job is requeued so often at most."""
    return [f"export {MOST}={most}", *OPENING.splitlines()]


def closing() -> list[str]:
    """The lines right after."""
    return CLOSING.splitlines()


def is_promised(number: int, environment: Mapping[str, str] = os.environ) -> bool:
    """Whether the script that started this process asks for the job again, after the process ended by this signal."""
    if MOST not in environment or number not in SIGNALS:
        return False
    return int(environment.get("SLURM_RESTART_COUNT", "0")) < int(environment[MOST])
