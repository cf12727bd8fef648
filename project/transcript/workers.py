"""Processes that transcribe beside each other: each opens the recognizer once, and takes one file after the other.

It does not know how a recognizer is opened nor what a file is.
"""

from __future__ import annotations

import multiprocessing
import signal
import sys
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from typing import Any

from project.contract import InputError, WorkError
from project.transcript.heard import Heard, Listens

Open = Callable[[], Listens]  # it is sent to the processes
Task = tuple[int, str]  # a file, and which of all it is

_AHEAD = 8  # files a process may be ahead of the one that is told next: their transcripts wait in memory
_MANY = 4  # files for each process that are left, from which on one has its next at hand: it waits for nobody then


class Workers:
    """Several processes as one recognizer: what it tells of files is in their order.

    How far a process is with a file is told at once. A process that dies takes its file with it, and another begins.
    """

    def __init__(self, count: int, opened: Open) -> None:
        self._count = count
        self._opened = opened

    def listen(self, files: Iterable[str]) -> Iterator[Heard]:
        """What is heard in each file, one after the other."""
        left = deque(enumerate(files))
        processes: dict[Connection, _Process] = {}
        whole: dict[int, Heard] = {}  # of files that are not told yet
        told = 0
        try:
            while left or any(process.files for process in processes.values()):
                self._hand_out(left, processes, told)
                for end in wait([end for end, process in processes.items() if process.files]):
                    process = processes[end]  # type: ignore[index]
                    number, heard = process.heard()
                    if heard.transcript is None and heard.problem is None:
                        yield heard
                        continue
                    whole[number] = heard
                    if not process.is_alive:
                        del processes[process.end]
                        process.stop()
                        left.extendleft(reversed(process.files))  # what it had at hand is for others
                while told in whole:
                    yield whole.pop(told)
                    told += 1
        finally:
            for process in processes.values():
                process.stop()

    def _hand_out(self, left: deque[Task], processes: dict[Connection, _Process], told: int) -> None:
        """Files to those who have none, then a second one to each as long as there are many."""
        for most in (1, 2):
            if most == 2 and len(left) < _MANY * self._count:
                return
            while left and left[0][0] < told + _AHEAD * self._count:
                process = next((one for one in processes.values() if len(one.files) < most), None)
                if most == 1 and process is None and len(processes) < self._count:
                    process = _Process(self._opened)
                    processes[process.end] = process
                if process is None:
                    break
                process.take(left.popleft())


class _Process:
    """A process, and the files that it has, of which it is at the first."""

    def __init__(self, opened: Open) -> None:
        context = multiprocessing.get_context("spawn")
        self.end, theirs = context.Pipe()
        self._process = context.Process(target=_answer, args=(theirs, opened), daemon=True)
        resource_tracker.ensure_running()  # else starting the first process would start it, and let Ctrl-C in
        with uninterrupted():  # the process inherits it
            self._process.start()
        theirs.close()
        self.files: deque[Task] = deque()
        self.is_alive = True

    def take(self, task: Task) -> None:
        """A file to transcribe."""
        self.files.append(task)
        with suppress(BrokenPipeError):  # it has just died: that is found where it is heard
            self.end.send(task[1])

    def heard(self) -> tuple[int, Heard]:
        """What it says next, and of which file."""
        number, file = self.files[0]
        try:
            answer: Heard | Exception = self.end.recv()
        except (EOFError, ConnectionResetError):
            self.is_alive = False
            self._process.join()
            answer = Heard(file, problem=f"{file}: {self._death()}")
        if isinstance(answer, Exception):
            raise answer
        if answer.transcript or answer.problem:
            self.files.popleft()
        return number, answer

    def _death(self) -> str:
        code = self._process.exitcode
        if code == -signal.SIGKILL:
            return "its process was killed, perhaps as memory ran out: transcribe it again with fewer workers"
        return f"its process died (exit code {code}): transcribe it by itself, with workers=0"

    def stop(self) -> None:
        self._process.terminate()
        self._process.join()
        self.end.close()


@contextmanager
def uninterrupted() -> Iterator[None]:
    """While this holds Ctrl-C waits; a process that is started meanwhile never hears of it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _answer(end: Any, opened: Open) -> None:
    """In a process of its own: what is heard in each file that comes; or what went wrong, and then no more."""
    with suppress(EOFError, BrokenPipeError):  # whoever asked is gone
        try:
            listener = opened()
            while True:
                for heard in listener.listen([end.recv()]):
                    end.send(replace(heard, marks=()))  # they are in the transcript
        except InputError as error:
            end.send(error)
        except (EOFError, BrokenPipeError):
            raise
        except Exception as error:
            traceback.print_exc(file=sys.stderr)
            end.send(WorkError(f"a process that transcribes: {type(error).__name__}: {error}: see the traceback above"))
