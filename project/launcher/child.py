"""One point of a sweep as a process of its own: started, watched, told to stop, and what it died of.

The process leads a session, so that a Ctrl-C of the terminal does not reach it past its launcher, and all that it
starts can be ended with it. If its launcher dies, it is told to stop.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from project.launcher import attended
from project.sweep import Point

OF_A_GROUP = ("RANK", "LOCAL_RANK", "NODE_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
LOG_TAIL = 1 << 14  # bytes that are searched for the reason of a failure


class Child:
    """A running point; it waits for `begin`, so that what is noted of it before is older than what it notes."""

    def __init__(self, point: Point, command: Sequence[str], log: Path, settings: Mapping[str, str]) -> None:
        self.point = point
        self.log = log
        self.started = time.monotonic()
        self.peak = 0  # bytes that it was seen to take
        self.taken = 0  # that it takes now
        environment = {name: value for name, value in os.environ.items() if name not in OF_A_GROUP}
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as file:
            file.write(f"--- {datetime.now():%Y-%m-%d %H:%M:%S} {point.told}\n".encode())
            file.flush()
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", attended.__file__, *command],
                stdin=subprocess.PIPE,
                stdout=file,
                stderr=subprocess.STDOUT,
                env=environment | dict(settings),
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def seconds(self) -> float:
        """How long it has been running."""
        return time.monotonic() - self.started

    def begin(self) -> None:
        """Let it go."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError), self._process.stdin as pipe:  # killed already: that shows soon enough
            pipe.write(b"!")

    def ended(self) -> int | None:
        """Its exit code, or minus the signal that it died of; None while it runs. What it started ends with it."""
        if os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            return None
        self.kill()  # ranks and loaders that outlived it; as long as it is not waited for, its number is its own
        return self._process.wait()

    def ask_to_stop(self, number: int) -> None:
        """Tell it by a signal, and it alone: its loaders must live until its checkpoint is written."""
        self._process.send_signal(number)

    def kill(self) -> None:
        """End it and all that it started, at once."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    def end(self) -> None:
        """Kill it, and see that it is gone."""
        self.kill()
        self._process.wait()

    def reason(self, code: int, out_of_memory: bool) -> str:
        """Why it ended like that, in a line."""
        if code >= 0:
            return f"{self._last_words() or 'nothing was said'} (exit code {code})"
        name = signal.Signals(-code).name
        if out_of_memory and -code == signal.SIGKILL:
            return (
                f"the system ran out of memory and killed it ({name}); it took {gigabytes(self.peak)}: let fewer run "
                "at once with launcher.jobs=1, or make it smaller"
            )
        return f"killed by {name}, which another process sent: see {self.log}"

    def _last_words(self) -> str:
        """The last line of its log that says anything, cut to a readable length."""
        with self.log.open("rb") as file:
            file.seek(max(0, self.log.stat().st_size - LOG_TAIL))
            lines = [line.strip() for line in file.read().decode(errors="replace").splitlines()]
        said = [line for line in lines if line and not line.startswith("--- ")]
        return said[-1][:300] if said else ""


def gigabytes(size: float) -> str:
    """Bytes as people write them.

    >>> gigabytes(3 * 2**30)
    '3.0 GB'
    """
    return f"{size / 2**30:.1f} GB"
