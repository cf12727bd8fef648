"""Peak memory of this process, by the system's own mark and by watching, against an allocation of known size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from project.calibration.gauge import PROCESS, ProcessGauge, give_back, resident

pytestmark = pytest.mark.long


MEGABYTES = 60


@pytest.mark.parametrize("kind", ["marked", "watched"])
def test_the_highest_use_is_seen_after_it_is_over(kind: str, tmp_path: Path) -> None:
    process = PROCESS
    if kind == "watched":  # as where the mark may not be set back
        (tmp_path / "status").symlink_to(PROCESS / "status")
        (tmp_path / "clear_refs").mkdir()
        process = tmp_path
    gauge = ProcessGauge(limit=1 << 40, process=process)
    for times in (2, 1):  # the smaller use after the larger one
        gauge.begin()
        for _ in range(10):
            np.ones(times * MEGABYTES * 1_000_000, dtype=np.uint8).sum()
        used = (gauge.peak() - gauge.base) / 1e6
        assert times * MEGABYTES * 0.9 < used < times * MEGABYTES * 1.2 + 10
    give_back()  # the C library may have been told to keep it
    assert resident() < gauge.base + 30_000_000
