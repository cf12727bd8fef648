"""A run that learns: nothing is found, and all is measured."""

from __future__ import annotations

import math
from typing import Any


def test_nothing_is_found_in_a_run_that_nothing_is_wrong_with(sound: Any) -> None:
    assert sound.curves["dev/cer"][-1][1] < 0.02
    assert sound.told == set()
    assert sound.findings == {}
    assert not [name for name, curve in sound.curves.items() for _, value in curve if not math.isfinite(value)]
