"""What tests of several metrics share: resamples written out, against figures that are reckoned for many at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from project.contract import Hypothesis
from project.metric.association import Array

Check = Callable[[Any, Sequence[tuple[str, Hypothesis]]], None]


@pytest.fixture
def check_resamples() -> Check:
    return check


def check(metric: Any, examples: Sequence[tuple[str, Hypothesis]], count: int = 20) -> None:
    """`ratios` and `weigh` together give all figures, and those of each resample written out example by example."""
    rows = [metric.score(*example) for example in examples]
    arrays = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    offered: Mapping[str, Callable[[Array], Array]] = metric.weigh(arrays) if hasattr(metric, "weigh") else {}
    size = len(examples)
    counts_NR = np.random.default_rng(2).multinomial(size, np.full(size, 1 / size), size=count).T.astype(float)
    for resample, counts_N in enumerate(counts_NR.T.astype(int)):
        figures = metric.summarize({name: np.repeat(array, counts_N).tolist() for name, array in arrays.items()})
        assert metric.ratios.keys() | offered.keys() == figures.keys()
        for name, (above, below) in metric.ratios.items():
            totals = [sum(arrays[column] @ counts_N for column in part) for part in (above, below)]
            assert figures[name] == pytest.approx(totals[0] / totals[1])
        for name, figure in offered.items():
            assert figures[name] == pytest.approx(figure(counts_NR)[resample])
