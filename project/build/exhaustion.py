"""When the machine gives out while training: memory, the disk, a loader's worker. How each is told from errors of the
work itself, and what to do about it. It does not know how training goes on.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from project.contract import InputError, WorkError
from project.system.out_of_memory import is_out_of_memory

if TYPE_CHECKING:
    from lightning.pytorch import Trainer

    from project.run import Run

FULL = {
    errno.ENOSPC: "no space left on the disk",
    errno.EDQUOT: "the quota of disk space is used up",
    errno.EFBIG: "the file would be larger than files may be here",
}
BROKEN = {errno.EIO: "the disk gives errors", errno.ESTALE: "the network's file system has lost the file"}
CLOSED = {
    errno.EACCES: "no permission",
    errno.EPERM: "no permission",
    errno.EROFS: "the file system is read-only",
    errno.ENOTDIR: "a part of the path is a file and no folder",
}
WORKER = re.compile(r"DataLoader worker \(pid(?:\(s\))? [\d, ]+\) (is killed by signal: [^.]+|exited unexpectedly)")
WRAPPED = re.compile(r"\[Errno (\d+)\] [^:\n]+(?:: '([^'\n]+)')?\s*$")  # of a worker, whose traceback is text


def advice(trainer: Trainer, run: Run, error: BaseException) -> str | None:
    """What to do about an error that is the machine's, in one line; None for every other error."""
    if is_out_of_memory(error):
        return memory_advice(trainer, error)
    if died := worker_death(error):
        return f"{died}; {_go_on(trainer, run)}"
    if not run.folder.is_dir() or not run.last.parent.is_dir():
        return f"{run.folder}: the run's folder was removed while it trained, at step {trainer.global_step}: start anew"
    if told := of_the_disk(error):
        return f"{told}; {_go_on(trainer, run)}"
    return None


def _go_on(trainer: Trainer, run: Run) -> str:
    """Where it stopped and how it goes on: nothing that was saved is lost."""
    again = f"scansion train resume={run.folder}" if run.last.exists() else "the same command: nothing was saved yet"
    return f"it stopped after step {trainer.global_step}; then continue with: {again}"


def memory_advice(trainer: Trainer, error: BaseException) -> str:
    """The size of the batch that did not fit, and the knob."""
    shape = getattr(trainer.lightning_module, "batch_shape", None)
    size = f"a batch of {shape[0]} x {shape[1]} frames x {shape[2]} features" if shape else "a batch"
    return (
        f"out of memory at step {trainer.global_step} with {size}: lower data.batching.batch_length or max_batch_size "
        "(scansion train action=calibrate finds what fits), raise trainer.accumulate_grad_batches to make up, or set "
        f"on_out_of_memory=halve ({str(error).splitlines()[0]})"
    )


def worker_death(error: BaseException) -> str | None:
    """How a loader's worker died, and the remedy; None if that is not what an error says.

    >>> worker_death(RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed. "))  # doctest: +ELLIPSIS
    "a loader's worker is killed by signal: Killed, as happens when ... data.workers, or data.workers=0"
    """
    found = WORKER.search(str(error))
    if found is None:
        return None
    if "Bus error" in found[1]:
        return f"a loader's worker {found[1]}, as happens when /dev/shm is full: make it larger, or set data.workers=0"
    return f"a loader's worker {found[1]}, as happens when memory runs out: lower data.workers, or data.workers=0"


def of_the_disk(error: BaseException) -> InputError | WorkError | None:
    """An error of the system about a file as one of ours, with the place and the remedy; None for other errors."""
    for one in _chain(error):
        number, file = getattr(one, "errno", None), getattr(one, "filename", None)
        if isinstance(one, OSError) and number is None and (wrapped := WRAPPED.search(str(one))):
            number, file = int(wrapped[1]), wrapped[2]
        if not isinstance(one, OSError) or number is None or file is None:
            continue
        if number in FULL:
            return WorkError(f"{file}: {FULL[number]} ({_room(Path(str(file)))}): make room there")
        if number in BROKEN:
            return WorkError(f"{file}: {BROKEN[number]} ({one.strerror}): look after the disk")
        if number in CLOSED:
            return InputError(f"{file}: {CLOSED[number]}: change that, or name another place")
    return None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _room(file: Path) -> str:
    """What is free where a file was to be."""
    folder = next((one for one in file.absolute().parents if one.is_dir()), Path("/"))
    state = os.statvfs(folder)
    if state.f_files and not state.f_favail:
        return f"no more files can be made in {folder}: its inodes are used up"
    return f"{shutil.disk_usage(folder).free / 1e6:,.1f} MB are free in {folder}"
