"""What a job asks SLURM for, beside its processes: where it may run, for how long, and on how much of a machine.

What is not set is left to SLURM's own defaults. It knows nothing of how a job is handed in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from project.sweep import Point

Options = dict[str, str | int | bool]  # of sbatch, without dashes: {"time": "4:00:00", "requeue": True}


@dataclass(frozen=True, slots=True)
class JobRequest:
    """The same for all points of a sweep; nodes and tasks follow from each point's processes."""

    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    constraint: str | None = None
    time: str | int | None = None  # minutes, or as SLURM writes it: "4:00:00", "2-12"
    memory: str | None = None  # of a node: "32G"
    cpus_per_rank: int | None = None
    gpus_per_rank: int | None = None

    def options(self, point: Point) -> Options:
        """What sbatch is told for a point, and for those with as many processes on as many nodes.

        A rank sees all GPUs of its node and takes the one of its number, so they are asked for by node.

        >>> from pathlib import Path
        >>> JobRequest(time=90, gpus_per_rank=1).options(Point("a", (), (), Path("a"), ranks=8, nodes=2))
        {'nodes': 2, 'ntasks-per-node': 4, 'gpus-per-node': 4, 'time': 90}
        """
        tasks = point.ranks // point.nodes
        wanted = {
            "partition": self.partition,
            "account": self.account,
            "qos": self.qos,
            "constraint": self.constraint,
            "nodes": point.nodes,
            "ntasks-per-node": tasks,
            "cpus-per-task": self.cpus_per_rank,
            "gpus-per-node": self.gpus_per_rank and self.gpus_per_rank * tasks,
            "mem": self.memory,
            "time": self.time,
        }
        return {name: value for name, value in wanted.items() if value is not None}


def alike(points: Sequence[Point]) -> list[list[Point]]:
    """Points that ask for as many processes on as many nodes, together: what one array of jobs can hold."""

    def size(point: Point) -> tuple[int, int]:
        return point.nodes, point.ranks

    return [list(group) for _, group in groupby(sorted(points, key=size), key=size)]
