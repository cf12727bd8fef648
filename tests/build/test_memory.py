"""Freed memory is kept: the second use of a large block costs no page faults."""

from __future__ import annotations

import resource
import sys

import numpy as np
import pytest

from project.build.memory import keep_freed


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's malloc alone is told")
def test_large_blocks_are_used_again_without_page_faults() -> None:
    if not keep_freed():
        pytest.skip("this C library has no mallopt")

    def faults(rounds: int) -> int:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for _ in range(rounds):
            np.ones(4_000_000, dtype=np.float32).sum()
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    faults(2)
    assert faults(10) < 1000  # given back each time, it would be 3,900 pages a round
