"""Whether one more point fits beside those that run: numbers alone, no processes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any


@dataclass(frozen=True, slots=True)
class Need:
    """What a point takes of a machine."""

    cores: int  # threads and loader workers of all its processes
    gpus: int  # 0: it trains on the CPU


@dataclass(frozen=True, slots=True)
class Place:
    """What a running point was given."""

    cores: int
    gpus: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Room:
    """What there is to give. Points that train on GPUs are limited by these, others by cores, unless `jobs` says."""

    jobs: int | None  # points at once; None: as many as there is room for
    cores: float
    gpus: Sequence[str] = ()
    sharing: int = 1  # points on one GPU

    def place(self, need: Need, taken: Sequence[Place]) -> Place | None:
        """What a point gets beside others, or None for as long as there is no room; one always fits alone.

        >>> two = Room(None, 4.0)
        >>> two.place(Need(3, 0), []), two.place(Need(3, 0), [Place(3)])
        (Place(cores=3, gpus=()), None)
        >>> Room(None, 4.0, ["a", "b"]).place(Need(9, 1), [Place(9, ("a",))])
        Place(cores=9, gpus=('b',))
        """
        if self.jobs is not None and len(taken) >= self.jobs:
            return None
        if need.gpus:
            used = Counter(name for one in taken for name in one.gpus)
            free = sorted((name for name in self.gpus if used[name] < self.sharing), key=used.__getitem__)
            return Place(need.cores, tuple(free[: need.gpus])) if len(free) >= need.gpus else None
        if self.jobs is None and taken and sum(one.cores for one in taken) + need.cores > self.cores:
            return None
        return Place(need.cores)


def need_of(config: Mapping[str, Any], ranks: int, gpus: int, gpus_per_point: float | None) -> Need:
    """What a point takes, by its configuration, on a machine with so many GPUs.

    >>> need_of({"threads": 2, "data": {"workers": 1}, "trainer": {"accelerator": "auto"}}, 2, 0, None)
    Need(cores=6, gpus=0)
    >>> gpu = {"trainer": {"accelerator": "gpu"}}
    >>> need_of(gpu, 2, 8, None), need_of(gpu, 1, 8, 0.5)
    (Need(cores=2, gpus=2), Need(cores=1, gpus=1))
    """
    workers = int((config.get("data") or {}).get("workers") or 0)
    cores = ranks * (int(config.get("threads") or 1) + workers)
    trains_on_gpu = gpus > 0 and (config.get("trainer") or {}).get("accelerator", "cpu") != "cpu"
    return Need(cores, (max(ranks, ceil(gpus_per_point or 0))) if trains_on_gpu else 0)


def has_memory(free: int | None, expected: int, taken: Sequence[int], margin: int) -> bool:
    """Whether there is memory for one more, when those that run have grown to what is expected of each.

    >>> has_memory(10, 3, [3, 3], 1), has_memory(10, 3, [1, 0], 1), has_memory(None, 3, [], 1)
    (True, True, True)
    >>> has_memory(9, 3, [1, 0], 1)
    False
    """
    growing = sum(max(0, expected - one) for one in taken)
    return free is None or free - growing - expected > margin
