"""Waiting for points that SLURM has, whoever handed them in."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

from project.launcher import slurm_queue
from project.sweep import ENDED, Point, Sweep

SECONDS_BETWEEN_LOOKS = 10.0  # the controller answers everybody


def wait_for(sweep: Sweep, points: Sequence[Point]) -> None:
    """Until all have ended; what a killed process could not note is noted for it.

    Between a failure and its requeue SLURM calls a job failed for a moment: it is believed the second time.
    """
    before: object = None
    while True:
        states, problem = slurm_queue.look(sweep, points)
        if problem:
            print(f"slurm    {problem}: still waiting", file=sys.stderr)
        noted = {point.name: sweep.state(point) for point in points}
        if all(state["state"] in ENDED for state in states.values()) and states in (noted, before):
            break
        before = states
        time.sleep(SECONDS_BETWEEN_LOOKS)
    for point in points:
        state = states[point.name]
        if state != noted[point.name]:
            sweep.note(point, state["state"], error=state.get("error"))
