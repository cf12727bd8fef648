"""How the process asks its machine for memory: large blocks are kept and used again instead of given back each time."""

from __future__ import annotations

import ctypes
import sys

# glibc's mallopt(3): parameters and values
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_KEPT = 2**31 - 1


def keep_freed() -> bool:
    """Lets glibc keep freed blocks, whatever their size; True if it is glibc and did.

    A training step on the CPU frees and takes the same tens of megabytes again and again. By default each large block
    goes back to the kernel and comes again page by page, every page cleared: 4,000 to 8,000 page faults a step.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # other C libraries have none
    if mallopt is None:
        return False
    return bool(mallopt(_MMAP_THRESHOLD, _KEPT) and mallopt(_TRIM_THRESHOLD, _KEPT))
