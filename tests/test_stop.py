"""Ctrl-C is one line and exit code 130, from the command's first import to its last moment."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from project import stop
from project.build.app import guarded
from project.contract import InputError

# Starts the command, and presses Ctrl-C when it imports this module.
PRESS = """
import os, signal, sys

class Press:
    def find_spec(self, name, path, target=None):
        if name == MODULE:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Press())
sys.argv = ["scansion", "prepare"]
from project.__main__ import main
main()
"""


@pytest.mark.parametrize("module", ["project.cli", "project.build.compose", "hydra"])
def test_while_it_is_imported(module: str) -> None:
    code = PRESS.replace("MODULE", repr(module))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "scansion: interrupted\n")


@pytest.fixture
def watched() -> Iterator[None]:
    before = signal.getsignal(signal.SIGINT)
    stop.watch()
    yield
    signal.signal(signal.SIGINT, before)
    stop._moments.clear()


@pytest.mark.usefixtures("watched")
def test_it_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    """For a while: what goes wrong later has its own reasons."""
    assert not stop.came()
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    assert stop.came()
    monkeypatch.setattr(stop, "AFTERMATH_SECONDS", 0.0)
    assert not stop.came()


@pytest.mark.usefixtures("watched")
@pytest.mark.parametrize("error", [InputError(": see --help"), RecursionError("maximum depth"), KeyboardInterrupt()])
def test_what_a_library_made_of_it_is_told_as_what_it_is(
    error: BaseException, capsys: pytest.CaptureFixture[str]
) -> None:
    """Hydra's errors and numpy's, when they are interrupted in the wrong place; without it they are what they are."""

    def work() -> int:
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        raise error

    assert guarded(work) == 130
    assert capsys.readouterr().err == "scansion: interrupted\n"
    stop._moments.clear()
    assert guarded(lambda: _raise(InputError("a.jsonl: torn"))) == 2


def _raise(error: Exception) -> int:
    raise error


@pytest.mark.parametrize("words", ["list --help", "list experiments", "train --help"])
def test_who_reads_its_output_may_stop(words: str) -> None:
    """As `head` does."""
    command = f"{sys.executable} -m project {words} | head -n 1"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("\n") == 1
