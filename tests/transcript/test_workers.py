"""Processes that transcribe beside each other: the same as one, in the same order, whatever happens to one of them."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from project.contract import InputError, WorkError
from project.transcript.heard import Heard
from project.transcript.workers import Workers, uninterrupted

pytestmark = pytest.mark.long  # a process takes seconds to begin

EARS = '''
"""A recognizer of names: what is done to each stands in it."""

import os, signal, sys, time
from project.contract import InputError
from project.transcript.heard import Heard
from project.transcript.transcript import Mark, Transcript


class Ears:
    def __init__(self, log, fails=None):
        if fails == "input":
            raise InputError("device=gpu: there is none: set device=cpu")
        if fails == "work":
            raise KeyError("weights")
        self.log = open(log, "a", buffering=1)
        self.log.write(f"{os.getpid()} opened\\n")

    def listen(self, files):
        for file in files:
            self.log.write(f"{os.getpid()} {file}\\n")
            word, _, seconds = file.partition(":")
            if word == "dies":
                os.kill(os.getpid(), int(seconds))
            if word == "exits":
                os._exit(7)
            if word == "bad":
                yield Heard(file, problem=f"{file}: it is cut short")
                continue
            if word == "breaks":
                raise RuntimeError("no such operator")
            marks = (Mark(word, 0.0, 1.0, 0.5),)
            yield Heard(file, marks, "", 0.5)
            time.sleep(float(seconds or 0))
            yield Heard(file, (), "", 1.0, Transcript(file, 1.0, marks, ""))
'''


@pytest.fixture
def ears(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """What opens a recognizer, in any process."""
    (tmp_path / "ears.py").write_text(EARS)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "ears", raising=False)
    import ears

    return partial(ears.Ears, str(tmp_path / "log"))


def log(folder: Path) -> list[list[str]]:
    return [line.split() for line in (folder / "log").read_text().splitlines()]


def ends(heard: Iterator[Heard]) -> list[Heard]:
    return [one for one in heard if one.transcript or one.problem]


def test_the_order_is_that_of_the_files_and_each_process_opens_once(ears: Any, tmp_path: Path) -> None:
    files = ["slow:1.5", *(f"word{number}:0.01" for number in range(40)), "bad:", "last:"]
    heard = list(Workers(2, ears).listen(iter(files)))
    told = [one for one in heard if one.transcript or one.problem]
    assert [one.file for one in told] == files
    assert [one.problem for one in told if one.problem] == ["bad:: it is cut short"]
    assert told[3].transcript == next(one.transcript for one in Workers(1, ears).listen([files[3]]) if one.transcript)
    lines = log(tmp_path)[: len(files) + 2]
    assert sum(line[1] == "opened" for line in lines) == 2
    others = [line[1] for line in lines if line[0] != next(pid for pid, what in lines if what == "slow:1.5")]
    assert len(others) > 10, "while one was at the slow file the other went on"
    early = [one.file for one in heard[: heard.index(told[0])]]
    assert len(early) > 5, "how far they are is told at once"
    assert not multiprocessing.active_children()


def test_no_more_transcripts_wait_than_a_few(ears: Any, tmp_path: Path) -> None:
    """A long file first: what comes after it is not all done before it is told."""
    files = ["slow:2", *(f"word{number}:" for number in range(200))]
    workers = Workers(2, ears).listen(files)
    for one in workers:
        if one.transcript:
            break
    assert len(log(tmp_path)) <= 2 + 16 + 2
    assert len(ends(workers)) == 200


@pytest.mark.parametrize("word", [f"dies:{int(signal.SIGKILL)}", f"dies:{int(signal.SIGSEGV)}", "exits:"])
def test_a_process_that_dies_takes_its_file_with_it_alone(ears: Any, tmp_path: Path, word: str) -> None:
    """What it had at hand beside that is done by others."""
    files = [f"word{number}:" for number in range(24)]
    files[3:3] = [word]
    told = ends(Workers(2, ears).listen(files))
    assert [one.file for one in told] == files
    assert [one.file for one in told if one.problem] == [word]
    remedy = {"9": "with fewer workers", "11": "exit code -11): transcribe it by itself"}.get(word[5:], "exit code 7)")
    assert remedy in str(told[3].problem)
    done = [what for _, what in log(tmp_path) if what != "opened"]
    assert sorted(done) == sorted(files)


def test_what_goes_wrong_in_a_process_ends_all(ears: Any, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(InputError, match="there is none: set device=cpu"):
        list(Workers(2, partial(ears, fails="input")).listen(["a:", "b:"]))
    with pytest.raises(WorkError, match="KeyError: 'weights'"):
        list(Workers(2, partial(ears, fails="work")).listen(["a:", "b:"]))
    with pytest.raises(WorkError, match="RuntimeError: no such operator: see the traceback above"):
        list(Workers(2, ears).listen(["a:", "breaks:", "b:", "c:"]))
    assert capfd.readouterr().err.count("Traceback") >= 2
    assert not multiprocessing.active_children()


def test_who_stops_asking_leaves_no_process(ears: Any) -> None:
    workers = Workers(2, ears).listen(f"{number}:0.05" for number in range(100))
    for one in workers:
        if one.transcript:
            break
    assert len(multiprocessing.active_children()) == 2
    workers.close()  # type: ignore[attr-defined]
    assert not multiprocessing.active_children()


def test_an_interrupt_is_for_who_asks_alone(ears: Any, capfd: pytest.CaptureFixture[str]) -> None:
    """A terminal sends it to all processes; they say nothing of it."""
    workers = Workers(2, ears).listen(["a:", "b:", *(f"{number}:0.2" for number in range(30))])
    next(workers)
    children = multiprocessing.active_children()
    for child in children:
        assert child.pid is not None
        os.kill(child.pid, signal.SIGINT)
    time.sleep(0.3)
    assert all(child.is_alive() for child in children)
    with pytest.raises(KeyboardInterrupt):
        for _ in workers:
            signal.raise_signal(signal.SIGINT)
    workers.close()  # type: ignore[attr-defined]
    assert not multiprocessing.active_children()
    assert "Traceback" not in capfd.readouterr().err


def test_an_interrupt_waits_while_a_process_is_started() -> None:
    begun = False
    with pytest.raises(KeyboardInterrupt), uninterrupted():
        signal.raise_signal(signal.SIGINT)
        begun = True
    assert begun
