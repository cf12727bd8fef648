"""Work shared among processes: each answers for its share, and all are stopped when one fails.

It does not know what the work is; what is answered must be data that can be sent.
"""

from __future__ import annotations

import multiprocessing
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from typing import Any, TypeVar

import torch

from project.contract import InputError, Interrupted, WorkError

Made = TypeVar("Made")


def in_processes(count: int, work: Callable[[int], Made]) -> list[Made]:
    """What each of so many processes answers; all of them are stopped when one fails."""
    context: Any = multiprocessing.get_context("spawn" if torch.cuda.is_available() else "fork")
    ends: list[Connection] = []
    processes = []
    try:
        for share in range(count):
            mine, theirs = context.Pipe(duplex=False)
            processes.append(context.Process(target=_answer, args=(theirs, [*ends, mine], work, share)))
            processes[-1].start()
            theirs.close()
            ends.append(mine)
        asked = dict(zip(ends, processes, strict=True))
        outcomes = []
        while asked:
            for end in wait(list(asked)):
                assert isinstance(end, Connection)
                outcomes.append(_heard(end, asked.pop(end)))
        return outcomes
    finally:
        for process in processes:
            process.terminate()
            process.join()


def _answer(end: Connection, others: Sequence[Connection], work: Callable[[int], Made], share: int) -> None:
    """In a process of its own: the work's outcome, or what went wrong, for whoever asked."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever asked is told, and ends this one
    for other in others:  # so that the pipe breaks, and this process ends, if the one that asked is gone
        other.close()
    answer: Made | Exception
    try:
        answer = work(share)
    except InputError as error:
        answer = error
    except (KeyboardInterrupt, Interrupted):  # whoever asked has ended it
        return
    except Exception as error:  # told where it was asked for
        traceback.print_exc(file=sys.stderr)
        answer = WorkError(f"process {share + 1}: {type(error).__name__}: {error}: see the traceback above")
    with suppress(BrokenPipeError):  # nobody is there any more
        end.send(answer)


def _heard(end: Connection, process: Any) -> Any:
    try:
        answer = end.recv()
    except EOFError:
        process.join()
        raise WorkError(
            f"a process that scored died with exit code {process.exitcode}: evaluate with fewer devices"
        ) from None
    if isinstance(answer, Exception):
        raise answer
    return answer
