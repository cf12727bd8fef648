"""How an error that says that memory ran out is told from others. It knows no torch, so that whoever asks need not."""

from __future__ import annotations

import errno

TYPES = ("MemoryError", "OutOfMemoryError")  # the second is torch's
WORDS = ("out of memory", "can't allocate memory")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on a GPU or in the process.

    >>> is_out_of_memory(RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"))
    True
    >>> is_out_of_memory(RuntimeError("shapes do not match"))
    False
    """
    kinds = {kind.__name__ for kind in type(error).__mro__}
    known = not kinds.isdisjoint(TYPES) or getattr(error, "errno", None) == errno.ENOMEM
    return known or any(words in str(error).lower() for words in WORDS)
