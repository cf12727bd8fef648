"""How much memory a step took at its highest, on a GPU or in this process. Bytes throughout.

It does not know what a step is.
"""

from __future__ import annotations

import ctypes
import gc
import re
import sys
import threading
from pathlib import Path
from typing import Protocol

import torch

PROCESS = Path("/proc/self")
WATCHED_SECONDS = 0.005


class Gauge(Protocol):
    """Between `begin` and `peak` something is done; `base` is what was in use when it began."""

    limit: int  # what may be in use
    base: int
    is_final: bool  # whether more than the limit would end the process: it is not to be tried

    def begin(self) -> None:
        """Give back what is not in use, and begin anew."""

    def peak(self) -> int:
        """The most that was in use since then."""


class DeviceGauge:
    """Memory of one GPU as torch's allocator holds it, cut into blocks that do not quite fit each other."""

    is_final = False

    def __init__(self, device: torch.device, margin: float, kept: int = 0) -> None:
        self.device = device
        self._give_back()
        free, _ = torch.cuda.mem_get_info(device)
        self.limit = int((1 - margin) * (free + torch.cuda.memory_reserved(device))) - kept
        self.base = 0

    def begin(self) -> None:
        self._give_back()
        torch.cuda.reset_peak_memory_stats(self.device)
        self.base = torch.cuda.memory_reserved(self.device)

    def peak(self) -> int:
        torch.cuda.synchronize(self.device)
        return int(torch.cuda.max_memory_reserved(self.device))

    def _give_back(self) -> None:
        gc.collect()
        torch.cuda.empty_cache()


class ProcessGauge:
    """Memory of this process that is resident. The system keeps its highest; where that cannot be reset, it is watched.

    More than the machine has ends the process, so what is expected to need more than the limit is not tried.
    """

    is_final = True

    def __init__(self, limit: int, process: Path = PROCESS) -> None:
        self.limit = limit
        self.base = 0
        self._process = process
        self._watch: _Watch | None = None

    def begin(self) -> None:
        gc.collect()
        give_back()
        self.base = resident(self._process, "VmRSS")
        try:
            (self._process / "clear_refs").write_text("5", encoding="ascii")
        except OSError:  # not allowed in some containers
            self._watch = _Watch(self._process)

    def peak(self) -> int:
        if self._watch is None:
            return resident(self._process, "VmHWM")
        watch, self._watch = self._watch, None
        return watch.stop()


class _Watch:
    """Looks every few milliseconds, in a thread."""

    def __init__(self, process: Path) -> None:
        self._process, self._highest, self._ended = process, 0, threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def stop(self) -> int:
        self._ended.set()
        self._thread.join()
        return max(self._highest, resident(self._process, "VmRSS"))

    def _look(self) -> None:
        while not self._ended.wait(WATCHED_SECONDS):
            self._highest = max(self._highest, resident(self._process, "VmRSS"))


def resident(process: Path = PROCESS, name: str = "VmRSS") -> int:
    """Memory of a process: what is resident now (VmRSS), or the most that was (VmHWM)."""
    found = re.search(rf"^{name}:\s+(\d+) kB", (process / "status").read_text(encoding="utf-8"), flags=re.M)
    assert found is not None, "Linux tells it of every process"
    return int(found[1]) * 1024


def give_back() -> None:
    """Let the C library return what it keeps for later: else it would count as in use."""
    if sys.platform.startswith("linux") and (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)) is not None:
        trim(0)
