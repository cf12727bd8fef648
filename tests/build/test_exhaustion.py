"""Errors of the machine are told from those of the work, also where a worker or a chain of errors wraps them."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
from torch._utils import ExceptionWrapper

from project.build.exhaustion import of_the_disk, worker_death
from project.contract import InputError, WorkError


def full(file: object = "/nowhere/a.ckpt") -> OSError:
    return OSError(errno.ENOSPC, "No space left on device", str(file))


def test_each_kind_of_trouble_with_a_disk_has_its_words(tmp_path: Path) -> None:
    told = of_the_disk(full(tmp_path / "a"))
    assert isinstance(told, WorkError)
    assert f"{tmp_path}/a: no space left on the disk (" in str(told)
    assert f"MB are free in {tmp_path}): make room there" in str(told)
    for number, words, kind in [
        (errno.EDQUOT, "the quota of disk space is used up", WorkError),
        (errno.EIO, "the disk gives errors", WorkError),
        (errno.EROFS, "the file system is read-only", InputError),
        (errno.EACCES, "no permission", InputError),
    ]:
        told = of_the_disk(OSError(number, "x", "/nowhere/b"))
        assert isinstance(told, kind)
        assert f"/nowhere/b: {words}" in str(told)
    for other in (ValueError("No space left"), FileNotFoundError(errno.ENOENT, "x", "/nowhere/c"), OSError("odd")):
        assert of_the_disk(other) is None


def test_it_is_found_below_other_errors() -> None:
    outer = RuntimeError("the writer failed")
    outer.__cause__ = full()
    assert "/nowhere/a.ckpt" in str(of_the_disk(outer))


def test_a_worker_wraps_it_in_its_traceback() -> None:
    try:
        raise full()
    except OSError:
        wrapper = ExceptionWrapper(where="in DataLoader worker process 0")
    with pytest.raises(OSError, match="Original Traceback") as caught:
        wrapper.reraise()
    assert "/nowhere/a.ckpt: no space left" in str(of_the_disk(caught.value))


def test_workers() -> None:
    bus = "DataLoader worker (pid 9) is killed by signal: Bus error. It is possible that dataloader's workers are out"
    assert "shm is full" in str(worker_death(RuntimeError(bus)))
    gone = worker_death(RuntimeError("DataLoader worker (pid(s) 9, 12) exited unexpectedly"))
    assert "worker exited unexpectedly, as happens when memory runs out: lower data.workers" in str(gone)
    assert worker_death(RuntimeError("Caught RuntimeError in DataLoader worker process 0")) is None
